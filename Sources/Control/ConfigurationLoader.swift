private import Foundation

extension Configuration {
  /// A key that an option of the command line sets.
  public struct Override: Sendable, Equatable {
    /// The key, with its section.
    public var key: String
    /// Its value.
    public var text: String
    /// The option, for messages.
    public var option: String

    /// What `option` sets `key` to.
    public init(key: String, text: String, option: String) {
      self.key = key
      self.text = text
      self.option = option
    }
  }

  /// Reads `file` (nil for none), lets the environment override it and `model` override both. Complains of all that is wrong
  /// at once. With `embedded` the servers may be absent.
  public static func load(
    file: String?, environment: [String: String], model: String? = nil, embedded: Bool = false
  ) throws(ControlFailure) -> Configuration {
    let overrides = model.map { [Override(key: "model", text: $0, option: "--model")] } ?? []
    return try effective(file: file, environment: environment, overrides: overrides, embedded: embedded).configuration
  }

  /// The same with any overrides, and with where each value came from.
  public static func effective(
    file: String?, environment: [String: String], overrides: [Override] = [], embedded: Bool = false
  ) throws(ControlFailure) -> EffectiveConfiguration {
    guard let file else {
      return try effective("", file: "", environment: environment, overrides: overrides, embedded: embedded)
    }
    let text: String
    do throws(ReadProblem) {
      text = try TextFile.read(file, limit: YAMLReader.bytes)
    } catch {
      throw .unreadable(path: file, reason: error.text)
    }
    return try effective(text, file: file, environment: environment, overrides: overrides, embedded: embedded)
  }

  /// The same from the text of a file; `file` is for messages.
  public static func parse(
    _ text: String, file: String, environment: [String: String], model: String? = nil, embedded: Bool = false
  ) throws(ControlFailure) -> Configuration {
    let overrides = model.map { [Override(key: "model", text: $0, option: "--model")] } ?? []
    return try effective(text, file: file, environment: environment, overrides: overrides, embedded: embedded)
      .configuration
  }

  static func effective(
    _ text: String, file: String, environment: [String: String], overrides: [Override], embedded: Bool
  ) throws(ControlFailure) -> EffectiveConfiguration {
    let root = try YAMLReader.read(text, file: file)
    var loader = Loader(file: file)
    loader.take(root)
    loader.take(environment)
    for override in overrides { loader.set(override.key, key: "", text: override.text, place: override.option) }
    loader.complete(embedded: embedded)
    loader.check()
    guard loader.problems.isEmpty else { throw .configuration(loader.problems) }
    return EffectiveConfiguration(loader.configuration, places: loader.places)
  }

  /// Variables of the environment that look like settings but are none: probably misspelt.
  public static func suspects(in environment: [String: String]) -> [String] {
    let variables = Setting.all.filter { !$0.isMap }.map(\.variable)
    let known = Set(variables + variables.map { $0 + Setting.fileSuffix } + CommandParser.variables)
    return environment.keys.sorted().compactMap { name in
      let isProperty = Setting.all.contains { $0.isMap && name.hasPrefix($0.variable + "_") }
      guard name.hasPrefix("INTENTD_"), !known.contains(name), !isProperty else { return nil }
      return Suggestion.nearest(to: name, among: known).map { "\(name) is no setting; did you mean \($0)?" }
    }
  }
}

/// Collects values and problems.
private struct Loader {
  let file: String
  var configuration = Configuration()
  var problems: [ConfigurationProblem] = []
  /// Where each key was set; keys of maps with their map's.
  private(set) var places: [String: String] = [:]

  init(file: String) { self.file = file }

  mutating func take(_ root: YAMLNode) {
    guard case .mapping(let entries) = root.content else {
      if !root.isNull { complain(root.line, file, "must be sections and keys, not \(root.kind)") }
      return
    }
    for entry in entries {
      if Setting.sections.contains(entry.key) {
        takeSection(entry)
      } else {
        takeValue(entry, name: entry.key, siblings: Setting.sections.union(Setting.atTheTop))
      }
    }
  }

  private mutating func takeSection(_ section: YAMLNode.Entry) {
    guard case .mapping(let entries) = section.value.content else {
      if !section.value.isNull { complain(section.line, section.key, "must be a section, not \(section.value.kind)") }
      return
    }
    let siblings = Setting.all.filter { $0.section == section.key }.map {
      String($0.name.dropFirst(section.key.count + 1))
    }
    for entry in entries { takeValue(entry, name: "\(section.key).\(entry.key)", siblings: Set(siblings)) }
  }

  private mutating func takeValue(_ entry: YAMLNode.Entry, name: String, siblings: Set<String>) {
    guard let setting = Setting.all.first(where: { $0.name == name }) else {
      return complain(entry.line, name, "there is no such key" + hint(for: entry.key, siblings: siblings))
    }
    guard setting.isMap else { return takeScalar(entry, setting: setting, key: "") }
    guard case .mapping(let entries) = entry.value.content else {
      if !entry.value.isNull { complain(entry.line, name, "must be a section, not \(entry.value.kind)") }
      return
    }
    for entry in entries { takeScalar(entry, setting: setting, key: entry.key) }
  }

  private mutating func takeScalar(_ entry: YAMLNode.Entry, setting: Setting, key: String) {
    let name = key.isEmpty ? setting.name : "\(setting.name).\(key)"
    if case .sequence(let items) = entry.value.content, let writeItems = setting.writeItems {
      return takeItems(items, name, line: entry.line, writeItems)
    }
    guard case .scalar(let text, _) = entry.value.content else {
      return complain(entry.line, name, "must be a single value, not \(entry.value.kind)")
    }
    guard !entry.value.isNull else { return complain(entry.line, name, "has no value; give one or remove the key") }
    set(setting.name, key: key, text: text, place: "\(file):\(entry.line)")
  }

