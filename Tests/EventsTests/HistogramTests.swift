import Events
import Testing

@Suite struct HistogramTests {
  @Test("Quantiles are right to a bucket's width", arguments: [1, 17, 1000, 1_000_000, 5_000_000_000])
  func quantiles(scale: Int) {
    var histogram = Histogram()
    for value in 1...1000 { histogram.record(value * scale) }
    #expect(histogram.count == 1000)
    for quantile in [0.01, 0.5, 0.9, 0.99, 1] {
      let exact = Double(scale) * (quantile * 1000).rounded(.up)
      let got = Double(histogram.value(at: quantile))
      #expect(got >= exact && got <= exact * 1.04 + 1)
    }
  }

  @Test("Histograms add up, and an empty one is zero") func sums() {
    var first = Histogram()
    #expect(first.value(at: 0.5) == 0)
    var second = Histogram()
    first.record(10, times: 3)
    first.record(-5)
    second.record(1 << 50)
    first.add(second)
    #expect(first.count == 5)
    #expect(first.largest == 1 << 50)
    #expect(first.value(at: 0.5) == 10)
    #expect(first.value(at: 0.1) == 0)
  }
}
