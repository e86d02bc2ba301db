private import Foundation

/// A picture of a training as SVG: panels beside each other, lines over epochs or bars over groups. It is light or dark as its reader is.
public struct CurvePicture: Sendable {
  /// One line, or the bars of one colour: a value for each epoch, the first being epoch 1, or for each group; nil where it was not measured.
  public struct Curve: Sendable {
    /// What it is called.
    public var name: String
    /// Its values.
    public var values: [Double?]

    /// A line.
    public init(_ name: String, _ values: [Double?]) {
      self.name = name
      self.values = values
    }
  }

  /// A group of bars: its name, and what stands below that.
  public struct Group: Sendable {
    var name: String
    var note: String

    /// A group.
    public init(_ name: String, note: String) {
      self.name = name
      self.note = note
    }
  }

  /// One set of axes.
  public struct Panel: Sendable {
    /// What stands above it.
    public var title: String
    /// Its lines.
    public var curves: [Curve]
    /// What stands below it.
    var axis = "epoch"
    /// Groups of bars; nil for lines over epochs.
    var groups: [Group]?

    /// Axes with lines over epochs.
    public init(_ title: String, _ curves: [Curve]) {
      self.title = title
      self.curves = curves
    }

    /// Axes with bars over `groups`, from zero up; `axis` says what groups are.
    public init(_ title: String, _ curves: [Curve], over groups: [Group], _ axis: String) {
      self.title = title
      self.curves = curves
      self.axis = axis
      self.groups = groups
    }

    var isEmpty: Bool { !curves.contains { $0.values.contains { $0?.isFinite == true } } }
  }

  private let title: String
  private let panels: [Panel]
  /// The epoch that is marked, from 1.
  private let marked: Int?

  /// A picture of `panels`, with epoch `marked` marked.
  public init(_ title: String, panels: [Panel], marked: Int? = nil) {
    self.title = title
    self.panels = panels.filter { !$0.isEmpty }
    self.marked = marked
  }

  /// The picture.
  public var svg: String {
    let (width, height) = (PanelDrawing.width, PanelDrawing.height)
    let (left, right, top, bottom) = (58.0, 22.0, 84.0, 62.0)
    let whole = (width: (left + width + right) * Double(max(1, panels.count)), height: top + height + bottom)
    var lines = [
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(text(whole.width)) \(text(whole.height))\" "
        + "width=\"\(text(whole.width))\" height=\"\(text(whole.height))\" role=\"img\">",
      "<title>\(escaped(title))</title>", "<style>\n\(CurvePicture.style)\n</style>",
      "<rect class=\"paper\" width=\"\(text(whole.width))\" height=\"\(text(whole.height))\"/>",
      "<text class=\"ink\" x=\"\(text(left))\" y=\"32\" font-size=\"17\" font-weight=\"600\">\(escaped(title))</text>",
    ]
    for (index, panel) in panels.enumerated() {
      let x = left + (left + width + right) * Double(index)
      lines.append("<g transform=\"translate(\(text(x)) \(text(top)))\">")
      lines += PanelDrawing(panel, marked: marked).lines
      lines.append("</g>")
    }
    return lines.joined(separator: "\n") + "\n</svg>\n"
  }

  /// Colours that the colour-blind can tell apart (Okabe & Ito 2008): darker ones on white, lighter ones on black. Plain classes, without
  /// variables, which some viewers lack.
  private static let style: String = {
    func rules(_ paper: String, _ ink: String, _ faint: String, _ grid: String, _ colours: [String]) -> String {
      var rules = [
        ".paper { fill: \(paper) }", ".ink { fill: \(ink) }", ".faint { fill: \(faint) }",
        ".grid { stroke: \(grid) }", ".base { stroke: \(faint) }", ".mark { stroke: \(faint) }",
      ]
      for (index, colour) in colours.enumerated() {
        rules += [".l\(index) { stroke: \(colour) }", ".f\(index) { fill: \(colour) }"]
      }
      return rules.joined(separator: "\n")
    }
    return """
      text { font-family: system-ui, "Segoe UI", Helvetica, Arial, sans-serif }
      .number { font-variant-numeric: tabular-nums }
      \(rules("#ffffff", "#1f2328", "#59636e", "#e4e8ec", ["#0072b2", "#d55e00", "#009e73", "#cc79a7"]))
      @media (prefers-color-scheme: dark) {
      \(rules("#0d1117", "#f0f6fc", "#9198a1", "#262c34", ["#56b4e9", "#e69f00", "#2fc49a", "#e39cc4"]))
      }
      """
  }()
}

