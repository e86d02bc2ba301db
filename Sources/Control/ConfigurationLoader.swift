private import Foundation

extension Configuration {
  /// Reads `file` (nil for none), lets the environment override it and `model` override both. Complains of all that is wrong
  /// at once. With `embedded` the servers may be absent.
  public static func load(
    file: String?, environment: [String: String], model: String? = nil, embedded: Bool = false
  ) throws(ControlFailure) -> Configuration {
    guard let file else { return try parse("", file: "", environment: environment, model: model, embedded: embedded) }
    let text: String
    do {
      let attributes = try FileManager.default.attributesOfItem(atPath: file)
      guard attributes[.size] as? Int ?? 0 <= YAMLReader.bytes else {
        throw ControlFailure.unreadable(path: file, reason: "it is larger than \(YAMLReader.bytes) bytes")
      }
      text = try String(contentsOfFile: file, encoding: .utf8)
    } catch let failure as ControlFailure {
      throw failure
    } catch {
      throw .unreadable(path: file, reason: Self.reason(error))
    }
    return try parse(text, file: file, environment: environment, model: model, embedded: embedded)
  }

  /// The same from the text of a file; `file` is for messages.
  public static func parse(
    _ text: String, file: String, environment: [String: String], model: String? = nil, embedded: Bool = false
  ) throws(ControlFailure) -> Configuration {
    let root = try YAMLReader.read(text, file: file)
    var loader = Loader(file: file)
    loader.take(root)
    loader.take(environment)
    if let model { loader.set("model", key: "", text: model, place: "--model") }
    loader.complete(embedded: embedded)
    loader.check()
    guard loader.problems.isEmpty else { throw .configuration(loader.problems) }
    return loader.configuration
  }

  /// Variables of the environment that look like settings but are none: probably misspelt.
  public static func suspects(in environment: [String: String]) -> [String] {
    let known = Set(Setting.all.filter { !$0.isMap }.map(\.variable) + CommandParser.variables)
    return environment.keys.sorted().compactMap { name in
      let isProperty = Setting.all.contains { $0.isMap && name.hasPrefix($0.variable + "_") }
      guard name.hasPrefix("INTENTD_"), !known.contains(name), !isProperty else { return nil }
      return Suggestion.nearest(to: name, among: known).map { "\(name) is no setting; did you mean \($0)?" }
    }
  }

  private static func reason(_ error: any Error) -> String {
    switch (error as? CocoaError)?.code {
    case .fileReadNoSuchFile: "there is no such file"
    case .fileReadNoPermission: "permission denied"
    case .fileReadInapplicableStringEncoding, .fileReadCorruptFile: "it is not UTF-8"
    default: "\(error.localizedDescription)"
    }
  }
}

/// Collects values and problems.
private struct Loader {
  let file: String
  var configuration = Configuration()
  var problems: [ConfigurationProblem] = []
  /// Where each key was set.
  private var places: [String: String] = [:]

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
        takeValue(entry, name: entry.key, siblings: Setting.sections.union(["model"]))
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
    guard case .scalar(let text, _) = entry.value.content else {
      return complain(entry.line, name, "must be a single value, not \(entry.value.kind)")
    }
    guard !entry.value.isNull else { return complain(entry.line, name, "has no value; give one or remove the key") }
    set(setting.name, key: key, text: text, place: "\(file):\(entry.line)")
  }

  /// What was probably meant by an unknown key: a sibling that is spelt alike, or the same key elsewhere.
  private func hint(for key: String, siblings: Set<String>) -> String {
    if let sibling = Suggestion.nearest(to: key, among: siblings.sorted()) { return "; did you mean \(sibling)?" }
    let elsewhere = Setting.all.map(\.name).filter { $0.split(separator: ".").last.map(String.init) == key }
    return elsewhere.isEmpty ? "" : "; did you mean \(elsewhere.joined(separator: " or "))?"
  }

  mutating func take(_ environment: [String: String]) {
    for setting in Setting.all {
      if setting.isMap {
        let prefix = setting.variable + "_"
        for (name, text) in environment.sorted(by: { $0.key < $1.key }) where name.hasPrefix(prefix) {
          let key = name.dropFirst(prefix.count).lowercased().replacing("_", with: ".")
          set(setting.name, key: key, text: text, place: name)
        }
      } else if let text = environment[setting.variable] {
        set(setting.name, key: "", text: text, place: setting.variable)
      }
    }
  }

  mutating func set(_ name: String, key: String, text: String, place: String) {
    guard let setting = Setting.all.first(where: { $0.name == name }) else { return }
    places[name] = place
    do throws(ValueProblem) {
      try setting.write(&configuration, key, text)
    } catch {
      let full = key.isEmpty ? name : "\(name).\(key)"
      problems.append(.init(place: place, key: full, problem: error.text))
    }
  }

  /// Fills in defaults and complains of what must be given.
  mutating func complete(embedded: Bool) {
    for setting in Setting.all where places[setting.name] == nil {
      switch setting.absence {
      case .value(let text):
        set(setting.name, key: "", text: text, place: "default")
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
