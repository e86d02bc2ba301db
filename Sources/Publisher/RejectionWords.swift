import Events

extension RejectionReason {
  /// Why, for the one who reads dead letters.
  var words: String {
    switch self {
    case .malformed: "the record can't be parsed"
    case .missingSession: "there is no session id"
    case .missingItem: "there is no item id"
    case .missingTime: "there is no time"
    case .sessionTooLong: "the session id is longer than \(Limits.sessionBytes) bytes"
    case .itemTooLong: "the item id is longer than \(Limits.itemBytes) bytes"
    case .recordTooLong: "the record is longer than \(Limits.recordBytes) bytes"
    case .invalidTime: "the time can't be read"
    case .timeOutOfRange: "the time is before the year 2000 or after the year 2200"
    case .wrongType: "a field has another type than it should"
    case .invalidText: "a text is not valid UTF-8"
    }
  }
}
