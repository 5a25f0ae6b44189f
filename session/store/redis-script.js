'use strict';

const { createHash } = require('node:crypto');

/** The functions of Lua that find the members of a JSON text. Each of their loops moves on with each step, so it ends for any text. */
const MEMBERS = String.raw`
local function behind_string(text, at)
  while true do
    at = text:find('["\\]', at + 1)
    if not at then return #text + 1 end
    if text:byte(at) == 34 then return at + 1 end
    at = at + 1
  end
end

local function beginning(text)
  return text:match('^%s*{%s*()')
end

-- Returns where the value of the member at a place ends, and where the next member begins.
local function ends(text, at)
  local depth = 0
  while true do
    at = text:find('["%[%]{},]', at)
    if not at then return nil end
    local mark = text:sub(at, at)
    if mark == '"' then
      at = behind_string(text, at)
    elseif mark == '{' or mark == '[' then
      depth = depth + 1
      at = at + 1
    elseif depth == 0 then
      local stop = at - 1
      while text:find('^%s', stop) do stop = stop - 1 end
      return stop, text:match('^,?%s*()', at)
    else
      if mark ~= ',' then depth = depth - 1 end
      at = at + 1
    end
  end
end
`;

/**
 * The function `refusal` of Lua. It compares a stored JSON text with the JSON text of what was loaded,
 * byte by byte, but without the members `cookie` and `_meta`; a pointer of session/request/pointer.js
 * equals nothing. It returns nothing if both are equal, or else the answer of the script: 0 if
 * nothing is stored, or 0 and the stored text if the texts differ.
 *
 * It looks for the ends of the members only, because cjson would change numbers and empty arrays.
 * Mostly the cookie is the first member of both texts, and what is behind it needs no look.
 */
const REFUSAL = String.raw`
local function is_data(text, at)
  return not text:find('^"cookie"', at) and not text:find('^"_meta"', at)
end

-- Returns the text from the first member of the data on.
local function rest(text)
  local at, _ = beginning(text)
  while at and text:byte(at) == 34 and not is_data(text, at) do _, at = ends(text, at) end
  return at and text:sub(at)
end

-- Returns the members of the data.
local function data(text)
  local at, members = beginning(text), {}
  while at and text:byte(at) == 34 do
    local stop, behind = ends(text, at)
    if stop and is_data(text, at) then members[#members + 1] = text:sub(at, stop) end
    at = behind
  end
  return at and text:find('^}%s*$', at) and table.concat(members, ',')
end

local function refusal(stored, loaded)
  local loaded_rest = rest(loaded)
  if not loaded_rest then
    return redis.error_reply('ERR setIfUnchanged compares the members of a JSON object, and the serializer of the store writes something else: give the store one that writes JSON, or none')
  end
  if not stored then return {0} end
  -- A record without data may lead to the id that the session has now.
  if stored:find('"next"%s*:%s*"r1:') and data(stored) == '' then return {0} end
  if rest(stored) ~= loaded_rest then
    -- One of both may have the cookie elsewhere.
    local stored_data = data(stored)
    if not stored_data or stored_data ~= data(loaded) then return {0, stored} end
  end
end
`;

/**
 * The script of `setIfUnchanged`. If the text at `KEYS[1]` has the data of `ARGV[1]`, it stores
 * `ARGV[2]` with the other words of a `SET` that follow; without these, it deletes the key. Its
 * answer is a list: 1 then, or what `refusal` says.
 */
const UNCHANGED = script(`${MEMBERS}${REFUSAL}
local refused = refusal(redis.call('GET', KEYS[1]), ARGV[1])
if refused then return refused end
if not ARGV[2] then return {redis.call('DEL', KEYS[1])} end
return {redis.call('SET', KEYS[1], unpack(ARGV, 2)) and 1 or 0}
`);

module.exports = { MEMBERS, REFUSAL, UNCHANGED, script };

/**
 * A script of Redis, and the name by which Redis knows it once it has run it.
 *
 * @typedef {object} Script
 * @property {string} text
 * @property {string} sha
 */

/**
 * @param {string} text in Lua
 * @returns {Script}
 */
function script(text) {
  return { text, sha: createHash('sha1').update(text).digest('hex') };
}
