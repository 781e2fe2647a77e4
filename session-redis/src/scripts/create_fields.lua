-- `create.lua` in short, for a session of nobody on a single server. Without common.lua.
-- KEYS: the session. ARGV: how long it lives; then name and value of each field.
-- Reply: the time; nothing where the key exists.
local key, time = KEYS[1], redis.call('TIME')
if redis.call('EXISTS', key) == 1 then
    return {}
end
local now = time[1] * 1000000 + time[2]
local expires_at = math.min(now + ARGV[1], LAST)
local meta = string.format('%.0f %.0f %.0f %.0f %.0f 0 0 0', now, now, now, now, expires_at)
redis.call('HSET', key, 'meta', meta, unpack(ARGV, 2))
redis.call('PEXPIREAT', key, string.format('%.0f', math.ceil(expires_at / 1000)))
return time
