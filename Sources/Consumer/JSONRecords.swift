public import Events
public import Formats

/// JSON is what records hold.
extension JSONEventDecoder: RecordDecoder {}
