/// One thread's part of a step: forward, loss and backward through its shard, with buffers of its own that are made once.
final class Replica: @unchecked Sendable {
  /// What this replica adds up.
  let gradients: GradientSet<Float>
  /// The batch of the pass that comes next.
  var batch = PackedBatch()
  /// The loss of all its passes in this step.
  private(set) var loss = 0.0

  private let network: any Network<Float>
  private let pass: any NetworkPass<Float>
  /// For whole windows; the same where the training has those too.
  private let evaluationPass: (any NetworkPass<Float>)?
  private let objective: any Loss<Float>
  /// Hidden states of the rows that have a target, and their gradients [rows, o].
  private let scored: Tensor<Float>
  private let scoredGradient: Tensor<Float>
  /// Gradients of all hidden states [rows, o].
  private let hiddenGradient: Tensor<Float>
  private var rows: [Int32] = []
  private var targets: [Int32] = []

  /// Streams and scale of a step.
  struct Step {
    /// One over the targets of all replicas.
    var scale: Float
    /// Masks.
    var dropout: RandomStream?
    /// Negatives that the loss draws itself.
    var negatives: RandomStream
    /// Candidates that all replicas share, how many of them are targets, and where this one's stand among those.
    var candidates: [Int32] = []
    var targetCandidates = 0
    var firstTarget = 0
  }

  init(
    _ network: any Network<Float>, _ objective: any Loss<Float>, _ capacity: BatchCapacity,
    evaluation: BatchCapacity?
  ) {
    self.network = network
    self.objective = objective
    let pass: any NetworkPass<Float> = network.makePass(capacity)
    self.pass = pass
    evaluationPass = evaluation.map { $0.fits(in: capacity) ? pass : network.makePass($0) }
    gradients = GradientSet(network.parameters)
    scored = Tensor(rows: capacity.rows, columns: network.outputSize)
    scoredGradient = Tensor(rows: capacity.rows, columns: network.outputSize)
    hiddenGradient = Tensor(rows: capacity.rows, columns: network.outputSize)
  }

  /// Bytes of what ``init(_:_:_:)`` makes beside the pass and the loss.
  static func bytes(_ network: any Network<Float>, _ capacity: BatchCapacity) -> (gradients: Int, rows: Int) {
    let gradients = network.parameters.reduce(0) { $0 + $1.value.count * 4 + ($1.isTable ? $1.value.rows * 5 : 0) }
    return (gradients, 3 * capacity.rows * network.outputSize * 4)
  }

  /// Begins a step.
  func begin() { loss = 0 }

  /// Forward, loss and backward through ``batch``; adds to ``loss`` and ``gradients``.
  func compute(_ step: Step) {
    let hidden = pass.forward(batch, dropout: step.dropout)
    rows.removeAll(keepingCapacity: true)
    targets.removeAll(keepingCapacity: true)
    for row in 0..<batch.rows where batch.targets[row] != PackedBatch.noTarget {
      rows.append(Int32(row))
      targets.append(batch.targets[row])
    }
    guard !rows.isEmpty else { return }
    let isWhole = rows.count == batch.rows
    if !isWhole { Float.copyRows(rows.count, of: hidden, at: rows, to: scored, at: nil) }
    let output = network.output
    let parameters = network.parameters
    loss += objective.evaluate(
      LossInput(
        hidden: isWhole ? hidden : scored, count: rows.count, targets: targets, candidates: step.candidates,
        targetCandidates: step.targetCandidates, firstTarget: step.firstTarget,
        weight: (parameters[output.weight].value, gradients[output.weight]),
        bias: output.bias.map { (parameters[$0].value, gradients[$0]) }, scale: step.scale,
        hiddenGradient: isWhole ? hiddenGradient : scoredGradient, random: step.negatives))
    if !isWhole {
      hiddenGradient.zero(rows: batch.rows)
      Float.copyRows(rows.count, of: scoredGradient, at: nil, to: hiddenGradient, at: rows)
    }
    pass.backward(hiddenGradient, batch, into: gradients)
  }

  /// Hidden states of ``batch`` without dropout; valid until the next call.
  func encode() -> Tensor<Float> {
    guard let evaluationPass else { preconditionFailure("the replica was made without an evaluation") }
    return evaluationPass.forward(batch, dropout: nil)
  }
}

extension BatchCapacity {
  /// True where buffers for `other` are large enough for this.
  func fits(in other: BatchCapacity) -> Bool {
    rows <= other.rows && sequences <= other.sequences && length <= other.length && other.lanes == 0
  }
}
