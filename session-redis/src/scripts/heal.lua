-- KEYS: an owner's index. ARGV: stale members, each with the score it had: one that was enrolled anew stays.
local removed = 0
for at = 1, #ARGV, 2 do
    local score = redis.call('ZSCORE', KEYS[1], ARGV[at])
    if score and (ARGV[at + 1] == '' or tonumber(score) == tonumber(ARGV[at + 1])) then
        removed = removed + redis.call('ZREM', KEYS[1], ARGV[at])
    end
end
return removed
