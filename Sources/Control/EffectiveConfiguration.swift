/// A configuration, and where each value came from.
public struct EffectiveConfiguration: Sendable, CustomStringConvertible {
  /// The values.
  public let configuration: Configuration
  private let places: [String: String]

  init(_ configuration: Configuration, places: [String: String]) {
    self.configuration = configuration
    self.places = places
  }

  /// Where `key` (with its section, and its map's key) was set: `file:line`, the name of a variable, an option, or `default`; nil
  /// for one that is not set.
  public func place(of key: String) -> String? { places[key] }

  /// The configuration as YAML, every key with its value and in a comment where it came from. Secrets are masked; keys without
  /// a value stand as comments.
  public var description: String { ConfigurationText.yaml(configuration) { places[$0] ?? "default" } }
}