/// One panel, its origin at the upper left corner of the axes.
private struct PanelDrawing {
  static let (width, height) = (350.0, 220.0)
  private static let colours = 4

  private(set) var lines: [String] = []
  private let panel: CurvePicture.Panel
  private let marked: Int?
  private let axis: Axis
  /// Epochs, or groups.
  private let count: Int

  init(_ panel: CurvePicture.Panel, marked: Int?) {
    self.panel = panel
    let values = panel.curves.flatMap(\.values).compactMap { $0 }.filter(\.isFinite)
    axis = Axis(panel.groups == nil ? values : values + [0])
    let count = panel.groups?.count ?? max(2, panel.curves.map(\.values.count).max() ?? 2)
    self.count = count
    self.marked = panel.groups == nil ? marked.flatMap { (1...count).contains($0) ? $0 : nil } : nil
    drawHead()
    drawGrid()
    if let groups = panel.groups {
      for (index, group) in groups.enumerated() { draw(group, index) }
      line("base", "M0 \(text(Self.height))H\(text(Self.width))")
    } else {
      drawEpochs()
      for index in panel.curves.indices { drawLine(index) }
    }
  }

  private func x(_ epoch: Int) -> Double { Self.width * Double(epoch - 1) / Double(count - 1) }
  private func y(_ value: Double) -> Double { Self.height * (1 - (value - axis.low) / (axis.high - axis.low)) }

  private mutating func line(_ style: String, _ path: String, _ more: String = "") {
    lines.append("<path class=\"\(style)\" d=\"\(path)\"\(more)/>")
  }

  private mutating func say(
    _ words: String, _ x: Double, _ y: Double, _ style: String = "faint", size: Int = 11, anchor: String = "middle",
    _ more: String = ""
  ) {
    lines.append(
      "<text class=\"\(style)\" x=\"\(text(x))\" y=\"\(text(y))\" font-size=\"\(size)\" text-anchor=\"\(anchor)\"\(more)>"
        + "\(escaped(words))</text>")
  }

  /// The title, and the names of the curves, the last one at the right.
  private mutating func drawHead() {
    say(panel.title, 0, -16, "ink", size: 13, anchor: "start", " font-weight=\"600\"")
    // There is no font to measure with: room for wide letters.
    var left = Self.width
    for (index, curve) in panel.curves.enumerated().reversed() {
      left -= 9 * Double(curve.name.count)
      say(curve.name, left, -16, "ink", size: 12, anchor: "start")
      left -= 15
      lines.append(
        "<rect class=\"f\(index % Self.colours)\" x=\"\(text(left))\" y=\"-25.5\" width=\"10\" height=\"10\" rx=\"2\"/>"
      )
      left -= 12
    }
  }

  private mutating func drawGrid() {
    for value in axis.ticks {
      line("grid", "M0 \(text(y(value)))H\(text(Self.width))")
      say(axis.name(value), -8, y(value) + 4, "faint number", anchor: "end")
    }
    say(panel.axis, Self.width / 2, Self.height + (panel.groups == nil ? 38 : 52))
  }

  private mutating func drawEpochs() {
    let step = Axis.step(Double(count) / 7, whole: true)
    for epoch in 1...count where epoch == 1 || epoch % Int(step) == 0 {
      // The first of the others may stand too near to the one.
      if epoch == 1 || x(epoch) - x(1) > 18 { say("\(epoch)", x(epoch), Self.height + 19, "faint number") }
    }
    guard let marked else { return }
    line("mark", "M\(text(x(marked))) 0V\(text(Self.height))", " stroke-dasharray=\"3 4\"")
  }

