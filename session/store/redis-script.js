'use strict';

const { createHash } = require('node:crypto');

/**
 * The Lua script of `setIfUnchanged`. It compares the JSON text at `KEYS[1]` with the JSON text
 * `ARGV[1]`, byte by byte, but without the members `cookie` and `_meta`. If both are equal, it
 * stores `ARGV[2]` with the other words of a `SET` that follow; without these, it deletes the key.
 * It answers 1 then, and 0 if the texts differ or the key is not there.
 *
 * The script looks for the ends of the members only, because cjson would change numbers and empty
 * arrays. Each of its loops moves on with each step, so it ends for any text.
 */
const SCRIPT = String.raw`
local function behind_string(text, at)
  while true do
    at = text:find('["\\]', at + 1)
    if not at then return #text + 1 end
    if text:byte(at) == 34 then return at + 1 end
    at = at + 1
  end
end

local function data(text)
  local at = text:match('^%s*{%s*()')
  if not at then return nil end
  local members = {}
  while text:byte(at) == 34 do
    local start, depth, stop = at, 0, nil
    at = behind_string(text, at)
    local key = text:sub(start, at - 1)
    repeat
      at = text:find('["%[%]{},]', at)
      if not at then return nil end
      local mark = text:sub(at, at)
      if mark == '"' then
        at = behind_string(text, at)
      elseif depth == 0 and mark ~= '{' and mark ~= '[' then
        stop = at - 1
      else
        if mark == '{' or mark == '[' then
          depth = depth + 1
        elseif mark ~= ',' then
          depth = depth - 1
        end
        at = at + 1
      end
    until stop
    while text:find('^%s', stop) do stop = stop - 1 end
    if key ~= '"cookie"' and key ~= '"_meta"' then members[#members + 1] = text:sub(start, stop) end
    at = text:match('^,?%s*()', at)
  end
  if not text:find('^}%s*$', at) then return nil end
  return table.concat(members, ',')
end

local loaded = data(ARGV[1])
if not loaded then
  return redis.error_reply('ERR setIfUnchanged compares the members of a JSON object, and the serializer of the store writes something else: give the store one that writes JSON, or none')
end
local stored = redis.call('GET', KEYS[1])
if not stored or data(stored) ~= loaded then return 0 end
if not ARGV[2] then return redis.call('DEL', KEYS[1]) end
return redis.call('SET', KEYS[1], unpack(ARGV, 2)) and 1 or 0
`;

/** By this name Redis knows a script that it has run before. */
const SHA = createHash('sha1').update(SCRIPT).digest('hex');

module.exports = { SCRIPT, SHA };
