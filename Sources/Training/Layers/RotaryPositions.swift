private import Foundation

/// Rotary position embedding (Su et al. 2021, section 3.2.2): in each head the pair (2m, 2m+1) of queries and keys at place i of its
/// sequence is turned by the angle i · base^(−2m / size), so that their product depends on the distance alone.
///
/// Backwards: a rotation's transpose turns back by the same angle.
struct RotaryPositions<Scalar: TrainingScalar>: Sendable {
  private let table: RotaryTable<Scalar>
  private let size: Int

  /// For heads of `size` values and places 0..<`length`.
  init(length: Int, size: Int, base: Double = 10000) {
    precondition(size % 2 == 0)
    self.size = size
    let cosines = Tensor<Scalar>(rows: length, columns: size / 2)
    let sines = Tensor<Scalar>(rows: length, columns: size / 2)
    for place in 0..<length {
      for pair in 0..<size / 2 {
        let angle = Double(place) * pow(base, -2 * Double(pair) / Double(size))
        cosines[place, pair] = Scalar(cos(angle))
        sines[place, pair] = Scalar(sin(angle))
      }
    }
    table = RotaryTable(cosines: cosines, sines: sines)
  }

  /// Turns the first `heads` heads of the rows of x.
  func forward(_ x: Tensor<Scalar>, heads: Int, _ batch: PackedBatch) {
    Scalar.rotate(x, column: 0, heads: heads, size: size, by: table, direction: 1, batch)
  }

  /// Turns their gradients back.
  func backward(_ gradient: Tensor<Scalar>, heads: Int, _ batch: PackedBatch) {
    Scalar.rotate(gradient, column: 0, heads: heads, size: size, by: table, direction: -1, batch)
  }
}
