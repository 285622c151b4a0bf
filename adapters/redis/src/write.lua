-- A conditional write. KEYS: the record that is looked at; for a rotation also the one that begins.
-- ARGV: what is expected, the expected text, the new text, its life in seconds.
local stored = redis.call('GET', KEYS[1])
if stored == '' then
  stored = false
end
if ARGV[1] == 'absent' and stored then
  return {'exists'}
end
if (ARGV[1] == 'present' or ARGV[1] == 'version') and not stored then
  return {'gone'}
end
if ARGV[1] == 'version' and stored ~= ARGV[2] then
  return {'changed', stored}
end
if KEYS[2] and redis.call('EXISTS', KEYS[2]) == 1 then
  return {'exists'}
end
-- What can fail has failed by now, or does at the first of these, before anything is written.
if KEYS[2] or tonumber(ARGV[4]) <= 0 then
  redis.call('DEL', KEYS[1])
end
if tonumber(ARGV[4]) > 0 then
  redis.call('SET', KEYS[#KEYS], ARGV[3], 'EX', ARGV[4])
end
return {'saved'}