  private mutating func takeItems(
    _ items: [YAMLNode], _ name: String, line: Int,
    _ write: @Sendable (inout Configuration, [String]) throws(ValueProblem) -> Void
  ) {
    var texts: [String] = []
    for item in items {
      guard case .scalar(let text, _) = item.content, !item.isNull, !text.isEmpty else {
        return complain(
          item.line, name, "an item of the list must be a single value, not \(item.isNull ? "nothing" : item.kind)")
      }
      texts.append(text)
    }
    places[name] = "\(file):\(line)"
    do throws(ValueProblem) {
      try write(&configuration, texts)
    } catch {
      complain(line, name, error.text)
    }
  }

  /// What was probably meant by an unknown key: a sibling that is spelt alike, or the same key elsewhere.
  private func hint(for key: String, siblings: Set<String>) -> String {
    if let sibling = Suggestion.nearest(to: key, among: siblings.sorted()) { return "; did you mean \(sibling)?" }
    let elsewhere = Setting.all.map(\.name).filter { $0.split(separator: ".").last.map(String.init) == key }
    return elsewhere.isEmpty ? "" : "; did you mean \(elsewhere.joined(separator: " or "))?"
  }

  mutating func take(_ environment: [String: String]) {
    for setting in Setting.all {
      guard setting.isMap else {
        take(environment, setting.variable, setting, key: "")
        continue
      }
      let prefix = setting.variable + "_"
      var variables = Set<String>()
      for name in environment.keys where name.hasPrefix(prefix) {
        variables.insert(name.hasSuffix(Setting.fileSuffix) ? String(name.dropLast(Setting.fileSuffix.count)) : name)
      }
      for variable in variables.sorted() where variable.count > prefix.count {
        take(environment, variable, setting, key: setting.mapKey(variable.dropFirst(prefix.count)))
      }
    }
  }

  /// Takes the value of a variable, or of the file that the variable with the suffix names.
  private mutating func take(_ environment: [String: String], _ variable: String, _ setting: Setting, key: String) {
    let name = key.isEmpty ? setting.name : "\(setting.name).\(key)"
    let inFile = variable + Setting.fileSuffix
    guard let path = environment[inFile] else {
      if let text = environment[variable] { set(setting.name, key: key, text: text, place: variable) }
      return
    }
    guard environment[variable] == nil else {
      places[name] = inFile
      problems.append(.init(place: inFile, key: name, problem: "is given by \(variable) too; one of them must go"))
      return
    }
    do throws(ReadProblem) {
      var text = try TextFile.read(path, limit: TextFile.secretBytes)
      if text.last?.isNewline == true { text.removeLast() }
      set(setting.name, key: key, text: text, place: inFile)
    } catch {
      places[name] = inFile
      problems.append(.init(place: inFile, key: name, problem: "cannot read \(path): \(error.text)"))
    }
  }

  mutating func set(_ name: String, key: String, text: String, place: String) {
    guard let setting = Setting.all.first(where: { $0.name == name }) else { return }
    let full = key.isEmpty ? name : "\(name).\(key)"
    places[full] = place
    do throws(ValueProblem) {
      try setting.write(&configuration, key, text)
    } catch {
      problems.append(.init(place: place, key: full, problem: error.text))
    }
  }

  /// Fills in defaults and complains of what must be given.
  mutating func complete(embedded: Bool) {
    for setting in Setting.all where places[setting.name] == nil {
      switch setting.absence {
      case .value(let text):
        set(setting.name, key: "", text: text, place: "default")
      case .dependent(_, let value):
        set(setting.name, key: "", text: value(configuration), place: "default")
      case .nothing: break
      case .error(let needed):
        guard needed || !embedded else { break }
        let place = file.isEmpty ? "configuration" : file
        problems.append(
          .init(place: place, key: setting.name, problem: "must be given, here or as \(setting.variable)"))
      }
    }
  }

  /// What one key alone does not show.
  mutating func check() {
    guard problems.isEmpty else { return }
    checkTopics()
    checkTypes()
    completeLogin()
  }

  private mutating func checkTypes() {
    for type in configuration.consumer.ignoredTypes where configuration.consumer.eventTypes.contains(type) {
      let key = "consumer.ignored_types"
      problems.append(
        .init(place: places[key] ?? file, key: key, problem: "names \(type), as consumer.event_types does"))
    }
  }

  /// User and password of their own become part of the address.
  private mutating func completeLogin() {
    for (key, own, inURL) in [
      ("redis.user", configuration.redis.user, configuration.redis.address?.user),
      ("redis.password", configuration.redis.password, configuration.redis.address?.password),
    ] where own != nil && inURL != nil {
      problems.append(
        .init(place: places[key] ?? file, key: key, problem: "stands in redis.url too; one of them must go"))
    }
    if let user = configuration.redis.user { configuration.redis.address?.user = user }
    if let password = configuration.redis.password { configuration.redis.address?.password = password }
  }

  private mutating func checkTopics() {
    let topics = [
      ("consumer.topic", configuration.consumer.topic), ("publisher.topic", configuration.publisher.topic),
      ("publisher.dead_letter_topic", configuration.publisher.deadLetterTopic ?? ""),
    ]
    for (index, later) in topics.enumerated() where !later.1.isEmpty {
      for earlier in topics[..<index] where earlier.1 == later.1 {
        let place = places[later.0] ?? places[earlier.0] ?? file
        problems.append(
          .init(place: place, key: later.0, problem: "is \(later.1), as \(earlier.0) is; they must differ"))
      }
    }
  }

  private mutating func complain(_ line: Int, _ key: String, _ problem: String) {
    problems.append(.init(place: "\(file):\(line)", key: key, problem: problem))
  }
}
