/// Sequences of items side by side, without padding: what one replica computes in one step.
///
/// Sequence `s` has rows `starts[s]..<starts[s + 1]`; row `r` was item `items[r]`, and is followed by `targets[r]`, or ``noTarget`` where it is
/// context only. `n` rows in all.
struct PackedBatch: Sendable {
  /// The target of rows without a loss.
  static let noTarget: Int32 = -1

  /// Catalogue rows [n], oldest first in each sequence.
  var items: [Int32] = []
  /// What followed [n].
  var targets: [Int32] = []
  /// Where sequences begin, and at last n.
  var starts: [Int32] = [0]
  /// Where recurrent state is carried from step to step (session-parallel training, Hidasi et al. 2016, section 3.1.1): the lane of each
  /// sequence, counted from 0 within the replica. Empty where each sequence starts from zero state.
  var lanes: [Int32] = []
  /// With lanes: true where the lane's state is reset before this sequence.
  var resets: [Bool] = []

  /// Number of sequences.
  var sequences: Int { starts.count - 1 }
  /// Number of rows, n.
  var rows: Int { items.count }
  /// Number of rows with a target.
  var scored: Int { targets.reduce(0) { $0 + ($1 == PackedBatch.noTarget ? 0 : 1) } }

  /// Empties it, keeping its memory.
  mutating func removeAll() {
    items.removeAll(keepingCapacity: true)
    targets.removeAll(keepingCapacity: true)
    starts.removeAll(keepingCapacity: true)
    starts.append(0)
    lanes.removeAll(keepingCapacity: true)
    resets.removeAll(keepingCapacity: true)
  }

  /// Appends a sequence: `items[i]` is followed by `targets[i]`.
  mutating func append(items: ArraySlice<Int32>, targets: ArraySlice<Int32>) {
    precondition(items.count == targets.count)
    self.items.append(contentsOf: items)
    self.targets.append(contentsOf: targets)
    starts.append(Int32(self.items.count))
  }
}

/// The largest batch of one replica: what buffers are made for.
struct BatchCapacity: Sendable, Equatable {
  /// Rows of all sequences together.
  var rows: Int
  /// Sequences.
  var sequences: Int
  /// Rows of one sequence.
  var length: Int
  /// Lanes whose recurrent state is carried; 0 for none.
  var lanes = 0
}
