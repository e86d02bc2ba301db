/// The steps of one epoch: what each replica computes in them.
struct StepSource {
  /// Targets of the step that was prepared.
  private(set) var targets = 0
  /// Rows of it.
  private(set) var rows = 0
  /// Rows of the whole epoch.
  let rowsOfEpoch: Int
  /// Steps of the epoch: exactly for windows, about for lanes.
  let estimatedSteps: Int

  private let trainer: Trainer
  private let order: [Int32]
  private var lanes: LaneBatches?
  private var packed: [PackedBatch]
  private var position = 0

  /// The steps of the trainer's epoch.
  init(_ trainer: Trainer) {
    self.trainer = trainer
    let batches = trainer.batches
    let settings = trainer.settings
    order = batches.order(epoch: trainer.state.epoch)
    rowsOfEpoch = order.reduce(0) { $0 + Int(batches.table.windows[Int($1)].rows) }
    packed = Array(repeating: PackedBatch(), count: trainer.team.replicas.count)
    switch settings.batching {
    case .windows: estimatedSteps = (order.count + batches.batchSize - 1) / batches.batchSize
    case .sessionParallel:
      lanes = LaneBatches(
        batches.table, order: order, lanes: settings.batchSize, replicas: trainer.team.replicas.count)
      estimatedSteps = max(batches.table.longest, (rowsOfEpoch + settings.batchSize - 1) / settings.batchSize)
    }
  }

  /// Passes over the first `steps`, of windows.
  mutating func skip(_ steps: Int) {
    precondition(steps == 0 || lanes == nil)
    position = steps * trainer.batches.batchSize
  }

  /// Prepares the next step; false at the epoch's end.
  mutating func prepare() -> Bool {
    (targets, rows) = (0, 0)
    if lanes != nil {
      guard lanes?.step(&packed) ?? false else { return false }
      for batch in packed {
        rows += batch.rows
        targets += batch.scored
      }
      return true
    }
    guard position < order.count else { return false }
    let end = min(position + trainer.batches.batchSize, order.count)
    let windows = order[position..<end]
    position = end
    trainer.batches.share(windows, into: &trainer.shards)
    for window in windows {
      rows += Int(trainer.batches.table.windows[Int(window)].rows)
      targets += Int(trainer.batches.table.windows[Int(window)].targets)
    }
    return true
  }

  /// Forward, loss and backward of the step that was prepared; returns the loss, summed over its targets.
  func compute(_ team: ReplicaTeam, update: Int) -> Double {
    let settings = trainer.settings
    let (targets, scale) = (targets, 1 / Float(max(targets, 1)))
    let hasDropout = settings.dropout > 0 || settings.embeddingDropout ?? 0 > 0
    func stream(_ purpose: RandomStream.Purpose, _ replica: Int) -> RandomStream {
      // A training's refit draws its own numbers: it is another training.
      RandomStream(seed: settings.seed, purpose: purpose, step: update, part: replica)
    }
    if lanes != nil {
      let (candidates, firsts) = sharedCandidates(update)
      return team.compute { index, replica in
        swapBatch(packed[index], into: replica)
        guard replica.batch.rows > 0 else { return }
        replica.compute(
          Replica.Step(
            scale: scale, dropout: hasDropout ? stream(.dropout, index) : nil, negatives: stream(.negatives, index),
            candidates: candidates, targetCandidates: targets, firstTarget: firsts[index]))
      }
    }
    let (table, limit, shards) = (trainer.batches.table, trainer.passRows, trainer.shards)
    let isShared = settings.sharesCandidates
    let (candidates, firsts) = isShared ? windowCandidates(update) : ([], [])
    return team.compute { index, replica in
      var (pass, next, first) = (0, 0, isShared ? firsts[index] : 0)
      let shard = shards[index]
      while next < shard.count {
        replica.batch.removeAll()
        repeat {
          table.append(Int(shard[next]), to: &replica.batch)
          next += 1
        } while next < shard.count && replica.batch.rows + Int(table.windows[Int(shard[next])].rows) <= limit
        replica.compute(
          Replica.Step(
            scale: scale, dropout: hasDropout ? stream(.dropout, index).child(pass) : nil,
            negatives: stream(.negatives, index).child(pass), candidates: candidates, targetCandidates: targets,
            firstTarget: first))
        if isShared { first += replica.batch.scored }
        pass += 1
      }
    }
  }

  private func swapBatch(_ batch: PackedBatch, into replica: Replica) { replica.batch = batch }

  /// The targets of all lanes, in their order, and the step's negatives; and where each replica's targets begin.
  private func sharedCandidates(_ update: Int) -> ([Int32], [Int]) {
    var candidates: [Int32] = []
    var firsts: [Int] = []
    for batch in packed {
      firsts.append(candidates.count)
      candidates.append(contentsOf: batch.targets.lazy.filter { $0 != PackedBatch.noTarget })
    }
    var random = RandomStream(seed: trainer.settings.seed, purpose: .negatives, step: update, part: -1)
    trainer.parts.drawShared(&candidates, &random)
    return (candidates, firsts)
  }

  /// The same for windows.
  private func windowCandidates(_ update: Int) -> ([Int32], [Int]) {
    var candidates: [Int32] = []
    var firsts: [Int] = []
    var batch = PackedBatch()
    for shard in trainer.shards {
      firsts.append(candidates.count)
      for window in shard {
        batch.removeAll()
        trainer.batches.table.append(Int(window), to: &batch)
        candidates.append(contentsOf: batch.targets.lazy.filter { $0 != PackedBatch.noTarget })
      }
    }
    var random = RandomStream(seed: trainer.settings.seed, purpose: .negatives, step: update, part: -1)
    trainer.parts.drawShared(&candidates, &random)
    return (candidates, firsts)
  }
}
