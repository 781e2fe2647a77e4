-- KEYS: the session; on a single server also the owner's index and mark.
-- ARGV: member, nonce, '1' if owned, owner, idle, absolute, mark seen; then name and value of each field.
local key, now = KEYS[1], clock()
local member, nonce, owned, owner, idle, absolute, seen = unpack(ARGV, 1, 7)

if redis.call('EXISTS', key) == 1 then
    local found = redis.call('HMGET', key, 'expires_at', 'commits')
    if nonce ~= '' and found[2] and string.find(found[2], nonce, 1, true) then
        return reply('applied', now, key)
    end
    local expires_at = number(found[1])
    if not expires_at or now < expires_at then
        return { 'taken', text(now) }
    end
    redis.call('DEL', key)
end

local expires_at = deadline(idle, absolute, now, now)
local record = {
    'created_at', text(now), 'started_at', text(now), 'touched_at', text(now), 'rotated_at', text(now),
    'expires_at', text(expires_at), 'generation', '0', 'barrier', '0', 'version', '0',
}
local function put(name, value)
    record[#record + 1] = name
    record[#record + 1] = value
end
if nonce ~= '' then
    put('commits', nonce)
end
local till
if owned == '1' then
    till = math.min(now + number(absolute), LAST)
    put('owner', owner)
    put('owner_since', text(now))
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
local answer = reply('applied', now, key, till and text(till))
expire(key, expires_at)
return answer
