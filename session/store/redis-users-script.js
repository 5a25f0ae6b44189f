'use strict';

const { MEMBERS, REFUSAL, script } = require('./redis-script');

/**
 * The functions of Lua that read `_meta` of a record. Mostly it is the last member, so the end of the record
 * is enough; cjson reads this member alone, because the data may be large.
 */
const META = String.raw`
local END = 1024

-- Returns the end of the record at a key, empty without one.
local function end_at(key)
  return redis.call('GETRANGE', key, -END, -1)
end

local function decoded(json)
  local is_json, meta = pcall(cjson.decode, json)
  return is_json and type(meta) == 'table' and meta or nil
end

-- Returns _meta of a record, empty without one. With a key, the text may be what end_at returns for it.
local function meta_of(record, key)
  if not record then return {} end
  local last = record:sub(-END)
  local place = last:match('^.*()"_meta":{')
  local meta = place and decoded(last:sub(place + 8, -2))
  if meta then return meta end
  if key and #record == END then record = redis.call('GET', key) end
  if not record:find('"_meta"', 1, true) then return {} end
  local at, json = beginning(record)
  while at and record:byte(at) == 34 do
    local stop, behind = ends(record, at)
    json = stop and record:sub(at, stop):match('^"_meta"%s*:(.*)$') or json
    at = behind
  end
  return json and decoded(json) or {}
end

-- Returns the user of a record's _meta, empty for nobody.
local function user_of(meta)
  return type(meta.user) == 'string' and meta.user or ''
end
`;

/**
 * The functions of Lua that keep a user's set: it has the keys of the sessions, by their expiry in ms
 * since the epoch. What has expired is taken out, and the set expires with its last session.
 */
const SET = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function settle(set)
  redis.call('ZREMRANGEBYSCORE', set, '-inf', string.format('(%.0f', now))
  local last = redis.call('ZREVRANGE', set, 0, 0, 'WITHSCORES')[2]
  if last == 'inf' then
    redis.call('PERSIST', set)
  elseif last then
    redis.call('PEXPIREAT', set, last)
  end
end

-- Puts a key into a set, for the ms that are left; fewer than 0 mean for ever.
local function enter(set, key, left)
  redis.call('ZADD', set, left < 0 and '+inf' or string.format('%.0f', now + left), key)
  settle(set)
end

local function leave(set, key)
  redis.call('ZREM', set, key)
  settle(set)
end
`;

/**
 * What a script does with the record at `KEYS[1]`. Its first arguments are a command; a user; the text
 * of the session as it was loaded, empty for any; what only the script of a single server needs, twice;
 * and then the words of the command.
 *
 * - `SET`: stores the session of the user, unless `refusal` or the condition of the words forbids it
 * - `EXPIRE`
 * - `DEL`: likewise, and only if the session is one of the user, if one is given
 *
 * The answer is a list: whether that was done; the stored text if it differs from what was loaded;
 * the users of the record before and after, empty for nobody; and whether the user has got a session
 * more: one with a new id that has a past takes the place of another.
 */
const CHANGE = `
local command, user, loaded = unpack(ARGV, 1, 3)
local is_there, stored = true, ''
if loaded ~= '' then
  stored = redis.call('GET', KEYS[1])
elseif redis.call('TYPE', KEYS[1]).ok == 'string' then
  stored = end_at(KEYS[1])
else
  is_there = false
end
local before = user_of(meta_of(stored, loaded == '' and KEYS[1]))
local refused = loaded ~= '' and refusal(stored, loaded) or command == 'DEL' and user ~= '' and user ~= before and {0}
local told, after, is_more, meta = 1, before, false, {}
if not refused and command == 'SET' then
  meta = meta_of(ARGV[6])
  if user_of(meta) ~= user then
    return redis.error_reply('ERR the option user of keepLoggedOut needs the user in the record, at _meta.user, and the store writes something else')
  end
  if redis.call('SET', KEYS[1], unpack(ARGV, 6)) then
    after = user
    local has_past = type(meta.created) == 'number' and type(meta.renewed) == 'number' and meta.created < meta.renewed
    is_more = user ~= before and (is_there or not has_past)
  else
    refused = {0}
  end
