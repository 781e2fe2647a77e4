-- Before every script that commits.
-- What HGETALL found, as a table; nil if a load can't read it, for that is not written over. (But for bytes that are no UTF-8:
-- to look at each would cost more than the commit.)
local function readable(found)
    local hash, any_kept, byte = {}, false, string.byte
    for at = 1, #found, 2 do
        local name = found[at]
        hash[name] = found[at + 1]
        if byte(name) == 107 then -- k
            any_kept = true
        end
        if #name > 130 and string.find(name, '^[fk]:') then
            return nil
        end
    end
    if any_kept then
        for name in pairs(hash) do
            if byte(name) == 107 and hash['f' .. string.sub(name, 2)] then
                return nil
            end
        end
    end
    local owner, since, confirmed, seen = hash.owner, hash.owner_since, hash.confirmed_at, hash.mark_seen
    if not owner ~= not since then
        return nil
    end
    if since or confirmed or seen then
        local times = table.concat({ since or '0', confirmed or '0', seen or '0' }, ' ')
        since, confirmed, seen = string.match(times, '^(%d+) (%d+) (%d+)$')
        if not since or math.max(since, confirmed, seen) > LAST then
            return nil
        end
    end
    if hash.remembered then
        -- Seconds of 64 bits, as they are written, and nanoseconds.
        local seconds = string.match(hash.remembered, '^(%d+)%.%d%d%d%d%d%d%d%d%d$') or ''
        if seconds ~= '0' and not string.find(seconds, '^[1-9]') or #seconds > 20
            or #seconds == 20 and seconds > '18446744073709551615' then
            return nil
        end
    end
    return hash
end

