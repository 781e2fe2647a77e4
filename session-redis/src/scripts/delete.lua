-- ARGV: none, or an owner and the time of their mark: then only what is theirs from before it.
-- Reply: '1' if it lived, then its owner.
local key, now = KEYS[1], micros(redis.call('TIME'))
local kind = redis.call('TYPE', key).ok
if kind == 'none' then
    return { '0', '' }
end
-- What can't be read can be destroyed all the same.
local record = kind == 'hash' and redis.call('HMGET', key, 'meta', 'owner', 'mark_seen') or {}
if ARGV[1] and (record[2] ~= ARGV[1] or (number(record[3]) or 0) >= tonumber(ARGV[2])) then
    return { '0', '' }
end
redis.call('DEL', key)
local _, _, _, _, _, expires_at = numbers(record[1])
local lived = not expires_at or now < tonumber(expires_at)
return { lived and '1' or '0', record[2] and 'o' .. record[2] or '' }
