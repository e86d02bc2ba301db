// swift-tools-version: 6.2
import PackageDescription

/// Every Swift target is built alike: Swift 6 mode, strict memory safety, imports that leak nothing, warnings as errors.
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .strictMemorySafety(),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("ExistentialAny"),
  .treatAllWarnings(as: .error),
  // A newer toolchain may deprecate what this one recommends; that must not break a user's build.
  .treatWarning("DeprecatedDeclaration", as: .warning),
]

/// A module of a C library that the system carries.
func library(_ name: String, pkgConfig: String? = nil, apt: String) -> Target {
  .systemLibrary(
    name: name, path: "Sources/CLibraries/\(name)", pkgConfig: pkgConfig, providers: [.apt([apt])])
}

/// A Swift module of the product; `on` is the complete list of what it may import (the tidy test holds the sources to it).
func module(_ name: String, on dependencies: [String] = []) -> Target {
  .target(
    name: name, dependencies: dependencies.map { .init(stringLiteral: $0) }, swiftSettings: strict)
}

/// A program of the product: it puts modules together.
func program(_ name: String, on dependencies: [String]) -> Target {
  .executableTarget(
    name: name, dependencies: dependencies.map { .init(stringLiteral: $0) }, swiftSettings: strict)
}

func tests(_ name: String, on dependencies: [String], resources: [Resource] = []) -> Target {
  .testTarget(
    name: name, dependencies: dependencies.map { .init(stringLiteral: $0) },
    exclude: [], resources: resources, swiftSettings: strict)
}

let package = Package(
  name: "intentd",
  products: [
    .executable(name: "intentd", targets: ["intentd"]),
    .executable(name: "intentd-train", targets: ["intentd-train"]),
    // For Benchmarks/, which is a package of its own and sees products only.
    .library(name: "Intentd", targets: ["Events", "Formats", "Sequential", "Pipeline", "Replay"]),
  ],
  targets: [
    // The product, in the order of one click.
    module("Events"),
    module("Platform", on: ["CPlatform"]),
    module("Kafka", on: ["Events", "CRdkafka"]),
    module("Formats", on: ["Events", "CSimdjson", "CZlib"]),
    module("Consumer", on: ["Events", "Formats", "Kafka"]),
    module("Sequential", on: ["Events", "CKernels"]),
    module("Pipeline", on: ["Events", "Sequential"]),
    module("SessionState", on: ["Events", "CHiredis"]),
    module("Publisher", on: ["Events", "Formats", "Kafka"]),
    module("Control", on: ["Events", "CYaml", "CArgp"]),
    module("Baselines", on: ["Events"]),
    module("Demo", on: ["Events", "Sequential"]),
    module(
      "Replay",
      on: ["Events", "Baselines", "Formats", "Platform", "Pipeline", "Sequential", "SessionState"]),
    // Never on the path of a click: in a program of its own, so that the daemon doesn't load OpenBLAS.
    module("Training", on: ["Events", "Formats", "Platform", "Sequential", "CTraining", "COpenBLAS"]),
    program("intentd-train", on: ["Events", "Platform", "Formats", "Sequential", "Control", "Training"]),
    program(
      "intentd",
      on: [
        "Events", "Platform", "Kafka", "Formats", "Consumer", "Sequential", "Pipeline", "SessionState", "Publisher",
        "Control", "Demo", "Baselines", "Replay",
      ]),

    // C, each behind one owner type a file.
    .target(name: "CKernels"),
    .target(name: "CTraining"),
    .target(name: "CPlatform", path: "Sources/CLibraries/CPlatform"),
    .target(
      name: "CSimdjson", path: "Sources/CLibraries/CSimdjson",
      linkerSettings: [.linkedLibrary("simdjson")]),
    library("CRdkafka", pkgConfig: "rdkafka", apt: "librdkafka-dev"),
    library("CHiredis", apt: "libhiredis-dev"),
    library("CZlib", pkgConfig: "zlib", apt: "zlib1g-dev"),
    library("CYaml", pkgConfig: "yaml-0.1", apt: "libyaml-dev"),
    library("CArgp", apt: "libc6-dev"),
    library("COpenBLAS", apt: "libopenblas-dev"),

    // Tests mirror the sources; what crosses modules stands in EndToEndTests.
    .target(name: "CTestSupport", path: "Tests/CTestSupport"),
    .target(
      name: "TestSupport", dependencies: ["CTestSupport", "Events", "Platform"], path: "Tests/TestSupport",
      swiftSettings: strict),
    tests("EventsTests", on: ["Events", "TestSupport"]),
    tests("PlatformTests", on: ["Platform", "TestSupport"]),
    tests("FormatsTests", on: ["Events", "Formats", "TestSupport"]),
    tests("KafkaTests", on: ["Events", "Kafka", "TestSupport"]),
    tests("ConsumerTests", on: ["Events", "Formats", "Kafka", "Consumer", "Platform", "TestSupport"]),
    tests("SessionStateTests", on: ["Events", "SessionState", "TestSupport"]),
    tests("PublisherTests", on: ["Events", "Formats", "Kafka", "Publisher", "TestSupport"]),
    tests("PipelineTests", on: ["Events", "Formats", "Sequential", "SessionState", "Pipeline", "TestSupport"]),
    tests("SequentialTests", on: ["Events", "Sequential", "TestSupport"], resources: [.copy("Fixtures")]),
    tests("ControlTests", on: ["Events", "Control", "TestSupport"]),
    tests("DemoTests", on: ["Events", "Sequential", "Demo", "TestSupport"]),
    tests("BaselinesTests", on: ["Events", "Baselines", "TestSupport"]),
    tests(
      "ReplayTests",
      on: ["Events", "Baselines", "Formats", "Pipeline", "Sequential", "SessionState", "Replay", "TestSupport"]),
    tests("TrainingTests", on: ["Events", "Formats", "Platform", "Sequential", "Training", "TestSupport"]),
    tests("TidyTests", on: ["TestSupport"]),
    tests(
      "EndToEndTests",
      on: [
        "intentd", "intentd-train", "Demo", "Events", "Platform", "Kafka", "Formats", "Consumer", "Sequential",
        "Pipeline", "SessionState",
        "Publisher", "Control", "Replay", "Training", "TestSupport",
      ]),
  ],
  cxxLanguageStandard: .cxx17
)
