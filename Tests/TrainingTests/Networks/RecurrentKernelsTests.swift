import Foundation
import Testing

@testable import Training

@Suite struct RecurrentKernelsTests {
  static let arguments = (-4000...4000).map { Double($0) / 100 } + [-1e6, -200, -90, 90, 200, 1e6, 1e-8, -1e-8]

  @Test func gatesFunctionsAreThoseOfLibm() {
    let count = Self.arguments.count
    let sigmoid = Tensor<Double>(rows: 1, columns: count, Self.arguments)
    let tanh = Tensor<Double>(rows: 1, columns: count, Self.arguments)
    let sigmoidOfFloat = Tensor<Float>(rows: 1, columns: count, Self.arguments.map { Float($0) })
    let tanhOfFloat = Tensor<Float>(rows: 1, columns: count, Self.arguments.map { Float($0) })
    Double.sigmoid(sigmoid, count: count)
    Double.tanh(tanh, count: count)
    Float.sigmoid(sigmoidOfFloat, count: count)
    Float.tanh(tanhOfFloat, count: count)
    var worst = (double: 0.0, float: 0.0)
    for (index, x) in Self.arguments.enumerated() {
      let rounded = Double(Float(x))
      worst.double = max(
        worst.double, abs(sigmoid[index] - 1 / (1 + exp(-x))), abs(tanh[index] - Foundation.tanh(x)))
      worst.float = max(
        worst.float, abs(Double(sigmoidOfFloat[index]) - 1 / (1 + exp(-rounded))),
        abs(Double(tanhOfFloat[index]) - Foundation.tanh(rounded)))
    }
    #expect(worst.double < 1e-15)
    #expect(worst.float < 2e-7)
  }

  @Test func notANumberStaysOne() {
    let x = Tensor<Float>(rows: 1, columns: 20, [Float](repeating: .nan, count: 20))
    let y = Tensor<Float>(rows: 1, columns: 20, [Float](repeating: .nan, count: 20))
    Float.sigmoid(x, count: 20)
    Float.tanh(y, count: 20)
    #expect((x.values + y.values).allSatisfy { $0.isNaN })
  }

  @Test func timeMajorOrderPutsTheLongestFirst() {
    var order = TimeMajorOrder(RecurrentFixtures.capacity)
    let batch = RecurrentFixtures.batch([2, 4, 1, 4])
    order.arrange(batch)
    #expect(Array(order.sequences.prefix(4)) == [1, 3, 0, 2])
    #expect(
      order.steps == [
        RecurrentStep(row: 0, rows: 4, nextRows: 3), RecurrentStep(row: 4, rows: 3, nextRows: 2),
        RecurrentStep(row: 7, rows: 2, nextRows: 2), RecurrentStep(row: 9, rows: 2, nextRows: 0),
      ])
    #expect(Array(order.packed.prefix(11)) == [2, 7, 0, 6, 3, 8, 1, 4, 9, 5, 10])
    #expect(Array(order.last.prefix(4)) == [9, 10, 6, 3])
    for row in 0..<batch.rows {
      #expect(order.packed[Int(order.timeMajor[row])] == Int32(row))
      #expect(order.events.items[Int(order.timeMajor[row])] == batch.items[row])
    }
  }
}
