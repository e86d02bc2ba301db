/// The compare-and-append of one session, which Redis runs as one step.
///
/// Everything is read and checked before the first write: Redis does not take back what a failing script has written. Numbers are
/// compared as text, where they are canonical, since Lua's own end at 2^53.
enum AppendScript {
  /// Its keys: events, marks, next. Its arguments: the expected running number, events to keep, time to live in milliseconds, the
  /// prediction (empty: leave the stored one), the greatest event time, the number of marks, each mark's field and offset, then
  /// the entries.
  ///
  /// Answers 1 where it applied all of it, else the stored events and marks.
  static let text: StaticString = """
    local last = redis.call('LINDEX', KEYS[1], -1)
    local number = '0'
    if last then number = string.match(last, '^(%d+) ') end
    if not number then return redis.error_reply('MALFORMED the last event has no running number') end
    if number ~= ARGV[1] then
      return {redis.call('LRANGE', KEYS[1], 0, -1), redis.call('HGETALL', KEYS[2])}
    end
    local marks = 6 + 2 * tonumber(ARGV[6])
    local raised = {'time', ARGV[5]}
    for i = 7, marks, 2 do
      local stored = redis.call('HGET', KEYS[2], ARGV[i])
      if stored and not tonumber(stored) then return redis.error_reply('MALFORMED a mark is not a number') end
      if not stored or tonumber(stored) < tonumber(ARGV[i + 1]) then
        raised[#raised + 1] = ARGV[i]
        raised[#raised + 1] = ARGV[i + 1]
      end
    end
    for i = marks + 1, #ARGV, 1000 do
      redis.call('RPUSH', KEYS[1], unpack(ARGV, i, math.min(i + 999, #ARGV)))
    end
    redis.call('LTRIM', KEYS[1], -tonumber(ARGV[2]), -1)
    redis.call('HSET', KEYS[2], unpack(raised))
    if ARGV[4] ~= '' then redis.call('SET', KEYS[3], ARGV[4]) end
    for i = 1, 3 do redis.call('PEXPIRE', KEYS[i], ARGV[3]) end
    return 1
    """
}
