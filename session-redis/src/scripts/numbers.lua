-- Before every script that writes. Times are microseconds of the server's clock and stay below 2^53, where Lua's
-- numbers are exact.
local LAST = 9007199254740991

-- The numbers of a record, each as it is written, behind all of them but the version; nil if one is none.
local function numbers(meta)
    local head, created_at, started_at, touched_at, rotated_at, expires_at, generation, barrier, version =
        string.match(meta or '', '^((%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) )(%d+)$')
    if head and math.max(generation, barrier) <= 4294967295
        and math.max(created_at, started_at, touched_at, rotated_at, expires_at, version) <= LAST then
        return head, created_at, started_at, touched_at, rotated_at, expires_at, generation, barrier, version
    end
end

