public import Sequential

/// What the search for the number of epochs found.
public struct SearchResult: Codable, Sendable, Equatable {
  /// Its epochs.
  public var epochs: [EpochRecord]
  /// The best one, from 1.
  public var chosen: Int
  /// What it reached on what was held out.
  public var quality: RankingQuality
}

/// What a training did and reached: `--report`.
public struct TrainingReport: Codable, Sendable, Equatable {
  /// Its settings.
  public var settings: TrainingSettings
  /// What was read.
  public var data: DataCounts
  /// What was held out.
  public var validation: String
  /// Its size.
  public var plan: TrainingPlan
  /// With something held out: the epochs that were measured.
  public var search: SearchResult?
  /// Epochs on all data; empty without a refit.
  public var refit: [EpochRecord]
  /// Epochs that the weights were trained for.
  public var epochs: Int
  /// Seconds of all epochs' steps.
  public var seconds: Double
  /// Why it ended early; nil where it did not.
  public var failure: String?

  /// Seconds of the epochs' steps in the phase that made the weights.
  var trainingSeconds: Double {
    let epochs = refit.isEmpty ? search?.epochs ?? [] : refit
    return epochs.reduce(0) { $0 + $1.seconds }
  }

  /// The entries of `metrics.json`. What was measured, was measured before the refit.
  public var metrics: [ModelMetric] {
    var metrics = [
      ModelMetric("architecture", .text(settings.architecture.rawValue)),
      ModelMetric("loss", .text(settings.objective.rawValue)),
      ModelMetric("sessions", .number(Double(plan.sessions))),
      ModelMetric("events", .number(Double(plan.events))),
      ModelMetric("items", .number(Double(plan.items))),
      ModelMetric("parameters", .number(Double(plan.parameters))),
      ModelMetric("epochs", .number(Double(epochs))),
      ModelMetric("training_seconds", .number((trainingSeconds * 10).rounded() / 10)),
      ModelMetric("threads", .number(Double(settings.threads))),
      ModelMetric("seed", .text("\(settings.seed)")),
      ModelMetric("refit", .flag(!refit.isEmpty && search != nil)),
      ModelMetric("validation", .text(validation)),
    ]
    if let quality = search?.quality {
      metrics.append(ModelMetric("validation_targets", .number(Double(quality.targets))))
      for list in quality.lists {
        metrics.append(ModelMetric("HR@\(list.k)", .number(list.hitRate)))
        metrics.append(ModelMetric("MRR@\(list.k)", .number(list.mrr)))
        metrics.append(ModelMetric("NDCG@\(list.k)", .number(list.ndcg)))
      }
    }
    if let failure { metrics.append(ModelMetric("failure", .text(failure))) }
    return metrics
  }

  /// The curves as SVG: the loss by epoch and, where something was held out, accuracy by epoch and by position in the session.
  public var picture: String {
    var panels: [CurvePicture.Panel] = []
    var losses: [CurvePicture.Curve] = []
    if let search { losses.append(.init("search", search.epochs.map(\.loss))) }
    if !refit.isEmpty { losses.append(.init(search == nil ? "training" : "refit", refit.map(\.loss))) }
    panels.append(.init("Loss", losses))
    if let search {
      let qualities = search.epochs.map(\.validation)
      panels.append(
        .init(
          "Held out",
          [
            .init("HR@20", qualities.map { $0?.hitRate(20) }), .init("MRR@20", qualities.map { $0?.mrr(20) }),
          ]))
      let positions = search.quality.positions
      panels.append(
        .init(
          "By position, epoch \(search.chosen)",
          [.init("HR@20", positions.map(\.hitRate20)), .init("MRR@20", positions.map(\.mrr20))],
          over: positions.map { .init($0.name, note: TrainingReport.short($0.targets)) },
          "events before the target (below: targets)"))
    }
    let title = "\(settings.architecture.rawValue) on \(TrainingReport.short(plan.events)) events"
    return CurvePicture(title, panels: panels, marked: search?.chosen).svg
  }

  /// A number in at most four characters and a letter.
  static func short(_ number: Int) -> String {
    switch number {
    case ..<1000: return "\(number)"
    case ..<999_500: return short(Double(number) / 1e3) + "k"
    default: return short(Double(number) / 1e6) + "M"
    }
  }

  private static func short(_ number: Double) -> String {
    let tenths = (number * 10).rounded() / 10
    return tenths < 10 && tenths != tenths.rounded() ? "\(tenths)" : "\(Int(number.rounded()))"
  }
}
