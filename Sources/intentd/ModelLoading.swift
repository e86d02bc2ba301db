import Control
import Foundation
import Sequential

/// A model that was read, with what people are shown of it.
struct LoadedModel {
  let directory: ModelDirectory
  let model: SequentialModel

  /// Reads the model directory at `path` for the kernel that the environment or the machine chooses.
  init(_ path: String) throws {
    guard !path.isEmpty else { throw ControlFailure.usage("--model DIR is missing: which model directory?") }
    let kernel = try Kernel.selected(environment: ProcessInfo.processInfo.environment)
    directory = try ModelDirectory.load(path)
    model = SequentialModel(
      directory.configuration, weights: directory.weights, vocabulary: directory.vocabulary, kernel: kernel)
  }
}
