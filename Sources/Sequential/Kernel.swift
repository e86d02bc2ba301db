private import CKernels

/// An instruction set that the kernels are written for. Every number that a kernel computes depends on it in the last
/// bits, so predictions are reproducible on the same kernel.
public enum Kernel: String, Sendable, CaseIterable {
  case portable
  case neon
  case avx2
  case avx512

  /// The number by which C knows it.
  var code: Int32 {
    switch self {
    case .portable: Int32(INTENTD_KERNEL_PORTABLE)
    case .neon: Int32(INTENTD_KERNEL_NEON)
    case .avx2: Int32(INTENTD_KERNEL_AVX2)
    case .avx512: Int32(INTENTD_KERNEL_AVX512)
    }
  }

  /// True where this machine can run it.
  public var isAvailable: Bool { intentd_kernel_available(code) == 1 }

  /// The kernels that this machine can run, from the plainest.
  public static var available: [Kernel] { allCases.filter(\.isAvailable) }

  /// The fastest kernel of this machine.
  public static var best: Kernel { available.last ?? .portable }
}
