import Foundation
import Kafka
import Testing

/// Whether every click of a topic has its prediction, where some may stand there twice.
struct DeliveryCheck: CustomStringConvertible {
  /// The topic of clicks.
  let source: [KafkaRecord]
  /// The first copy of each prediction, in the order of the topic.
  let first: [KafkaRecord]
  /// The predictions with the last copies in their places.
  let last: [KafkaRecord]
  /// Predictions on the topic, copies included.
  let predictions: Int
  /// Copies that are not the same as the first one, but for the moment that they were made at.
  private(set) var differingCopies = 0
  /// First copies against a replay of the clicks.
  let comparison: Comparison

  init(_ setup: LiveSetup, _ clicks: Clicks, model: String, _ arguments: [String] = []) throws {
    source = try setup.records(of: setup.clicks, atLeast: clicks.all.count)
    let records = try setup.records(of: setup.predictions, atLeast: clicks.events.count)
    predictions = records.count
    var values: [String: String] = [:]
    var kept: [KafkaRecord] = []
    for record in records {
      let origin = try #require(record.header("source_partition")) + ":" + #require(record.header("source_offset"))
      let text = WrittenPrediction.lasting(record.value ?? [])
      if let value = values[origin] {
        if value != text { differingCopies += 1 }
      } else {
        values[origin] = text
        kept.append(record)
      }
    }
    first = kept
    // A session's clicks are of one partition and its offsets rise, so that the prediction of its last click is its last.
    last = kept.sorted { DeliveryCheck.offset($0) < DeliveryCheck.offset($1) }
    comparison = Comparison(
      live: try first.map { try WrittenPrediction($0) },
      replayed: try LiveSetup.replay(clicks, model: model, arguments))
  }

  var isComplete: Bool { comparison.isEqual && differingCopies == 0 }

  var description: String {
    "\(predictions) predictions, \(first.count) different clicks, \(differingCopies) differing copies, \(comparison)"
  }

  private static func offset(_ record: KafkaRecord) -> Int64 { Int64(record.header("source_offset") ?? "") ?? -1 }
}
