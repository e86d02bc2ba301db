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

  /// The environment variable that forces a kernel.
  public static let environmentName = "INTENTD_KERNEL"

  /// The kernel that ``environmentName`` names in `environment`, or the fastest where it is absent or empty.
  ///
  /// Throws where the name is unknown, or this machine can't run the kernel: a forced kernel is never replaced
  /// silently.
  public static func selected(environment: [String: String]) throws(KernelError) -> Kernel {
    guard let name = environment[environmentName], !name.isEmpty else { return best }
    guard let kernel = Kernel(rawValue: name) else { throw .unknown(name: name) }
    guard kernel.isAvailable else { throw .unavailable(kernel) }
    return kernel
  }
}

/// Why a kernel that was asked for can't be used.
public enum KernelError: Error, Equatable, CustomStringConvertible {
  /// No kernel has this name.
  case unknown(name: String)
  /// This machine can't run it.
  case unavailable(Kernel)

  /// What happened, and what to do.
  public var description: String {
    let usable = Kernel.available.map(\.rawValue).joined(separator: ", ")
    switch self {
    case .unknown(let name):
      return "\(Kernel.environmentName)=\(name) is not a kernel; this machine has \(usable)"
    case .unavailable(let kernel):
      return "\(Kernel.environmentName)=\(kernel.rawValue) can't run on this machine; it has \(usable)"
    }
  }
}
