private import CLimits

/// What this machine can do at most, measured in the same run.
struct Machine {
  /// fp32 multiply-adds on one core, floating-point operations a second.
  var fma = 0.0
  /// int8 dot products on one core; 0 without such an instruction.
  var int8 = 0.0
  /// Bytes a second that one core reads from half of a 1 MiB cache, from 8 MiB, and from memory.
  var secondCache = 0.0
  var lastCache = 0.0
  var memory = 0.0

  /// The machine that targets speak of: Zen 4 at 3.6 GHz.
  static let reference = Machine(fma: 116e9, int8: 464e9, secondCache: 113e9, lastCache: 90e9, memory: 30e9)

  /// Measures the machine: the best of `runs` runs, as limits are.
  static func measured(runs: Int) -> Machine {
    var machine = Machine()
    machine.fma = limits_fma(20_000) / Sample(runs: runs, operations: 1) { _ = limits_fma(20_000) }.best
    machine.int8 = limits_int8(20_000) / Sample(runs: runs, operations: 1) { _ = limits_int8(20_000) }.best
    machine.secondCache = read(512 << 10, runs: runs)
    machine.lastCache = read(8 << 20, runs: runs)
    machine.memory = read(512 << 20, runs: max(3, runs / 4))
    return machine
  }

  private static func read(_ bytes: Int, runs: Int) -> Double {
    guard let memory = unsafe limits_allocate(bytes) else { return 0 }
    defer { unsafe limits_free(memory) }
    return Double(bytes) / Sample(runs: runs, operations: 1) { unsafe limits_read(memory, bytes) }.best
  }

  private init() {}

  private init(fma: Double, int8: Double, secondCache: Double, lastCache: Double, memory: Double) {
    self.fma = fma
    self.int8 = int8
    self.secondCache = secondCache
    self.lastCache = lastCache
    self.memory = memory
  }
}

/// What bounds an operation, and how much of it one takes.
enum Bound {
  /// Floating-point operations.
  case fma(Double)
  /// int8 operations.
  case int8(Double)
  /// Bytes from memory.
  case memory(Double)

  /// The most operations a second that `machine` allows with `cores` cores, where that is known.
  func ceiling(_ machine: Machine, cores: Int) -> Double? {
    let rate =
      switch self {
      case .fma(let work): machine.fma / work
      case .int8(let work): machine.int8 / work
      case .memory(let bytes): machine.memory / bytes
      }
    return rate > 0 ? rate * Double(cores) : nil
  }

  /// How much faster `machine` is than the reference machine, in what bounds the operation.
  func scale(_ machine: Machine) -> Double? {
    guard let here = ceiling(machine, cores: 1), let there = ceiling(.reference, cores: 1) else { return nil }
    return here / there
  }
}
