import Testing

@testable import Control

@Suite struct RedisAddressTests {
  @Test(arguments: [
    ("redis://localhost", RedisAddress(endpoint: .tcp(host: "localhost", port: 6379))),
    ("redis://cache:7000/3", RedisAddress(endpoint: .tcp(host: "cache", port: 7000), database: 3)),
    ("redis://[::1]:6380", RedisAddress(endpoint: .tcp(host: "::1", port: 6380))),
    ("redis://[::1]", RedisAddress(endpoint: .tcp(host: "::1", port: 6379))),
    ("redis://:pw@h/", RedisAddress(endpoint: .tcp(host: "h", port: 6379), password: "pw")),
    (
      "redis://me:p%40ss%3a@h:1/2",
      RedisAddress(endpoint: .tcp(host: "h", port: 1), user: "me", password: "p@ss:", database: 2)
    ),
    ("unix:///run/redis.sock", RedisAddress(endpoint: .unix(path: "/run/redis.sock"))),
    ("unix:///run/redis.sock?db=4", RedisAddress(endpoint: .unix(path: "/run/redis.sock"), database: 4)),
  ])
  func urlsAreRead(url: String, expected: RedisAddress) throws {
    #expect(try RedisAddress(url: url) == expected)
  }

  @Test(arguments: [
    "", "localhost:6379", "http://h", "rediss://h", "redis://", "redis://h:0", "redis://h:x", "redis://h/one",
    "redis://h/-1", "redis://::1:6379", "redis://a:%zz@h", "redis://a:%+1@h", "redis://[::1]x", "unix://relative",
    "unix:///s?database=1", "unix:///s?db=x",
  ])
  func whatIsNoAddressIsRefused(url: String) {
    #expect(throws: ValueProblem.self) { try RedisAddress(url: url) }
  }

  @Test func passwordsAreMasked() throws {
    #expect(try RedisAddress(url: "redis://me:secret@h").maskedURL == "redis://me:***@h:6379/0")
    #expect(try RedisAddress(url: "redis://:secret@[::1]").maskedURL == "redis://:***@[::1]:6379/0")
    #expect(try RedisAddress(url: "unix:///s?db=1").maskedURL == "unix:///s?db=1")
  }
}
