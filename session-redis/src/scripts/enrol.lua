-- KEYS: an owner's index and mark. ARGV: member, span from now, and until when, if known.
-- Reply: the time of the mark that the session is to be newer than.
local now = clock()
local till = number(ARGV[3]) or math.min(now + number(ARGV[2]), LAST)
enrol(KEYS[1], ARGV[1], till, now)
return redis.call('HGET', KEYS[2], 'at') or '0'
