/// The scripts that Redis runs, each as one step.
enum RedisScript {
  /// The compare-and-append of one session.
  ///
  /// Everything is read and checked before the first write: Redis does not take back what a failing script has written. Numbers are
  /// compared as text, where they are canonical, since Lua's own end at 2^53. The expected number is the beginning of the last
  /// entry, so that the common case takes nothing apart; `HSET` goes first, since it alone finds a key of another type.
  ///
  /// Its keys: events, marks, next. Its arguments: the expected running number and a space, events to keep, time to live in
  /// milliseconds, the prediction (empty: leave the stored one), the greatest event time, the number of marks, each mark's field
  /// and offset, then the entries.
  ///
  /// Answers 1 where it applied all of it, else the stored events and marks.
  static let append: StaticString = """
    local call, expected = redis.call, ARGV[1]
    local last = call('LINDEX', KEYS[1], -1)
    local same
    if last then
      same = string.sub(last, 1, #expected) == expected and expected ~= '0 '
    else
      same = expected == '0 '
    end
    if not same then
      if last and not string.find(last, '^%d+ ') then
        return redis.error_reply('MALFORMED the last event has no running number')
      end
      return {call('LRANGE', KEYS[1], 0, -1), call('HGETALL', KEYS[2])}
    end
    local count, ttl = #ARGV, ARGV[3]
    local marks = 6 + 2 * ARGV[6]
    if marks == 8 then
      local stored = call('HGET', KEYS[2], ARGV[7])
      local number = stored and tonumber(stored)
      if stored and not number then return redis.error_reply('MALFORMED a mark is not a number') end
      if number and number >= tonumber(ARGV[8]) then
        call('HSET', KEYS[2], 'time', ARGV[5])
      else
        call('HSET', KEYS[2], 'time', ARGV[5], ARGV[7], ARGV[8])
      end
    else
      local raised = {'time', ARGV[5]}
      for i = 7, marks, 2 do
        local stored = call('HGET', KEYS[2], ARGV[i])
        if stored and not tonumber(stored) then return redis.error_reply('MALFORMED a mark is not a number') end
        if not stored or tonumber(stored) < tonumber(ARGV[i + 1]) then
          raised[#raised + 1] = ARGV[i]
          raised[#raised + 1] = ARGV[i + 1]
        end
      end
      call('HSET', KEYS[2], unpack(raised))
    end
    local length
    if count == marks + 1 then
      length = call('RPUSH', KEYS[1], ARGV[count])
    else
      for i = marks + 1, count, 1000 do
        length = call('RPUSH', KEYS[1], unpack(ARGV, i, math.min(i + 999, count)))
      end
    end
    if length and length > tonumber(ARGV[2]) then call('LTRIM', KEYS[1], -ARGV[2], -1) end
    if ARGV[4] ~= '' then
      call('SET', KEYS[3], ARGV[4], 'PX', ttl)
    else
      call('PEXPIRE', KEYS[3], ttl)
    end
    call('PEXPIRE', KEYS[1], ttl)
    call('PEXPIRE', KEYS[2], ttl)
    return 1
    """

  /// Raises the marks of partitions. Its key: the hash. Its arguments: the name of the server's run, then field and offset of each.
  /// A mark is never lowered, whoever writes it late; the run is always the one that applied last.
  static let raise: StaticString = """
    for i = 2, #ARGV, 2 do
      local stored = redis.call('HGET', KEYS[1], ARGV[i])
      local offset = stored and string.match(stored, '^(%d+) ')
      if not offset or tonumber(offset) < tonumber(ARGV[i + 1]) then offset = ARGV[i + 1] end
      redis.call('HSET', KEYS[1], ARGV[i], offset .. ' ' .. ARGV[1])
    end
    return 1
    """

  /// Reads a session. Its keys: events, marks.
  static let read: StaticString = """
    return {redis.call('LRANGE', KEYS[1], 0, -1), redis.call('HGETALL', KEYS[2])}
    """

  /// Sets keys aside. Its keys: the three of a session, then their new names. Its argument: the time to live, in milliseconds, of
  /// one that has none.
  static let setAside: StaticString = """
    for i = 1, 3 do
      if redis.call('EXISTS', KEYS[i]) == 1 then
        redis.call('RENAME', KEYS[i], KEYS[i + 3])
        if redis.call('PTTL', KEYS[i + 3]) < 0 then redis.call('PEXPIRE', KEYS[i + 3], ARGV[1]) end
      end
    end
    return 1
    """
}
