import Training

enum Program {
  static func run() {}
}
