import Control
import Foundation
import Platform

/// The process: what was asked for, done, and the status that it ends with: 0 ok, 1 failure, 64 usage, 130 or 143 ended by a signal.
enum Program {
  static func run() -> Never {
    keepSignals()
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

  /// OpenBLAS starts threads when it is loaded, before anything here runs. They are of no use, as training has its own, and they do not
  /// block signals: one of them would take a request to end, and end the process without a resume file. A variable tells OpenBLAS to leave
  /// them away, and must be there when the program begins; so it begins again where it is not.
  private static func keepSignals() {
    let (name, value) = ("OPENBLAS_NUM_THREADS", "1")
    guard ProcessInfo.processInfo.environment[name] != value, let own = SiblingProgram.own else { return }
    // What it returns is why it could not begin again. Then it trains all the same; only a signal ends it at once.
    _ = own.execute(Array(CommandLine.arguments.dropFirst()), environment: [name: value])
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
