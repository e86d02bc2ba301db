private import Foundation

/// One line of a table.
struct Line {
  var name: String
  var sample: Sample
  /// The plain reference on one core, seconds for one operation.
  var reference: Double?
  var bound: Bound?
  var cores = 1
  /// Operations a second to reach on the reference machine.
  var target: Double?
  /// Heap allocations for one operation.
  var allocations: Double?
}

/// Prints tables as they are made, and keeps their lines for the file.
struct Report {
  let machine: Machine
  private var json: [[String: Any]] = []
  private static let columns = [
    "median", "spread", "best", "per second", "× plain", "% of limit", "target", "scaled", "reached", "allocations",
  ]

  init(machine: Machine) {
    self.machine = machine
    print("limits of one core, measured now          (reference machine)")
    let reference = Machine.reference
    for (name, here, there, unit) in [
      ("fp32 multiply-add", machine.fma, reference.fma, "Gflop/s"),
      ("int8 dot product", machine.int8, reference.int8, "Gop/s"),
      ("read, 0.5 MiB", machine.secondCache, reference.secondCache, "GB/s"),
      ("read, 8 MiB", machine.lastCache, reference.lastCache, "GB/s"),
      ("read, memory", machine.memory, reference.memory, "GB/s"),
    ] {
      print("  \(pad(name, 20)) \(lead(number(here / 1e9), 8)) \(pad(unit, 8)) (\(number(there / 1e9)))")
    }
  }

  /// Prints a table of `lines`.
  mutating func add(_ group: String, _ lines: [Line]) {
    guard !lines.isEmpty else { return }
    let width = lines.map(\.name.count).max() ?? 0
    print("\n" + pad(group, max(width, group.count) + 2))
    print(pad("", width + 2) + Report.columns.map { lead($0, 12) }.joined())
    for line in lines {
      let cells = cells(line)
      print(pad("  " + line.name, width + 2) + cells.map { lead($0, 12) }.joined())
      json.append(object(group, line))
    }
  }

  private func scaled(_ line: Line) -> Double? {
    guard let target = line.target else { return nil }
    return line.bound?.scale(machine).map { target * $0 }
  }

  private func cells(_ line: Line) -> [String] {
    let rate = line.sample.rate
    let ceiling = line.bound?.ceiling(machine, cores: line.cores)
    return [
      duration(line.sample.median), "±" + percent(line.sample.spread), duration(line.sample.best), count(rate),
      line.reference.map { number($0 * rate) } ?? "", ceiling.map { percent(rate / $0) } ?? "",
      line.target.map(count) ?? "", scaled(line).map(count) ?? "", scaled(line).map { percent(rate / $0) } ?? "",
      line.allocations.map(number) ?? "",
    ]
  }

  private func object(_ group: String, _ line: Line) -> [String: Any] {
    var object: [String: Any] = [
      "group": group, "name": line.name, "seconds": line.sample.seconds, "median": line.sample.median,
      "perSecond": line.sample.rate, "cores": line.cores,
    ]
    object["plainSeconds"] = line.reference
    object["limitPerSecond"] = line.bound?.ceiling(machine, cores: line.cores)
    object["target"] = line.target
    object["targetScaled"] = scaled(line)
    object["allocations"] = line.allocations
    return object
  }

  /// Writes what was measured, one JSON object a line.
  func write(to file: String) throws {
    var lines: [[String: Any]] = [
      [
        "group": "limits", "fma": machine.fma, "int8": machine.int8, "read512KiB": machine.secondCache,
        "read8MiB": machine.lastCache, "readMemory": machine.memory,
      ]
    ]
    lines += json
    var text = Data()
    for line in lines {
      text += try JSONSerialization.data(withJSONObject: line, options: [.sortedKeys])
      text += Data("\n".utf8)
    }
    try text.write(to: URL(fileURLWithPath: file))
  }
}

func pad(_ text: String, _ width: Int) -> String { text + String(repeating: " ", count: max(0, width - text.count)) }
func lead(_ text: String, _ width: Int) -> String { String(repeating: " ", count: max(0, width - text.count)) + text }

/// Three digits, or whole.
func number(_ value: Double) -> String {
  let size = abs(value)
  if size == 0 { return "0" }
  return String(format: size >= 100 ? "%.0f" : size >= 10 ? "%.1f" : "%.2f", value)
}

func percent(_ share: Double) -> String { String(format: "%.0f%%", share * 100) }

func count(_ value: Double) -> String {
  value >= 1e6 ? number(value / 1e6) + "M" : value >= 1e3 ? number(value / 1e3) + "k" : number(value)
}

func duration(_ seconds: Double) -> String {
  seconds >= 1
    ? number(seconds) + " s" : seconds >= 1e-3 ? number(seconds * 1e3) + " ms" : number(seconds * 1e6) + " µs"
}
