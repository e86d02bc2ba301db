// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "intentd-benchmarks",
  dependencies: [.package(name: "intentd", path: "..")],
  targets: [
    // Loops that measure the machine's limits, the plain references, and a count of allocations.
    .target(name: "CLimits"),
    .executableTarget(
      name: "Benchmarks",
      dependencies: ["CLimits", .product(name: "Intentd", package: "intentd")],
      swiftSettings: [
        .swiftLanguageMode(.v6),
        .strictMemorySafety(),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("ExistentialAny"),
        .treatAllWarnings(as: .error),
        .treatWarning("DeprecatedDeclaration", as: .warning),
      ]),
  ]
)
