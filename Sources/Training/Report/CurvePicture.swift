private import Foundation

/// A picture of a training as SVG: panels beside each other, epochs from left to right.
public struct CurvePicture: Sendable {
  /// One line: a value for each epoch, the first being epoch 1; nil where it was not measured.
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

  /// One set of axes.
  public struct Panel: Sendable {
    /// What stands above it.
    public var title: String
    /// Its lines.
    public var curves: [Curve]

    /// Axes with lines.
    public init(_ title: String, _ curves: [Curve]) {
      self.title = title
      self.curves = curves
    }
  }

  private let title: String
  private let panels: [Panel]
  /// The epoch that is marked, from 1.
  private let marked: Int?

  private static let (width, height, margin) = (420.0, 260.0, 54.0)
  /// Colours that the colour-blind can tell apart (Okabe & Ito 2008).
  private static let colours = ["#0072B2", "#D55E00", "#009E73", "#CC79A7"]

  /// A picture of `panels`, with epoch `marked` marked.
  public init(_ title: String, panels: [Panel], marked: Int? = nil) {
    self.title = title
    self.panels = panels.filter { panel in panel.curves.contains { $0.values.contains { $0?.isFinite == true } } }
    self.marked = marked
  }

  /// The picture.
  public var svg: String {
    let (width, height, margin) = (CurvePicture.width, CurvePicture.height, CurvePicture.margin)
    let whole = (margin + width) * Double(max(1, panels.count)) + margin / 2
    var lines = [
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(text(whole)) \(text(height + 2 * margin))\" "
        + "font-family=\"sans-serif\" font-size=\"12\">",
      "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>",
      "<text x=\"\(text(margin))\" y=\"20\" font-size=\"15\">\(escaped(title))</text>",
    ]
    for (index, panel) in panels.enumerated() {
      lines.append("<g transform=\"translate(\(text(margin + (margin + width) * Double(index))) \(text(margin)))\">")
      lines += draw(panel)
      lines.append("</g>")
    }
    return lines.joined(separator: "\n") + "\n</svg>\n"
  }

  private func draw(_ panel: Panel) -> [String] {
    let (width, height) = (CurvePicture.width, CurvePicture.height)
    let finite = panel.curves.flatMap(\.values).compactMap { $0 }.filter(\.isFinite)
    let epochs = max(2, panel.curves.map(\.values.count).max() ?? 2)
    let (low, high) = bounds(finite)
    func x(_ epoch: Int) -> Double { width * Double(epoch - 1) / Double(epochs - 1) }
    func y(_ value: Double) -> Double { height * (1 - (value - low) / (high - low)) }
    var lines = ["<text x=\"0\" y=\"-8\">\(escaped(panel.title))</text>"]
    for tick in 0...4 {
      let value = low + (high - low) * Double(tick) / 4
      lines.append(
        "<path d=\"M0 \(text(y(value)))H\(text(width))\" stroke=\"#DDD\"/>"
          + "<text x=\"-6\" y=\"\(text(y(value) + 4))\" text-anchor=\"end\" fill=\"#555\">\(short(value))</text>")
    }
    let step = max(1, (epochs + 7) / 8)
    for epoch in stride(from: 1, through: epochs, by: step) {
      lines.append(
        "<text x=\"\(text(x(epoch)))\" y=\"\(text(height + 18))\" text-anchor=\"middle\" fill=\"#555\">\(epoch)</text>")
    }
    if let marked, (1...epochs).contains(marked) {
      lines.append("<path d=\"M\(text(x(marked))) 0V\(text(height))\" stroke=\"#999\" stroke-dasharray=\"4 3\"/>")
    }
    for (index, curve) in panel.curves.enumerated() {
      let colour = CurvePicture.colours[index % CurvePicture.colours.count]
      let points = curve.values.enumerated().compactMap { epoch, value in
        value.flatMap { $0.isFinite ? "\(text(x(epoch + 1))),\(text(y($0)))" : nil }
      }
      lines.append(
        "<polyline points=\"\(points.joined(separator: " "))\" fill=\"none\" stroke=\"\(colour)\" stroke-width=\"2\"/>")
      // A single value is no line.
      if points.count == 1, let point = points.first?.split(separator: ",") {
        lines.append("<circle cx=\"\(point[0])\" cy=\"\(point[1])\" r=\"3\" fill=\"\(colour)\"/>")
      }
      lines.append(
        "<text x=\"\(text(width - 4))\" y=\"\(text(14 + 15 * Double(index)))\" text-anchor=\"end\" fill=\"\(colour)\">"
          + "\(escaped(curve.name))</text>")
    }
    return lines
  }

  /// The axis: a little more than the values take.
  private func bounds(_ values: [Double]) -> (Double, Double) {
    guard let low = values.min(), let high = values.max() else { return (0, 1) }
    let room = high > low ? (high - low) * 0.05 : max(abs(high) * 0.1, 1e-3)
    return (low - room, high + room)
  }

  private func text(_ value: Double) -> String { String(format: "%.1f", value) }

  private func short(_ value: Double) -> String { String(format: abs(value) < 1 ? "%.3f" : "%.2f", value) }

  private func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
  }
}
