-- `commit.lua` in short, for fields alone and on a single server: nearly every commit. The time is asked for before it.
-- KEYS: the session. ARGV: the guard's generation and version, the number of fields that are set; then name and value of
-- each, then the names of those that go.
-- Reply: the hash as it was found; or what kept it from being changed, and the hash.
local key, found = KEYS[1], redis.call('HGETALL', KEYS[1])
local old = {}
for at = 1, #found, 2 do
    old[found[at]] = found[at + 1]
end
local head, created_at, started_at, touched_at, rotated_at, expires_at, generation, barrier, version =
    string.match(old.meta or '', '^((%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) )(%d+)$')
-- The last that Lua counts exactly.
if not head or math.max(created_at, started_at, touched_at, rotated_at, expires_at, generation, barrier, version)
    > 9007199254740991 then
    return { #found == 0 and 'gone' or 'malformed', {} }
end
if tonumber(ARGV[1]) < tonumber(barrier) then
    return { 'superseded', found }
end
if ARGV[2] ~= '' and ARGV[2] ~= version then
    return { 'conflict', found }
end
local first_to_go = 4 + 2 * ARGV[3]
redis.call('HSET', key, 'meta', head .. string.format('%.0f', version + 1), unpack(ARGV, 4, first_to_go - 1))
for at = first_to_go, #ARGV do
    if old[ARGV[at]] then
        redis.call('HDEL', key, ARGV[at])
    end
end
return found
