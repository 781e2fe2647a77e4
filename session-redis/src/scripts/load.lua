-- What a pipeline asks a single server. In a cluster the time has to be that of the session's node.
return { redis.call('TIME'), redis.call('HGETALL', KEYS[1]) }
