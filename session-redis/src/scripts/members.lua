-- KEYS: an owner's index and mark. Reply: the mark, then each member with its score.
local mark = redis.call('HMGET', KEYS[2], 'at', 'keep', 'floor')
local answer = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
for at = 3, 1, -1 do
    table.insert(answer, 1, mark[at] or '')
end
return answer
