private import CHiredis

/// Owns a reply of Redis (`redisReply`). Where it is a list, its elements are named by their place; nil is the reply itself.
@safe struct RedisReply: ~Copyable {
  private let root: UnsafeMutableRawPointer

  /// The reply at `pointer`, as hiredis hands it over.
  init(owning pointer: UnsafeMutableRawPointer) { unsafe root = pointer }

  deinit { unsafe freeReplyObject(root) }

  /// The text of an error; nil where the reply is none.
  func error(at index: Int? = nil) -> String? {
    guard let node = unsafe node(index), unsafe node.pointee.type == REDIS_REPLY_ERROR else { return nil }
    return unsafe String(
      decoding: UnsafeRawBufferPointer(start: node.pointee.str, count: node.pointee.len), as: UTF8.self)
  }

  /// The whole number; nil where the reply is none.
  func integer() -> Int64? {
    guard let node = unsafe node(nil), unsafe node.pointee.type == REDIS_REPLY_INTEGER else { return nil }
    return unsafe node.pointee.integer
  }

  /// True for a list that holds something; false for any other reply, nil among them.
  var hasElements: Bool {
    guard let node = unsafe node(nil), unsafe node.pointee.type == REDIS_REPLY_ARRAY else { return false }
    return unsafe node.pointee.elements > 0
  }

  /// Hands the bytes of each element of a list to `body`, in order; false where the reply is not a list of bytes.
  func forEachBytes(at index: Int? = nil, _ body: (Span<UInt8>) -> Void) -> Bool {
    guard let list = unsafe node(index), unsafe list.pointee.type == REDIS_REPLY_ARRAY else { return false }
    for place in unsafe 0..<list.pointee.elements {
      guard let element = unsafe list.pointee.element[place] else { return false }
      guard let bytes = unsafe Self.bytes(of: element) else { return false }
      unsafe body(bytes.span)
    }
    return true
  }

  /// A copy of the bytes; nil where the reply holds none.
  func bytes(at index: Int? = nil) -> [UInt8]? {
    guard let node = unsafe node(index), let bytes = unsafe Self.bytes(of: node) else { return nil }
    return unsafe Array(bytes)
  }

  private func node(_ index: Int?) -> UnsafeMutablePointer<redisReply>? {
    let node = unsafe root.assumingMemoryBound(to: redisReply.self)
    guard let index else { return unsafe node }
    guard unsafe node.pointee.type == REDIS_REPLY_ARRAY else { return nil }
    guard unsafe index < node.pointee.elements else { return nil }
    return unsafe node.pointee.element[index]
  }

  private static func bytes(of node: UnsafeMutablePointer<redisReply>) -> UnsafeBufferPointer<UInt8>? {
    let type = unsafe node.pointee.type
    guard type == REDIS_REPLY_STRING || type == REDIS_REPLY_STATUS else { return nil }
    let bytes = unsafe UnsafeRawBufferPointer(start: node.pointee.str, count: node.pointee.len)
    return unsafe bytes.bindMemory(to: UInt8.self)
  }
}
