/// The replicas of a training and the threads that they run on: forward and backward, the norm of the gradients and the optimiser's update,
/// each shared out to all threads. What is summed, and in which order, follows from the number of threads alone.
final class ReplicaTeam {
  /// Positions of a parameter, counted row by row.
  private struct Piece {
    var parameter: Int
    var values: Range<Int>
  }

  /// The threads.
  let threads: ThreadTeam
  /// One a thread.
  let replicas: [Replica]

  private let parameters: [Parameter<Float>]
  private let optimiser: any Optimiser
  /// By parameter: the gradients of all replicas, in their order.
  private let gradients: [[Tensor<Float>]]
  /// By thread: what it updates in this step.
  private var pieces: [[Piece]]
  /// By row of a table: the step in which it was last seen; empty for other parameters.
  private var seen: [[Int]]
  private var round = 0
  private var touched: [Int32] = []

  init(
    _ network: any Network<Float>, _ optimiser: any Optimiser, _ replicas: [Replica], _ threads: ThreadTeam
  ) {
    precondition(replicas.count == threads.count)
    self.threads = threads
    self.replicas = replicas
    self.optimiser = optimiser
    parameters = network.parameters
    gradients = parameters.indices.map { index in replicas.map { $0.gradients[index].value } }
    pieces = Array(repeating: [], count: threads.count)
    seen = parameters.map { $0.isTable ? [Int](repeating: 0, count: $0.value.rows) : [] }
  }

  /// Has every replica compute its part of a step; returns the loss of all of them.
  func compute(_ work: (Int, Replica) -> Void) -> Double {
    threads.run { index in
      replicas[index].begin()
      work(index, replicas[index])
    }
    return replicas.reduce(0) { $0 + $1.loss }
  }

  /// The norm of all gradients together; nil, at no cost, where `isNeeded` is false. Comes before ``update(_:)``.
  func norm(isNeeded: Bool) -> Double? {
    share()
    guard isNeeded else { return nil }
    let (pieces, gradients) = (pieces, gradients)
    let sums = Sums(threads.count)
    threads.run { index in
      sums.values[index].value = pieces[index].reduce(0) {
        $0 + OptimiserKernels.squareSum(gradients[$1.parameter], values: $1.values)
      }
    }
    return sums.values.reduce(0) { $0 + $1.value }.squareRoot()
  }

  /// Moves the parameters and clears the gradients.
  func update(_ update: OptimiserUpdate) {
    let (pieces, gradients, optimiser) = (pieces, gradients, optimiser)
    threads.run { index in
      for piece in pieces[index] {
        optimiser.update(piece.parameter, values: piece.values, gradients: gradients[piece.parameter], update)
      }
    }
    for replica in replicas { for gradient in replica.gradients.gradients { gradient.clear(valuesAreZero: true) } }
  }

  /// Calls `body` with each parameter's index and a part of its positions, all of them shared out to all threads.
  func each(_ body: (Int, Range<Int>) -> Void) {
    let counts = parameters.map(\.value.count)
    let total = counts.reduce(0, +)
    let threads = threads
    threads.run { index in
      ReplicaTeam.cut(counts, total * index / threads.count..<total * (index + 1) / threads.count, body)
    }
  }

  /// Calls `body` with the parts of consecutive parameters, of `counts` values, that lie in `range` of all their values.
  private static func cut(_ counts: [Int], _ range: Range<Int>, _ body: (Int, Range<Int>) -> Void) {
    var begin = 0
    for (index, count) in counts.enumerated() {
      let part = max(range.lowerBound, begin)..<max(max(range.lowerBound, begin), min(range.upperBound, begin + count))
      if !part.isEmpty { body(index, part.lowerBound - begin..<part.upperBound - begin) }
      begin += count
    }
  }

  /// Shares out what this step has gradients of: of parameters that are dense all positions, of tables the rows that any replica touched.
  private func share() {
    round += 1
    var counts = [Int](repeating: 0, count: parameters.count)
    var work = 0
    for index in pieces.indices { pieces[index].removeAll(keepingCapacity: true) }
    for index in parameters.indices {
      if replicas.contains(where: { $0.gradients[index].isDense }) {
        counts[index] = parameters[index].value.count
        work += counts[index]
      } else {
        shareRows(of: index)
      }
    }
    for thread in 0..<threads.count {
      ReplicaTeam.cut(counts, work * thread / threads.count..<work * (thread + 1) / threads.count) { index, values in
        pieces[thread].append(Piece(parameter: index, values: values))
      }
    }
  }

  /// The union of the rows that replicas touched, in the order of their first touch by the first replica that did.
  private func shareRows(of index: Int) {
    touched.removeAll(keepingCapacity: true)
    for replica in replicas {
      for row in replica.gradients[index].touched where seen[index][Int(row)] != round {
        seen[index][Int(row)] = round
        touched.append(row)
      }
    }
    let columns = parameters[index].value.columns
    for thread in 0..<threads.count {
      let part = touched.count * thread / threads.count..<touched.count * (thread + 1) / threads.count
      for row in touched[part] {
        pieces[thread].append(Piece(parameter: index, values: Int(row) * columns..<(Int(row) + 1) * columns))
      }
    }
  }

  /// A number a thread.
  private final class Sums: @unchecked Sendable {
    final class Sum { var value = 0.0 }
    let values: [Sum]
    init(_ count: Int) { values = (0..<count).map { _ in Sum() } }
  }
}
