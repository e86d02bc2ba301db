import Control
import Foundation
import Platform

/// `intentd train`: becomes `intentd-train`, so that the daemon never loads what only training needs.
struct TrainCommand {
  /// What it becomes.
  static let program = SiblingProgram("intentd-train")

  private let arguments: [String]

  /// A training with the arguments behind `train`, which have been found right.
  init(arguments: [String]) { self.arguments = arguments }

  func run() throws {
    // As intentd-train would set it for itself: see there.
    let failure = TrainCommand.program.execute(arguments, environment: ["OPENBLAS_NUM_THREADS": "1"])
    guard case .program(_, ENOENT) = failure else { throw failure }
    throw MissingProgram(
      description:
        "\(TrainCommand.program.name) is not there, neither in \(SiblingProgram.ownFolder ?? "the folder of intentd") "
        + "nor in PATH. Build it (make build), or install it beside intentd, with OpenBLAS (Debian: libopenblas0).")
  }

  /// The sibling is not installed.
  private struct MissingProgram: Error, CustomStringConvertible {
    let description: String
  }
}