  private mutating func drawLine(_ index: Int) {
    let colour = index % Self.colours
    let values = panel.curves[index].values
    // What was not measured interrupts the line.
    var runs: [[(epoch: Int, value: Double)]] = [[]]
    for (place, value) in values.enumerated() {
      if let value, value.isFinite {
        runs[runs.count - 1].append((place + 1, value))
      } else if !runs[runs.count - 1].isEmpty {
        runs.append([])
      }
    }
    for run in runs where !run.isEmpty {
      let points = run.map { "\(text(x($0.epoch))),\(text(y($0.value)))" }.joined(separator: " ")
      lines.append(
        "<polyline class=\"l\(colour)\" points=\"\(points)\" fill=\"none\" stroke-width=\"2.2\" "
          + "stroke-linejoin=\"round\" stroke-linecap=\"round\"/>")
    }
    for run in runs {
      // A single value is no line.
      for point in run where point.epoch == marked || run.count == 1 {
        lines.append(
          "<circle class=\"f\(colour)\" cx=\"\(text(x(point.epoch)))\" cy=\"\(text(y(point.value)))\" r=\"4\"/>")
      }
    }
  }

  private mutating func draw(_ group: CurvePicture.Group, _ place: Int) {
    let room = Self.width / Double(count)
    let middle = room * (Double(place) + 0.5)
    let bar = min(22, room * 0.76 / Double(panel.curves.count))
    let left = middle - bar * Double(panel.curves.count) / 2
    for (index, curve) in panel.curves.enumerated() {
      guard place < curve.values.count, let value = curve.values[place], value.isFinite else { continue }
      let top = y(value)
      lines.append(
        "<rect class=\"f\(index % Self.colours)\" x=\"\(text(left + bar * Double(index)))\" y=\"\(text(top))\" "
          + "width=\"\(text(bar - 1))\" height=\"\(text(Self.height - top))\"/>")
    }
    say(group.name, middle, Self.height + 18, "ink number")
    say(group.note, middle, Self.height + 32, "faint number", size: 9)
  }
}

/// A vertical axis: round numbers at even distances.
private struct Axis {
  private(set) var low: Double
  private(set) var high: Double
  private let step: Double

  /// An axis that `values` lie on.
  init(_ values: [Double]) {
    let (least, most) = (values.min() ?? 0, values.max() ?? 1)
    let room = most > least ? 0 : max(abs(most) * 0.1, 1e-3)
    step = Axis.step((most - least + 2 * room) / 5, whole: false)
    low = ((least - room) / step).rounded(.down) * step
    high = ((most + room) / step).rounded(.up) * step
  }

  /// The round number that is next to `rough`, from above: 1, 2 or 5 and zeros.
  static func step(_ rough: Double, whole: Bool) -> Double {
    if whole, rough <= 1 { return 1 }
    let power = pow(10, log10(max(rough, 1e-12)).rounded(.down))
    let digit = rough / power
    // Past a step's half a percent, so that an even number of steps is not one too few by rounding.
    return (digit <= 1.005 ? 1 : digit <= 2.005 ? 2 : digit <= 5.005 ? 5 : 10) * power
  }

  var ticks: [Double] { (0...Int(((high - low) / step).rounded())).map { low + Double($0) * step } }

  /// `value`, with as many places as the step needs.
  func name(_ value: Double) -> String {
    let places = max(0, Int((-log10(step) - 1e-9).rounded(.up)))
    let name = String(format: "%.\(min(places, 12))f", value)
    return name.contains { $0 != "-" && $0 != "0" && $0 != "." } ? name : "0"
  }
}

private func text(_ value: Double) -> String { String(format: "%.1f", value) }

private func escaped(_ text: String) -> String {
  text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
}
