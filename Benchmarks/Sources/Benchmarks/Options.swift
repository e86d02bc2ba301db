/// What to measure, from the command line.
struct Options {
  /// Groups and lines whose name contains this; nil for all.
  var filter: String?
  /// Fewer runs, smaller catalogues: a look, not a measurement.
  var isQuick = false
  /// A file for the results, one JSON object a line.
  var json: String?
  /// A file of clicks and the model directory that replays them.
  var clicks: String?
  var model: String?

  static let usage = """
    usage: swift run -c release --package-path Benchmarks Benchmarks [FILTER] [--quick] [--json FILE]
             [--clicks FILE --model DIR]
    FILTER measures the groups and lines whose name contains it: sasrec, gru, top-20, click, decode, replay.
    """

  /// The options that `arguments` say, or nil where they say nothing that is known.
  init?(_ arguments: some Sequence<String>) {
    var rest = arguments.makeIterator()
    while let argument = rest.next() {
      switch argument {
      case "--quick": isQuick = true
      case "--json":
        guard let file = rest.next() else { return nil }
        json = file
      case "--clicks":
        guard let file = rest.next() else { return nil }
        clicks = file
      case "--model":
        guard let directory = rest.next() else { return nil }
        model = directory
      default:
        guard !argument.hasPrefix("-"), filter == nil else { return nil }
        filter = argument
      }
    }
    if model != nil && clicks == nil { return nil }
  }

  /// True where a line of this name is asked for.
  func wants(_ name: String) -> Bool {
    guard let filter else { return true }
    return name.lowercased().contains(filter.lowercased())
  }
}
