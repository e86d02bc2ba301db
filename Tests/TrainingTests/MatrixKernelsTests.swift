import Testing

@testable import Training

@Suite struct MatrixKernelsTests {
  /// Every combination of transposed operands against three loops.
  @Test(arguments: [(false, false), (false, true), (true, false), (true, true)])
  func productIsThatOfLoops(aT: Bool, bT: Bool) {
    var random = RandomStream(seed: 7, purpose: .sampling)
    let (m, n, k) = (5, 7, 3)
    let a = Tensor<Double>(rows: aT ? k : m, columns: aT ? m : k)
    let b = Tensor<Double>(rows: bT ? n : k, columns: bT ? k : n)
    let c = Tensor<Double>(rows: m, columns: n)
    for index in 0..<a.count { a[index] = random.normal() }
    for index in 0..<b.count { b[index] = random.normal() }
    for index in 0..<c.count { c[index] = random.normal() }
    let before = c.values
    Double.multiply(
      a.slice(rows: a.rows), transposed: aT, b.slice(rows: b.rows), transposed: bT, into: c.slice(rows: m), alpha: 2,
      beta: 0.5)
    for i in 0..<m {
      for j in 0..<n {
        var sum = 0.5 * before[i * n + j]
        for l in 0..<k { sum += 2 * (aT ? a[l, i] : a[i, l]) * (bT ? b[j, l] : b[l, j]) }
        #expect(abs(c[i, j] - sum) < 1e-12)
      }
    }
  }
}
