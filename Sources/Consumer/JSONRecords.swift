public import Events
public import Formats

/// JSON is what records hold.
extension JSONEventDecoder: RecordDecoder {}

extension KafkaEventSource where Decoder == JSONEventDecoder {
  /// What became of the records that were decoded; those that were read again to rebuild state count too.
  public var decoded: DecodeCounts { decoder.counts }
}
