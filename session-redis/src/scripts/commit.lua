-- The rule of `Record::commit`, in one atomic step.
-- KEYS: the session; on a single server, where the owner is set, also the new owner's index and mark.
-- ARGV: see `Change` in request.rs; then kind ('f' set, 'k' set and kept, 'r' removed), name and value of each field.
local key, now = KEYS[1], clock()
local member, nonce, guard_generation, guard_version, is_touch, owner_change, new_owner, rotation, idle, absolute,
    unless_touched_after, remember, confirm, seen, least = unpack(ARGV, 1, 15)

if redis.call('EXISTS', key) == 0 then
    return { 'gone', text(now) }
end
local NUMBERS = { 'created_at', 'started_at', 'touched_at', 'rotated_at', 'expires_at', 'generation', 'barrier', 'version' }
local OTHERS = { 'owner', 'owner_since', 'confirmed_at', 'remembered', 'indexed', 'mark_seen', 'commits' }
local old, new = {}, {}
local numbers = redis.call('HMGET', key, unpack(NUMBERS))
for at, name in ipairs(NUMBERS) do
    old[name] = number(numbers[at])
    if not old[name] then
        return { 'malformed', text(now) }
    end
    new[name] = old[name]
end
local others = redis.call('HMGET', key, unpack(OTHERS))
for at, name in ipairs(OTHERS) do
    old[name] = others[at] or nil
    new[name] = old[name]
end

if now >= old.expires_at then
    return { 'gone', text(now) }
end
-- A cluster's client repeats what a cut connection left open: it counts once.
if nonce ~= '' and old.commits and string.find(old.commits, nonce, 1, true) then
    return reply('applied', now, key)
end
if tonumber(guard_generation) < old.barrier then
    return reply('superseded', now, key)
end
if guard_version ~= '' and number(guard_version) ~= old.version then
    return reply('conflict', now, key)
end

local same_generation = tonumber(guard_generation) == old.generation
local sets_owner = owner_change ~= ''
local next_owner = nil
if owner_change == 'set' then
    next_owner = new_owner
end
local other_owner = sets_owner and old.owner ~= next_owner
local barrier = sets_owner or rotation == 'explicit'
local rotates = barrier or (rotation == 'periodic' and same_generation)

if rotates then
    new.generation = math.min(old.generation + 1, 4294967295)
    new.rotated_at = now
    new.confirmed_at = nil
elseif confirm == '1' and same_generation and not old.confirmed_at then
    new.confirmed_at = text(now)
end
if barrier then
    new.barrier = new.generation
end
if is_touch == '0' then
    new.version = old.version + 1
end
if other_owner then
    new.started_at = now
    new.remembered = nil
end
if remember ~= '' then
    new.remembered = remember
end
local longest = 0
if idle ~= '' and (unless_touched_after == '' or old.touched_at <= number(unless_touched_after)) then
    new.touched_at = now
    local ends = deadline(idle, absolute, new.started_at, now)
    new.expires_at = other_owner and ends or math.max(ends, old.expires_at)
    longest = math.min(new.started_at + number(absolute), LAST)
end
-- Who logs in again in a session that the owner's mark has ended does not bring it back.
if next_owner then
    if KEYS[3] then
        seen, least = mark(KEYS[3], member)
    end
    if not other_owner and (number(old.mark_seen) or 0) < (number(least) or 0) then
        return { 'gone', text(now) }
    end
end
if sets_owner then
    new.owner = next_owner
    new.owner_since = next_owner and text(now)
    new.indexed = nil
    new.mark_seen = nil
    if next_owner then
        new.mark_seen = seen ~= '' and seen or '0'
    end
end
-- The index holds the session for as long as it can live; only a longer lifetime makes a second note necessary.
local till
if new.owner and new.expires_at > (number(new.indexed) or 0) then
    till = math.max(longest, new.expires_at)
    new.indexed = text(till)
end
if nonce ~= '' then
    -- The last three: others may commit before the repetition comes.
    new.commits = string.sub(nonce .. (old.commits or ''), 1, 3 * #nonce)
end

local set, dropped = {}, {}
local function put(name, value)
    set[#set + 1] = name
    set[#set + 1] = value
    dropped[name] = nil
end
if other_owner and old.owner then
    for _, name in ipairs(redis.call('HKEYS', key)) do
        if string.sub(name, 1, 2) == 'f:' then
            dropped[name] = true
        end
    end
end
for at = 16, #ARGV, 3 do
    local kind, name, value = ARGV[at], ARGV[at + 1], ARGV[at + 2]
    dropped['f:' .. name] = true
    dropped['k:' .. name] = true
    if kind ~= 'r' then
        put(kind .. ':' .. name, value)
    end
end
for _, name in ipairs(NUMBERS) do
    if new[name] ~= old[name] then
        put(name, text(new[name]))
    end
end
for _, name in ipairs(OTHERS) do
    if new[name] == nil then
        dropped[name] = old[name] and true
    elseif new[name] ~= old[name] then
        put(name, new[name])
    end
end
local gone = {}
for name in pairs(dropped) do
    gone[#gone + 1] = name
end

-- What needs memory comes first: a full server refuses the first write of a script, and with it all of them.
write(key, set)
drop(key, gone)
if till and KEYS[2] then
    enrol(KEYS[2], member, till, now)
    till = nil
end
local former = other_owner and old.owner and (old.indexed or '') .. ':' .. old.owner or nil
local answer = reply('applied', now, key, till and text(till), former)
if new.expires_at ~= old.expires_at then
    expire(key, new.expires_at)
end
return answer
