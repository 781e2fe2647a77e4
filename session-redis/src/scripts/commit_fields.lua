-- `commit.lua` in short, for fields alone and on a single server: nearly every commit. Without common.lua.
-- KEYS: the session. ARGV: the guard's generation and version, the number of fields that are set; then name and value of
-- each, then the names of those that go.
-- Reply: the hash as it was found, and the time behind it; or what kept it from being changed, the time, the hash.
local key, time, found = KEYS[1], redis.call('TIME'), redis.call('HGETALL', KEYS[1])
if #found == 0 then
    return { 'gone', time }
end
local old = readable(found)
local head, _, _, _, _, expires_at, _, barrier, version = numbers(old and old.meta)
if not head then
    return { 'malformed', time }
end
if time[1] * 1000000 + time[2] >= tonumber(expires_at) then
    return { 'gone', time }
end
if tonumber(ARGV[1]) < tonumber(barrier) then
    return { 'superseded', time, found }
end
if ARGV[2] ~= '' and ARGV[2] ~= version then
    return { 'conflict', time, found }
end
local first_to_go = 4 + 2 * ARGV[3]
redis.call('HSET', key, 'meta', head .. string.format('%.0f', version + 1), unpack(ARGV, 4, first_to_go - 1))
for at = first_to_go, #ARGV do
    if old[ARGV[at]] then
        redis.call('HDEL', key, ARGV[at])
    end
end
-- One table is answered faster than two.
found[#found + 1] = time[1]
found[#found + 1] = time[2]
return found
