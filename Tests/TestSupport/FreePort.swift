private import Glibc

/// A TCP port of the loopback that nobody listened on a moment ago.
public func freePort() -> Int {
  let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
  precondition(descriptor >= 0, "no socket: errno \(errno)")
  defer { _ = close(descriptor) }
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
  var size = socklen_t(MemoryLayout<sockaddr_in>.size)
  let isBound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
    unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { general in
      unsafe bind(descriptor, general, size) == 0 && getsockname(descriptor, general, &size) == 0
    }
  }
  precondition(isBound, "no free port: errno \(errno)")
  return Int(UInt16(bigEndian: address.sin_port))
}
