private import COpenBLAS

/// Matrix products, by OpenBLAS.
protocol MatrixKernels: TensorElement {
  /// c = alpha · op(a) · op(b) + beta · c, where op transposes if asked to.
  static func multiply(
    _ a: TensorSlice<Self>, transposed aT: Bool, _ b: TensorSlice<Self>, transposed bT: Bool,
    into c: TensorSlice<Self>, alpha: Self, beta: Self)
}

/// What concerns the library as a whole.
enum MatrixLibrary {
  /// Has every product computed by the thread that asks for it: the trainer's own threads share a step out, and a sum's order then depends
  /// on nothing but the number of those.
  static func useCallingThread() { openblas_set_num_threads(1) }
}

/// The sizes of a product, checked: `[m, k] · [k, n]`.
private struct ProductSizes {
  let m: Int32
  let n: Int32
  let k: Int32

  init<Scalar: TensorElement>(
    _ a: TensorSlice<Scalar>, _ aT: Bool, _ b: TensorSlice<Scalar>, _ bT: Bool, _ c: TensorSlice<Scalar>
  ) {
    let (rows, inner) = aT ? (a.columns, a.rows) : (a.rows, a.columns)
    let (innerOfB, columns) = bT ? (b.columns, b.rows) : (b.rows, b.columns)
    precondition(inner == innerOfB && rows == c.rows && columns == c.columns)
    (m, n, k) = (Int32(rows), Int32(columns), Int32(inner))
  }
}

extension Float: MatrixKernels {
  static func multiply(
    _ a: TensorSlice<Float>, transposed aT: Bool, _ b: TensorSlice<Float>, transposed bT: Bool,
    into c: TensorSlice<Float>, alpha: Float, beta: Float
  ) {
    let sizes = ProductSizes(a, aT, b, bT, c)
    guard sizes.m > 0, sizes.n > 0 else { return }
    unsafe cblas_sgemm(
      CblasRowMajor, aT ? CblasTrans : CblasNoTrans, bT ? CblasTrans : CblasNoTrans, sizes.m, sizes.n, sizes.k, alpha,
      a.tensor.base + a.offset, Int32(a.stride), b.tensor.base + b.offset, Int32(b.stride), beta,
      c.tensor.base + c.offset, Int32(c.stride))
  }
}

extension Double: MatrixKernels {
  static func multiply(
    _ a: TensorSlice<Double>, transposed aT: Bool, _ b: TensorSlice<Double>, transposed bT: Bool,
    into c: TensorSlice<Double>, alpha: Double, beta: Double
  ) {
    let sizes = ProductSizes(a, aT, b, bT, c)
    guard sizes.m > 0, sizes.n > 0 else { return }
    unsafe cblas_dgemm(
      CblasRowMajor, aT ? CblasTrans : CblasNoTrans, bT ? CblasTrans : CblasNoTrans, sizes.m, sizes.n, sizes.k, alpha,
      a.tensor.base + a.offset, Int32(a.stride), b.tensor.base + b.offset, Int32(b.stride), beta,
      c.tensor.base + c.offset, Int32(c.stride))
  }
}
