return reply('loaded', clock(), KEYS[1])
