private import CArgp
private import Glibc

/// The options and operands of one way to call the program.
struct Grammar: Sendable {
  struct Option: Sendable {
    let name: String
    var short: Character?
    /// What its value is called in the help; nil where it takes none.
    var argument: String?
    let help: String
    /// A heading that options from here on stand under.
    var heading: String?
  }

  /// The program's name, with a subcommand where there is one.
  let program: String
  /// What follows the options, one line a way to call it.
  let operands: [String]
  let summary: String
  /// What the help says behind the options.
  let notes: String
  let options: [Option]
}

/// Reads arguments with libc's `argp`. Owns its structures; its callback and its strings do not leave this file.
enum ArgumentScanner {
  /// One argument, understood.
  enum Element: Equatable {
    case option(String, value: String)
    case operand(String)
  }

  /// The arguments in their order. Options may be abbreviated where that is unambiguous.
  static func scan(_ arguments: [String], grammar: Grammar) throws(ControlFailure) -> [Element] {
    let tables = Tables(grammar)
    let collector = Collector()
    let words = [grammar.program] + arguments
    let pointers = unsafe words.map { unsafe tables.string($0) } + [nil]
    let vector = unsafe UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: pointers.count)
    defer { unsafe vector.deallocate() }
    unsafe vector.initialize(from: pointers, count: pointers.count)
    let flags = UInt32(ARGP_NO_EXIT | ARGP_NO_ERRS | ARGP_NO_HELP | ARGP_IN_ORDER)
    var description = unsafe tables.description
    // The tables' strings must outlive the call, as must what the callback fills.
    let code = withExtendedLifetime((tables, collector)) {
      unsafe argp_parse(
        &description, Int32(words.count), vector, flags, nil, Unmanaged.passUnretained(collector).toOpaque())
    }
    guard code == 0 else {
      throw .usage(complaint(of: words[min(collector.next, words.count - 1)], grammar: grammar))
    }
    return collector.found.compactMap { key, value in
      guard key != Int32(ARGP_KEY_ARG) else { return .operand(value) }
      let option = grammar.options.enumerated().first { tables.key(of: $0.element, at: $0.offset) == key }
      return option.map { .option($0.element.name, value: value) }
    }
  }

  /// The text of `--help`, or of `--usage` where `isShort`.
  static func help(_ grammar: Grammar, isShort: Bool) -> String {
    let tables = Tables(grammar)
    var description = unsafe tables.description
    var bytes: UnsafeMutablePointer<CChar>?
    var count = 0
    guard let stream = unsafe open_memstream(&bytes, &count) else { return "" }
    let style = isShort ? ARGP_HELP_USAGE : ARGP_HELP_SHORT_USAGE | ARGP_HELP_LONG | ARGP_HELP_DOC
    // The tables' strings must outlive the call.
    withExtendedLifetime(tables) {
      unsafe argp_help(&description, stream, UInt32(style), tables.string(grammar.program))
    }
    unsafe fclose(stream)
    defer { unsafe free(bytes) }
    guard let start = unsafe bytes else { return "" }
    let text = unsafe String(decoding: UnsafeRawBufferPointer(start: start, count: count), as: UTF8.self)
    return text[...].trimming("\n") + "\n"
  }

  /// What is wrong with the argument that argp stopped at.
  private static func complaint(of word: String, grammar: Grammar) -> String {
    guard word.hasPrefix("--") else { return "there is no option \(word)" }
    let name = String(word.dropFirst(2).prefix { $0 != "=" })
    let exact = grammar.options.filter { $0.name == name }
    let matches = exact.isEmpty ? grammar.options.filter { $0.name.hasPrefix(name) } : exact
    if matches.count > 1 {
      return "--\(name) could be " + matches.map { "--\($0.name)" }.joined(separator: " or ")
    }
    if let option = matches.first {
      return option.argument.map { "--\(option.name) needs a value: --\(option.name)=\($0)" }
        ?? "--\(option.name) takes no value"
    }
    let hint = Suggestion.nearest(to: name, among: grammar.options.map(\.name)).map { "; did you mean --\($0)?" } ?? ""
    return "there is no option --\(name)\(hint)"
  }
}

/// What the callback saw.
private final class Collector {
  var found: [(key: Int32, value: String)] = []
  /// Index of the argument that is looked at next.
  var next = 1
}

/// argp's tables for a grammar, and the strings that they point to: they live as long as this.
@safe private final class Tables {
  private var strings = unsafe [UnsafeMutablePointer<CChar>]()
  private let options: UnsafeMutablePointer<argp_option>
  private(set) var description = unsafe argp()

  init(_ grammar: Grammar) {
    let headings = grammar.options.count { $0.heading != nil }
    unsafe options = .allocate(capacity: grammar.options.count + headings + 1)
    var row = 0
    var group: Int32 = 0
    for (index, option) in grammar.options.enumerated() {
      if let heading = option.heading {
        group += 1
        unsafe (options + row).initialize(to: argp_option())
        unsafe options[row].doc = UnsafePointer(string(heading))
        unsafe options[row].group = group
        row += 1
      }
      unsafe (options + row).initialize(to: argp_option())
      unsafe options[row].name = UnsafePointer(string(option.name))
      unsafe options[row].key = key(of: option, at: index)
      unsafe options[row].arg = UnsafePointer(option.argument.flatMap { unsafe string($0) })
      unsafe options[row].doc = UnsafePointer(string(option.help))
      // argp itself puts help and version into this last group.
      unsafe options[row].group = ["help", "usage", "version"].contains(option.name) ? -1 : group
      row += 1
    }
    unsafe (options + row).initialize(to: argp_option())
    unsafe description.options = UnsafePointer(options)
    unsafe description.parser = receive
    if !grammar.operands.isEmpty {
      unsafe description.args_doc = UnsafePointer(string(grammar.operands.joined(separator: "\n")))
    }
    unsafe description.doc = UnsafePointer(string("\(grammar.summary)\u{B}\(grammar.notes)"))
  }

  deinit {
    while let string = unsafe strings.popLast() { unsafe free(string) }
    unsafe options.deallocate()
  }

  /// The number by which argp knows an option: its letter, or one that is no letter.
  func key(of option: Grammar.Option, at index: Int) -> Int32 {
    option.short?.asciiValue.map { Int32($0) } ?? Int32(0x400 + index)
  }

  /// A copy of `text` that lives as long as the tables.
  func string(_ text: String) -> UnsafeMutablePointer<CChar>? {
    guard let copy = unsafe strdup(text) else { return nil }
    unsafe strings.append(copy)
    return unsafe copy
  }
}

/// argp's callback: one call an argument, and some more that mark its stages.
private func receive(_ key: Int32, _ value: UnsafeMutablePointer<CChar>?, _ state: UnsafeMutablePointer<argp_state>?)
  -> error_t
{
  guard let state = unsafe state, let input = unsafe state.pointee.input else { return 0 }
  switch key {
  case Int32(ARGP_KEY_INIT), Int32(ARGP_KEY_FINI), Int32(ARGP_KEY_SUCCESS), Int32(ARGP_KEY_ERROR),
    Int32(ARGP_KEY_END), Int32(ARGP_KEY_NO_ARGS):
    return 0
  case Int32(ARGP_KEY_ARGS): return ARGP_ERR_UNKNOWN
  default:
    let collector = unsafe Unmanaged<Collector>.fromOpaque(input).takeUnretainedValue()
    collector.found.append((key, unsafe value.map { unsafe String(cString: $0) } ?? ""))
    collector.next = Int(unsafe state.pointee.next)
    return 0
  }
}
