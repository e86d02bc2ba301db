private import CTestSupport

/// Counts the heap allocations that this thread makes in `body` (without `await` in between), or nil where counting
/// is compiled out, as under the sanitizers.
public func allocations(in body: () throws -> Void) rethrows -> Int? {
  let before = test_allocation_count()
  try body()
  let after = test_allocation_count()
  return before < 0 ? nil : Int(after - before)
}
