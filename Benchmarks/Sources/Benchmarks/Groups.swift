import Events
import Sequential

/// The groups of measurements; each returns the lines of one table.
struct Groups {
  let options: Options
  var runs: Int { options.isQuick ? 7 : 31 }

  /// Operations of one SASRec step behind `length` items.
  private func operations(_ length: Int) -> Double { Double(196_608 + 512 * length) }

  /// Steps of a SASRec, alone and in waves of 32.
  func sasrec() -> [Line] {
    var lines: [Line] = []
    for length in [50, 200] {
      let model = Models.sasrec(items: 1000, length: length)
      var plain: Double?
      for keysValues in SequentialModel.KeysValues.allCases {
        for (batch, isCold) in [(1, false), (32, false), (32, true)] {
          let name =
            "sasrec t \(length), \(keysValues.rawValue), "
            + (batch == 1 ? "alone" : "wave of 32") + (isCold ? ", cold" : "")
          guard options.wants(name) else { continue }
          let reference = plain ?? Plain.sasrec(length: length, runs: options.isQuick ? 3 : 9)
          plain = reference
          lines.append(
            step(name, model, length: length, batch: batch, isCold: isCold, keysValues: keysValues, plain: reference))
        }
      }
    }
    return lines
  }

  private func step(
    _ name: String, _ model: SequentialModel, length: Int, batch: Int, isCold: Bool,
    keysValues: SequentialModel.KeysValues, plain: Double
  ) -> Line {
    let bytes = 4 * length * 64 * (keysValues == .bf16 ? 2 : 4)
    let sessions = isCold ? (options.isQuick ? 512 << 20 : 3 << 30) / bytes / batch * batch : batch
    let steps = Steps(
      model, batch: batch, length: length, sessions: sessions, keysValues: keysValues, isFilled: !isCold)
    let sample = Sample(runs: runs, operations: batch) { steps.run() }
    var line = Line(name: name, sample: sample, reference: plain, bound: .fma(operations(length)))
    if isCold { line.bound = .memory(Double(bytes)) }
    line.target =
      switch (batch, isCold, keysValues) {
      case (32, false, .bf16): length == 50 ? 400_000 : 300_000
      case (32, true, .bf16): length == 50 ? 250_000 : 140_000
      case (32, true, .fp32): length == 50 ? 150_000 : 90_000
      default: nil
      }
    line.allocations = allocations(for: 100 * batch) { for _ in 0..<100 { steps.run() } }
    return line
  }

  /// Steps of a GRU.
  func gru() -> [Line] {
    let model = Models.gru(items: 3000)
    return [1, 32].compactMap { batch in
      let name = "gru 100, " + (batch == 1 ? "alone" : "wave of 32")
      guard options.wants(name) else { return nil }
      let steps = Steps(model, batch: batch, length: 20, sessions: batch, isFilled: true)
      let sample = Sample(runs: runs, operations: batch) { steps.run() }
      var line = Line(name: name, sample: sample, bound: .fma(2 * 300 * 100))
      line.reference = Plain.gru(length: 20, runs: options.isQuick ? 3 : 9)
      line.target = batch == 32 ? 700_000 : nil
      line.allocations = allocations(for: 100 * batch) { for _ in 0..<100 { steps.run() } }
      return line
    }
  }

  private var sizes: [(name: String, count: Int)] {
    [("10k", 10_000), ("100k", 100_000)] + (options.isQuick ? [] : [("1M", 1_000_000)])
  }

  /// The best 20 items.
  func topK() -> [Line] {
    var lines: [Line] = []
    for (size, items) in sizes {
      var plain: Double?
      for isSkewed in [false, true] {
        let cases = [(1, 1), (8, 1), (32, 1), (1, 2), (8, 2), (32, 2)].map { batch, threads in
          (
            batch: batch, threads: threads,
            name: "top-20 of \(size) \(isSkewed ? "skewed" : "random"), batch \(batch), \(threads) thread"
              + (threads == 1 ? "" : "s")
          )
        }.filter { options.wants($0.name) }
        guard !cases.isEmpty else { continue }
        let catalogue = Models.catalogue(count: items, isSkewed: isSkewed)
        let reference = plain ?? Plain.topK(count: items, runs: 3)
        plain = reference
        for each in cases {
          let sample = measure(
            threads: each.threads, runs: items > 500_000 ? runs / 3 : runs, operations: each.batch
          ) { Ranking(catalogue, batch: each.batch) }
          var line = Line(name: each.name, sample: sample, reference: reference, bound: .int8(Double(items) * 128))
          line.cores = each.threads
          line.target = topKTarget(items, isSkewed: isSkewed, batch: each.batch, threads: each.threads)
          lines.append(line)
        }
      }
    }
    return lines
  }

  private func topKTarget(_ items: Int, isSkewed: Bool, batch: Int, threads: Int) -> Double? {
    switch (items, isSkewed, batch, threads) {
    case (10_000, false, 32, 2): 190_000
    case (100_000, false, 32, 2): 42_000
    case (1_000_000, false, 32, 2): 6_500
    case (1_000_000, true, 32, 2): 8_000
    default: nil
    }
  }

  /// A step and its top-20, as a worker does for each click.
  func click() -> [Line] {
    var lines: [Line] = []
    for (size, items) in sizes {
      for length in [50, 200] {
        let cases = [(1, 1), (32, 1), (32, 2)].map { batch, threads in
          (
            batch: batch, threads: threads,
            name: "click of \(size), t \(length), batch \(batch), \(threads) thread" + (threads == 1 ? "" : "s")
          )
        }.filter { options.wants($0.name) }
        guard !cases.isEmpty else { continue }
        let model = Models.sasrec(items: items, length: length)
        let plain = Plain.sasrec(length: length, runs: 3) + Plain.topK(count: items, runs: 3)
        for each in cases {
          let sample = measure(
            threads: each.threads, runs: items > 500_000 ? runs / 3 : runs, operations: each.batch
          ) { Clicks(model, batch: each.batch, length: length) }
          var line = Line(name: each.name, sample: sample, reference: plain)
          line.cores = each.threads
          if each.threads == 1 {
            let clicks = Clicks(model, batch: each.batch, length: length)
            clicks.run()
            line.allocations = allocations(for: 3 * each.batch) { for _ in 0..<3 { clicks.run() } }
          }
          lines.append(line)
        }
      }
    }
    return lines
  }
}
