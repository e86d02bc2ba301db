/// What the tidy test permits. Change these lists on purpose, with the reason in the commit.
enum Allowances {
  /// Longest source file, in lines.
  static let fileLines = 400
  /// Longest function, in lines.
  static let functionLines = 70
  /// Largest file of the repository, in bytes.
  static let fileBytes = 1 << 20

  /// Modules of the product and what each may import, as in the architecture: arrows point towards `Events`.
  static let modules: [String: Set<String>] = [
    "Events": [],
    "Platform": ["CPlatform"],
    "Kafka": ["Events", "CRdkafka"],
    "Formats": ["Events", "CSimdjson", "CZlib"],
    "Consumer": ["Events", "Formats", "Kafka"],
    "Sequential": ["Events", "CKernels"],
    "Pipeline": ["Events", "Sequential"],
    "SessionState": ["Events", "CHiredis"],
    "Publisher": ["Events", "Formats", "Kafka"],
    "Control": ["Events", "CYaml", "CArgp"],
    "Baselines": ["Events"],
    "Demo": ["Events", "Sequential"],
    "Replay": ["Events", "Baselines", "Formats", "Platform", "Pipeline", "Sequential", "SessionState"],
    "Training": ["Events", "Formats", "Platform", "Sequential", "CTraining", "COpenBLAS"],
    "intentd-train": ["Events", "Platform", "Formats", "Sequential", "Control", "Training"],
    "intentd": [
      "Events", "Platform", "Kafka", "Formats", "Consumer", "Sequential", "Pipeline", "SessionState", "Publisher",
      "Control", "Demo", "Baselines", "Replay",
    ],
  ]

  /// Modules that come with the toolchain and the system.
  static let systemModules: Set<String> = ["Dispatch", "Foundation", "Glibc", "Synchronization"]

  /// The files that may import a C module, and which. One owner type a file; a line whose file is gone, or that no
  /// longer imports the module, is an error too.
  static let cImports: [String: Set<String>] = [
    "Sources/Control/ArgumentScanner.swift": ["CArgp"],
    "Sources/Control/YAMLReader.swift": ["CYaml"],
    "Sources/Formats/Files/InputFile.swift": ["CZlib"],
    "Sources/Formats/JSON/JSONFields.swift": ["CSimdjson"],
    "Sources/Kafka/ClientHandle.swift": ["CRdkafka"],
    "Sources/Kafka/EmbeddedBroker.swift": ["CRdkafka"],
    "Sources/Kafka/GroupClient.swift": ["CRdkafka"],
    "Sources/Kafka/GroupQueue.swift": ["CRdkafka"],
    "Sources/Kafka/KafkaAdmin.swift": ["CRdkafka"],
    "Sources/Kafka/KafkaConsumer.swift": ["CRdkafka"],
    "Sources/Kafka/KafkaProducer.swift": ["CRdkafka"],
    "Sources/Kafka/KafkaRecord.swift": ["CRdkafka"],
    "Sources/Kafka/PartitionList.swift": ["CRdkafka"],
    "Sources/Kafka/ProducerTransactions.swift": ["CRdkafka"],
    "Sources/Kafka/TopicRangeReader.swift": ["CRdkafka"],
    "Sources/Platform/ChildProcess.swift": ["CPlatform"],
    "Sources/Platform/MonotonicClock.swift": ["CPlatform"],
    "Sources/Platform/SiblingProgram.swift": ["CPlatform"],
    "Sources/Platform/SignalWaiter.swift": ["CPlatform"],
    "Sources/Platform/Terminal.swift": ["CPlatform"],
    "Sources/Platform/WorkerThread.swift": ["CPlatform"],
    "Sources/Sequential/CatalogueKernels.swift": ["CKernels"],
    "Sources/Sequential/EncoderKernels.swift": ["CKernels"],
    "Sources/Sequential/Kernel.swift": ["CKernels"],
    "Sources/Training/Numerics/AttentionKernels.swift": ["CTraining"],
    "Sources/Training/Numerics/LayerKernels.swift": ["CTraining"],
    "Sources/Training/Numerics/LossKernels.swift": ["CTraining"],
    "Sources/Training/Numerics/MatrixKernels.swift": ["COpenBLAS"],
    "Sources/Training/Numerics/OptimiserKernels.swift": ["CTraining"],
    "Sources/Training/Numerics/RecurrentKernels.swift": ["CTraining"],
    "Sources/SessionState/RedisConnection.swift": ["CHiredis"],
    "Sources/SessionState/RedisReply.swift": ["CHiredis"],
  ]
}
