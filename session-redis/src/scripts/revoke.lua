-- KEYS: an owner's index and mark. ARGV: the session to keep, and for how long the mark holds at least.
-- A mark ends what was theirs before it. The kept one is spared only if it was alive under the mark before: `floor`.
-- Reply: the time of the mark, then each member with its score.
local now = micros(redis.call('TIME'))
local old = redis.call('HMGET', KEYS[2], 'at', 'keep', 'floor')
local before = number(old[1]) or 0
-- Later than any mark before, whatever the clock says.
local at = math.max(now, before + 1)
local floor = text(before)
if old[2] == ARGV[1] then
    floor = old[3] or floor
end
redis.call('HSET', KEYS[2], 'at', text(at), 'keep', ARGV[1], 'floor', floor)
local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')
local span = number(ARGV[2])
if last[2] then
    span = math.max(span, tonumber(last[2]) - now)
end
redis.call('PEXPIRE', KEYS[2], text(math.ceil((span + SLACK) / 1000)))
local answer = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
table.insert(answer, 1, text(at))
return answer
