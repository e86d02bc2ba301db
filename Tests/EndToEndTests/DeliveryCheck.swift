import Foundation
import Kafka
import Testing

/// Predictions that may stand on their topic more than once.
struct Copies {
  /// The first copy of each, in the order of the topic.
  private(set) var first: [KafkaRecord] = []
  /// Further copies that differ from the first one, in more than the moment at which they were made.
  private(set) var differing = 0

  init(_ records: [KafkaRecord]) throws {
    var values: [String: String] = [:]
    for record in records {
      let origin = try Copies.origin(record)
      let lasting = WrittenPrediction.lasting(record.value ?? [])
      if let value = values[origin] {
        if value != lasting { differing += 1 }
      } else {
        values[origin] = lasting
        first.append(record)
      }
    }
  }

  /// The record that a prediction is of, as ``StoredOrder/origin(_:)`` names it.
  static func origin(_ prediction: KafkaRecord) throws -> String {
    try #require(prediction.header("source_partition")) + " " + #require(prediction.header("source_offset"))
  }
}

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
  /// Copies that differ from the first one, in more than the moment at which they were made.
  let differingCopies: Int
  /// First copies against a replay of the clicks.
  let comparison: Comparison

  init(_ setup: LiveSetup, _ clicks: Clicks, model: String, _ arguments: [String] = []) throws {
    source = try setup.records(of: setup.clicks, atLeast: clicks.all.count)
    let records = try setup.records(of: setup.predictions, atLeast: clicks.events.count)
    predictions = records.count
    let copies = try Copies(records)
    first = copies.first
    differingCopies = copies.differing
    // A session's clicks are of one partition and its offsets rise, so that the prediction of its last click is its last.
    last = copies.first.sorted { DeliveryCheck.offset($0) < DeliveryCheck.offset($1) }
    comparison = Comparison(
      live: try first.map { try WrittenPrediction($0) },
      replayed: try LiveSetup.replay(clicks, model: model, arguments))
  }

  /// Predictions that stand on the topic a second time, or more often.
  var copies: Int { predictions - first.count }

  /// Each click's prediction is there, all copies of it are the same, and with `exactlyOnce` there is one.
  func keeps(_ delivery: Delivery) -> Bool { isComplete && (delivery == .atLeastOnce || copies == 0) }

  var isComplete: Bool { comparison.isEqual && differingCopies == 0 }

  var description: String {
    "\(predictions) predictions, \(copies) copies, \(differingCopies) differing copies, \(comparison)"
  }

  private static func offset(_ record: KafkaRecord) -> Int64 { Int64(record.header("source_offset") ?? "") ?? -1 }
}