end
if refused then
  refused[2], refused[3], refused[4], refused[5] = refused[2] or false, before, before, 0
  return refused
end
if command ~= 'SET' then told = redis.call(command, KEYS[1], unpack(ARGV, 6)) end
local left = redis.call('PTTL', KEYS[1])
if left == -2 then after = '' end
`;

const ANSWER = `
return {told, false, before, after, is_more and 1 or 0}
`;

/**
 * Changes a record and the sets of its users on a single server, as `CHANGE` says. `KEYS[2]` is the
 * beginning of the keys of the sets. Its arguments 4 and 5 are the same without the prefix that the
 * client adds to keys, and the number of sessions that a user may have, or nothing. The oldest beyond
 * that number end.
 */
const CHANGE_ON_SERVER = script(`${MEMBERS}${REFUSAL}${META}${SET}${CHANGE}
local begin, most = unpack(ARGV, 4, 5)
local prefix = KEYS[2]:sub(1, #KEYS[2] - #begin)
local key = KEYS[1]:sub(#prefix + 1)
if before ~= '' and before ~= after then leave(KEYS[2] .. before, key) end
if after ~= '' then
  local set = KEYS[2] .. after
  enter(set, key, left)
  if most ~= '' and is_more and redis.call('ZCARD', set) > tonumber(most) then
    local others = {}
    for _, other in ipairs(redis.call('ZRANGE', set, 0, -1)) do
      local of_other = other ~= key and meta_of(end_at(prefix .. other), prefix .. other)
      if of_other and user_of(of_other) == after then
        others[#others + 1] = {key = other, created = type(of_other.created) == 'number' and of_other.created or now}
      elseif of_other then
        redis.call('ZREM', set, other)
      end
    end
    table.sort(others, function(one, other) return one.created < other.created end)
    for i = 1, #others + 1 - most do
      redis.call('DEL', prefix .. others[i].key)
      redis.call('ZREM', set, others[i].key)
    end
    settle(set)
  end
end
${ANSWER}`);

/**
 * Lists the sessions of the user `ARGV[1]`, whose set is at `KEYS[1]`, on a single server: for each its
 * key, its expiry and its record. `ARGV[2]` is the key of the set without the prefix that the client
 * adds. It drops what is no session of the user.
 */
const LIST_ON_SERVER = script(`${MEMBERS}${META}${SET}
local prefix = KEYS[1]:sub(1, #KEYS[1] - #ARGV[2])
local entries, list = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES'), {}
for i = 1, #entries, 2 do
  local record = redis.pcall('GET', prefix .. entries[i])
  if type(record) == 'string' and user_of(meta_of(record)) == ARGV[1] then
    list[#list + 1], list[#list + 2], list[#list + 3] = entries[i], entries[i + 1], record
  else
    redis.call('ZREM', KEYS[1], entries[i])
  end
end
settle(KEYS[1])
return list
`);

/** Changes a record of a cluster, as `CHANGE` says. */
const CHANGE_IN_CLUSTER = script(`${MEMBERS}${REFUSAL}${META}${CHANGE}${ANSWER}`);

/**
 * Reads the record at `KEYS[1]`: its text, its user, when that session was created, and how many ms are
 * left of it.
 */
const READ_IN_CLUSTER = script(`${MEMBERS}${META}
local record = redis.call('GET', KEYS[1])
local meta = meta_of(record)
local created = type(meta.created) == 'number' and string.format('%.0f', meta.created) or ''
return {record, user_of(meta), created, redis.call('PTTL', KEYS[1])}
`);

/** Puts the key `ARGV[1]` into the set at `KEYS[1]`, for `ARGV[2]` ms, or takes it out without that; without a key, it lists the set. */
const SET_IN_CLUSTER = script(`${SET}
if ARGV[2] then
  enter(KEYS[1], ARGV[1], tonumber(ARGV[2]))
elseif ARGV[1] then
  leave(KEYS[1], ARGV[1])
else
  settle(KEYS[1])
  return redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
end
return {}
`);

module.exports = { CHANGE_ON_SERVER, LIST_ON_SERVER, CHANGE_IN_CLUSTER, READ_IN_CLUSTER, SET_IN_CLUSTER };
