private import Foundation

/// Measures what the project promises: see `docs/performance.md`.
@main
struct Benchmarks {
  static func main() throws {
    guard let options = Options(CommandLine.arguments.dropFirst()) else {
      print(Options.usage)
      exit(64)
    }
    let groups = Groups(options: options)
    var report = Report(machine: .measured(runs: options.isQuick ? 11 : 51))
    report.add("one SASRec step: d 64, 2 blocks, ffn 256, one core", groups.sasrec())
    report.add("one GRU step: 100 units, one core", groups.gru())
    report.add("top-20: exact, d 64", groups.topK())
    report.add("a click: SASRec step and top-20", groups.click())
    report.add("a record to an event, one core", try DecodeGroup.lines(options))
    report.add("replay: 100,000 clicks from a file", try ReplayGroup.lines(options))
    if let file = options.json { try report.write(to: file) }
  }
}
