-- KEYS: an owner's index and mark. ARGV: member, span from now, and until when, if known.
-- Reply: the time of the mark that the session is to be newer than, and the one that it must have seen to be alive.
local now = micros(redis.call('TIME'))
local till = number(ARGV[3]) or noted(now + number(ARGV[2]), now)
enrol(KEYS[1], ARGV[1], till, now)
return { mark(KEYS[2], ARGV[1]) }
