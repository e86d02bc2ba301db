import Control
import Kafka
import Pipeline

/// What the configuration says, in the words of the modules that obey it.

extension KafkaConfiguration {
  /// How Kafka is reached; by other brokers than the configured ones where there are `bootstrapServers`.
  init(_ configuration: Configuration, bootstrapServers: String? = nil) {
    self.init(
      bootstrapServers: bootstrapServers ?? configuration.kafka.bootstrapServers,
      properties: configuration.kafka.properties)
  }
}

extension ExclusionMode {
  /// Which items predictions leave out.
  init(_ exclusion: Exclusion) {
    switch exclusion {
    case .none: self = .none
    case .seen: self = .seen
    case .last: self = .last
    }
  }
}

extension KafkaCompression {
  /// How predictions are compressed.
  init(_ compression: Compression) {
    switch compression {
    case .none: self = .none
    case .lz4: self = .lz4
    case .zstd: self = .zstd
    case .snappy: self = .snappy
    case .gzip: self = .gzip
    }
  }
}
