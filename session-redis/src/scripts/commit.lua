-- The rule of `Record::commit`, in one atomic step. The answer is the hash as it was found: the caller applies the rule.
-- KEYS: the session; on a single server, where the owner is set, also the new owner's index and mark.
-- ARGV: see `Args::of_commit` in request.rs; then name and value of each field that is set, then the names of those that go.
-- Reply: what became of it, the time, the hash, until when to enrol, the former owner behind a score and a colon.
local call, key = redis.call, KEYS[1]
local member, nonce, guard_generation, guard_version, is_touch, sets, owner_change, new_owner, rotation, idle, absolute,
    unless_touched_after, remember, confirm, seen, least = unpack(ARGV, 1, 16)

local time, found = call('TIME'), call('HGETALL', key)
if #found == 0 then
    return { 'gone', time }
end
local old = readable(found)
local head, created_at, started_at, touched_at, rotated_at, expires_at, generation, barrier, version =
    numbers(old and old.meta)
if not head then
    return { 'malformed', time }
end
local now = micros(time)
if now >= tonumber(expires_at) then
    return { 'gone', time }
end
local sets_owner = owner_change ~= ''
local is_barrier = sets_owner or rotation == 'explicit'
local superseded = tonumber(guard_generation) < tonumber(barrier)
-- A cluster's client repeats what a cut connection left open: it counts once. But the token of somebody who has logged in
-- meanwhile is theirs alone.
local commits = old.commits or ''
if nonce ~= '' and string.find(commits, nonce, 1, true) and (is_barrier or not superseded) then
    return { 'repeated', time, found }
end
if superseded then
    return { 'superseded', time, found }
end
if guard_version ~= '' and guard_version ~= version then
    return { 'conflict', time, found }
end

if is_touch == '0' then
    version = text(version + 1)
end

local set, gone = { 'meta', head .. version }, {}
-- Sets what differs; nil removes.
local function put(name, value)
    if value and value ~= old[name] then
        set[#set + 1] = name
        set[#set + 1] = value
    elseif not value and old[name] then
        gone[#gone + 1] = name
    end
end
local first_to_go = 17 + 2 * sets
for at = 17, first_to_go - 1 do
    set[#set + 1] = ARGV[at]
end
for at = first_to_go, #ARGV do
    put(ARGV[at], nil)
end
if nonce ~= '' then
    -- Others may commit before the repetition comes. Not after 20 seconds: nobody waits then (LONGEST in cluster.rs, twice
    -- where the script is sent in full), and what nobody waits for is not repeated. So 30 at least, and 64 at most: those
    -- since a second, that second, those before. An older version puts its own in front and cuts what is behind.
    local newer, since, earlier = string.match(commits, '^(%x*)@(%d+)@(%x*)$')
    if not since or time[1] - since > 30 then
        newer, since, earlier = '', time[1], newer or commits
    end
    put('commits', string.sub(nonce .. newer .. '@' .. since .. '@' .. earlier, 1, 64 * 16 + 12))
end

-- Fields alone.
if not sets_owner and rotation == '' and idle == '' and remember == '' and confirm == '0' then
    write(key, set)
    drop(key, gone)
    return { 'applied', time, found }
end

generation, touched_at, expires_at = tonumber(generation), tonumber(touched_at), tonumber(expires_at)
local old_expires_at = expires_at
local same_generation = tonumber(guard_generation) == generation
local owner = old.owner
if sets_owner then
    owner = owner_change == 'set' and new_owner or nil
end
local other_owner = owner ~= old.owner

if is_barrier or (rotation == 'periodic' and same_generation) then
    generation = math.min(generation + 1, 4294967295)
    rotated_at = now
    put('confirmed_at', nil)
elseif confirm == '1' and same_generation and not old.confirmed_at then
    put('confirmed_at', text(now))
end
if is_barrier then
    barrier = generation
end
if other_owner then
    started_at = now
end
if remember ~= '' then
    put('remembered', remember)
elseif other_owner then
    put('remembered', nil)
end
local longest = 0
if idle ~= '' and (unless_touched_after == '' or touched_at <= number(unless_touched_after)) then
    touched_at = now
    local ends = deadline(idle, absolute, started_at, now)
    expires_at = other_owner and ends or math.max(ends, expires_at)
    longest = started_at + number(absolute)
end
if sets_owner then
    -- Who logs in again in a session that the owner's mark has ended does not bring it back.
    if owner and KEYS[3] then
        seen, least = mark(KEYS[3], member)
    end
    if owner and not other_owner and (number(old.mark_seen) or 0) < (number(least) or 0) then
        return { 'gone', time }
    end
    put('owner', owner)
    put('owner_since', owner and text(now))
    put('mark_seen', owner and (seen ~= '' and seen or '0'))
end
-- The index holds the session for as long as it can live; only a longer lifetime makes a second note necessary.
local indexed, till = not sets_owner and number(old.indexed) or 0, nil
if owner and expires_at > indexed then
    till = noted(math.max(longest, expires_at), now)
    put('indexed', text(till))
elseif not owner then
    put('indexed', nil)
end
if other_owner and old.owner then
    local stays = {}
    for at = 1, #set, 2 do
        stays[set[at]] = true
    end
    for name in pairs(old) do
        if string.sub(name, 1, 2) == 'f:' and not stays[name] then
            gone[#gone + 1] = name
        end
    end
end
set[2] = table.concat({
    created_at, text(started_at), text(touched_at), text(rotated_at), text(expires_at), text(generation), text(barrier), version,
}, ' ')

-- What needs memory comes first: a full server refuses the first write of a script, and with it all of them.
write(key, set)
drop(key, gone)
if till and KEYS[2] then
    enrol(KEYS[2], member, till, now)
    till = nil
end
if expires_at ~= old_expires_at then
    expire(key, expires_at)
end
local former = other_owner and old.owner and (old.indexed or '') .. ':' .. old.owner or ''
return { 'applied', time, found, till and text(till) or '', former }
