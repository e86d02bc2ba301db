/// What an evaluation measured: one row a model or baseline.
public struct EvaluationReport: Codable, Sendable, Equatable {
  /// The lists' lengths that are reported.
  public static let lengths = [1, 5, 10, 20]

  /// The qualities of lists of one length. One item is right for each target, so that MAP is MRR.
  public struct AtLength: Codable, Sendable, Equatable {
    /// Length of the lists.
    public var k: Int
    /// Share of the targets that stand in the list.
    public var hitRate: Double
    /// Mean of 1 / rank.
    public var mrr: Double
    /// Mean of 1 / log2(rank + 1).
    public var ndcg: Double
    /// Mean average precision.
    public var map: Double
    /// Share of the catalogue that stood in some list; where last clicks alone are targets, in one that was held against a target.
    public var coverage: Double
  }

  /// What one model or baseline reached.
  public struct Row: Codable, Sendable, Equatable {
    /// Its name.
    public var name: String
    /// Clicks that lists were held against.
    public var targets: Int
    /// Those among them whose item the catalogue lacks: misses.
    public var unknownTargets: Int
    /// Sessions that had to make room in memory, so that their next click went uncounted.
    public var evictedSessions: Int
    /// By length, ascending.
    public var metrics: [AtLength]
  }

  /// What the baselines were learnt from.
  public struct BaselineTraining: Codable, Sendable, Equatable {
    /// Events that were kept.
    public var events: Int
    /// Their visits.
    public var visits: Int
    /// Their items.
    public var items: Int
    /// Events that there was no room for.
    public var dropped: Int
  }

  /// Which clicks were targets.
  public var targets: EvaluationTargets
  /// What the baselines were learnt from; nil where there are none.
  public var baselineTraining: BaselineTraining?
  /// One row a model or baseline.
  public var rows: [Row]

  /// A report of these rows.
  public init(targets: EvaluationTargets, baselineTraining: BaselineTraining? = nil, rows: [Row]) {
    self.targets = targets
    self.baselineTraining = baselineTraining
    self.rows = rows
  }

  /// The report as text, in aligned columns.
  public func table() -> String {
    let names = ["HR", "MRR", "NDCG", "MAP", "cov"]
    var lines = [["model", "targets", "unknown", "evicted", "k"] + names]
    for row in rows {
      for (index, metric) in row.metrics.enumerated() {
        let head = [row.name, "\(row.targets)", "\(row.unknownTargets)", "\(row.evictedSessions)"]
        let values = [metric.hitRate, metric.mrr, metric.ndcg, metric.map, metric.coverage]
        lines.append(
          (index == 0 ? head : ["", "", "", ""]) + ["\(metric.k)"] + values.map(Self.fourPlaces))
      }
    }
    let widths = lines[0].indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
    return lines.map { line in
      zip(line, widths).enumerated().map { index, cell in
        let blanks = String(repeating: " ", count: cell.1 - cell.0.count)
        return index == 0 ? cell.0 + blanks : blanks + cell.0
      }.joined(separator: "  ")
    }.joined(separator: "\n") + "\n"
  }

  private static func fourPlaces(_ value: Double) -> String {
    let scaled = Int((value * 10_000).rounded())
    let digits = String(scaled % 10_000)
    return "\(scaled / 10_000).\(String(repeating: "0", count: 4 - digits.count))\(digits)"
  }
}

/// Which clicks are targets.
public enum EvaluationTargets: String, Codable, Sendable, CaseIterable {
  /// Every click after the first of its visit.
  case all
  /// The last click of a visit of two or more.
  case last
}

/// How an evaluation goes.
public struct EvaluationOptions: Sendable {
  /// Which clicks are targets.
  public var targets: EvaluationTargets
  /// A gap above this begins another visit, in milliseconds of event time; the serving rule's own.
  public var idleTimeout: Int64
  /// Most sessions whose latest prediction is kept (about 200 bytes each, 300 where last clicks alone are targets).
  public var openSessions: Int

  /// The defaults, or others.
  public init(targets: EvaluationTargets = .all, idleTimeout: Int64 = 24 * 3_600_000, openSessions: Int = 1 << 20) {
    self.targets = targets
    self.idleTimeout = idleTimeout
    self.openSessions = openSessions
  }
}
