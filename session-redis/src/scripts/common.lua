-- Before every script that writes, but for the short commit: a script makes its functions anew each time that it runs.
-- An index outlives its last member by this much, for clocks of two nodes may differ.
local SLACK = 3600000000
-- An index notes a session for no longer than a hundred years: cut at LAST, one note could not be told from the next.
local CENTURY = 3155760000000000

-- What TIME says, as one number.
local function micros(time)
    return time[1] * 1000000 + time[2]
end

local function text(number)
    return string.format('%.0f', number)
end

-- A whole number as this store writes it, or nil.
local function number(written)
    if type(written) ~= 'string' or #written > 16 or not string.find(written, '^%d+$') then
        return nil
    end
    local value = tonumber(written)
    return value <= LAST and value or nil
end

local function deadline(idle, absolute, started_at, now)
    return math.min(now + number(idle), started_at + number(absolute), LAST)
end

-- Until when to note in an index a session that ends by then.
local function noted(till, now)
    return math.min(till, now + CENTURY, LAST)
end

-- Writes a hash; unpack takes only so many at once.
local function write(key, pairs)
    for first = 1, #pairs, 4000 do
        redis.call('HSET', key, unpack(pairs, first, math.min(first + 3999, #pairs)))
    end
end

local function drop(key, names)
    for first = 1, #names, 4000 do
        redis.call('HDEL', key, unpack(names, first, math.min(first + 3999, #names)))
    end
end

-- The key vanishes by itself, not before its deadline.
local function expire(key, expires_at)
    redis.call('PEXPIREAT', key, text(math.ceil(expires_at / 1000)))
end

-- The time of an owner's mark, and the one that this session must have seen not to be ended by it.
local function mark(key, member)
    local found = redis.call('HMGET', key, 'at', 'keep', 'floor')
    local at = found[1] or '0'
    return at, found[2] == member and found[3] or at
end

-- Notes in an owner's index that a session is theirs, at most until `till`.
local function enrol(index, member, till, now)
    redis.call('ZADD', index, text(till), member)
    redis.call('ZREMRANGEBYSCORE', index, '-inf', '(' .. text(math.max(now - SLACK, 0)))
    local span = math.ceil((math.max(till - now, 0) + SLACK) / 1000)
    if redis.call('PTTL', index) < span then
        redis.call('PEXPIRE', index, text(span))
    end
end

