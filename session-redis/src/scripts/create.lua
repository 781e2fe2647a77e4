-- KEYS: the session; on a single server also the owner's index and mark.
-- ARGV: member, nonce, '1' if owned, owner, idle, absolute, mark seen; then name and value of each field.
-- Reply: what became of it, the time, the hash as found, until when to enrol.
local call, key = redis.call, KEYS[1]
local member, nonce, owned, owner, idle, absolute, seen = unpack(ARGV, 1, 7)
local time = call('TIME')
local now = micros(time)

if call('EXISTS', key) == 1 then
    local found = call('HMGET', key, 'meta', 'commits')
    -- A cluster's client repeats what a cut connection left open.
    if nonce ~= '' and found[2] and string.find(found[2], nonce, 1, true) then
        return { 'repeated', time, call('HGETALL', key) }
    end
    local _, _, _, _, _, expires_at = numbers(found[1])
    if not expires_at or now < tonumber(expires_at) then
        return { 'taken', time }
    end
    call('DEL', key)
end

local expires_at = deadline(idle, absolute, now, now)
local at = text(now)
local record = { 'meta', table.concat({ at, at, at, at, text(expires_at), '0 0 0' }, ' ') }
local function put(name, value)
    record[#record + 1] = name
    record[#record + 1] = value
end
if nonce ~= '' then
    put('commits', nonce)
end
local till
if owned == '1' then
    till = noted(now + number(absolute), now)
    put('owner', owner)
    put('owner_since', at)
    put('indexed', text(till))
    put('mark_seen', KEYS[3] and mark(KEYS[3], member) or (seen ~= '' and seen or '0'))
end
for at = 8, #ARGV do
    record[#record + 1] = ARGV[at]
end
write(key, record)
if till and KEYS[2] then
    enrol(KEYS[2], member, till, now)
    till = nil
end
expire(key, expires_at)
return { 'created', time, {}, till and text(till) or '' }
