import Control
import Foundation

/// The process: what was asked for, done, and the status that it ends with: 0 ok, 1 failure, 64 usage, 130 or 143 ended by a signal.
enum Program {
  static func run() -> Never {
    do throws(ControlFailure) {
      switch try CommandParser.train(arguments: Array(CommandLine.arguments.dropFirst())) {
      case .train(let options): exit(run(options))
      case .show(let text):
        print(text)
        exit(0)
      default: exit(1)
      }
    } catch {
      StandardError.write("\(error)\n")
      exit(error.exitStatus)
    }
  }

  private static func run(_ options: TrainOptions) -> Int32 {
    do {
      return try TrainRun(options).run()
    } catch {
      StandardError.write("intentd train: \(error)\n")
      return 1
    }
  }
}
