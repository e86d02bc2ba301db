import Control
import Formats
import Foundation
import Kafka

/// What only the modules that a configuration is for can say of it: whether librdkafka's properties may be set, and whether the
/// fields of records make a decoder.
struct ConfigurationCheck {
  private let effective: EffectiveConfiguration

  init(_ effective: EffectiveConfiguration) { self.effective = effective }

  /// Throws all that is wrong.
  func run() throws(ControlFailure) {
    let problems = properties + fields
    if !problems.isEmpty { throw .configuration(problems) }
  }

  private var properties: [ConfigurationProblem] {
    effective.configuration.kafka.properties.keys.sorted().compactMap { name in
      KafkaConfiguration.reservedProperties[name].map {
        problem("kafka.properties.\(name)", "can't be set: \($0)")
      }
    }
  }

  private var fields: [ConfigurationProblem] {
    let consumer = effective.configuration.consumer
    var problems: [ConfigurationProblem] = []
    var mapping = consumer.preset
    for (name, path) in consumer.fields.sorted(by: { $0.key < $1.key }) {
      do throws(FormatsFailure) {
        try mapping.replace(name, with: path)
      } catch {
        problems.append(problem("consumer.fields.\(name)", "\(error)"))
      }
    }
    if !problems.isEmpty { return problems }
    do throws(FormatsFailure) {
      _ = try consumer.decoder()
    } catch {
      problems.append(problem("consumer.fields", "\(error)"))
    }
    return problems
  }

  private func problem(_ key: String, _ text: String) -> ConfigurationProblem {
    ConfigurationProblem(place: effective.place(of: key) ?? "configuration", key: key, problem: text)
  }
}

extension Configuration.Consumer {
  /// The mapping that the format stands for.
  var preset: JSONMapping {
    switch format {
    case .native: .native
    case .metarank: .metarank
    case .segment: .segment
    case .ga4: .ga4
    }
  }

  /// The decoder for records of the topic.
  func decoder() throws(FormatsFailure) -> JSONEventDecoder {
    var mapping = preset
    for (name, path) in fields.sorted(by: { $0.key < $1.key }) { try mapping.replace(name, with: path) }
    if sessionKey == .user { try mapping.keyByUser() }
    var selection = EventSelection()
    selection.types = eventTypes
    selection.ignoredTypes = ignoredTypes
    selection.envelope = envelope == .cloudevents ? .cloudEvents : .none
    return try JSONEventDecoder(mapping, selection)
  }
}
