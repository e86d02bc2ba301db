internal import Events

/// Where a part of an event is to be found.
enum FieldPlace {
  /// A field of the record, by its number in the parser.
  case field(Int)
  /// An attribute of the envelope, by its number.
  case attribute(Int)
}

/// The attributes that a mapping names, each once.
struct AttributeNames {
  private(set) var all: [String] = []

  init(of mapping: JSONMapping) {
    for path in mapping.paths where path.isAttribute {
      if case .key(let name) = path.steps[0], !all.contains(name) { all.append(name) }
    }
  }

  func number(_ path: JSONPath) -> Int? {
    guard path.isAttribute, case .key(let name) = path.steps[0] else { return nil }
    return all.firstIndex(of: name)
  }
}

/// The paths of a mapping as numbers of a parser's fields. One object, so that handing it on costs one count.
final class FieldNumbers {
  let session: [FieldPlace]
  let sessionQualifier: [FieldPlace]
  let item: [FieldPlace]
  let furtherItem: [FieldPlace]
  let time: [FieldPlace]
  let user: [FieldPlace]
  let type: [FieldPlace]
  let kind: Int?

  /// Adds the mapping's paths to `fields`; all of them below the key `below` where there is one.
  init(_ mapping: JSONMapping, in fields: JSONFields, below: String?, _ attributes: AttributeNames)
    throws(FormatsFailure)
  {
    func add(_ paths: [JSONPath]) throws(FormatsFailure) -> [FieldPlace] {
      var places: [FieldPlace] = []
      for path in paths {
        if let number = attributes.number(path) {
          places.append(.attribute(number))
        } else {
          places.append(.field(try fields.add(below.map { path.below($0) } ?? path)))
        }
      }
      return places
    }
    session = try add(mapping.session)
    sessionQualifier = try add(mapping.sessionQualifier)
    item = try add(mapping.item)
    furtherItem = try add(mapping.furtherItem)
    time = try add(mapping.time)
    user = try add(mapping.user)
    type = try add(mapping.type)
    if case .field(let number)? = try add(mapping.kind.map { [$0.path] } ?? []).first {
      kind = number
    } else {
      kind = nil
    }
  }
}

/// A parser that has read a record, and where in it the event's parts are.
struct FieldValues {
  let fields: JSONFields
  let numbers: FieldNumbers
}
