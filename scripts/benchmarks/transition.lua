-- wrk: re-inspections that fail, each hazard once; HAZARDS names a file of "token hazard" lines.
math.randomseed(os.time() * 1000 + tonumber(os.getenv("SEED")))
local hazards, n = {}, 0
for line in io.lines(os.getenv("HAZARDS")) do
  local token, id = line:match("^(%S+) (%S+)$")
  hazards[#hazards + 1] = {token = token, id = id}
end
local function uuid()
  local function word() return math.random(0, 2 ^ 31 - 1) end
  return string.format("%08x-%04x-4%03x-8%03x-%08x%04x", word(), math.random(0, 65535), math.random(0, 4095), math.random(0, 4095), word(), math.random(0, 65535))
end
local BODY = '{"id":"%s","at":"%s","offset_ms":0,"base_round":1,"result":"fail","reason_code":"not_rectified"}'
function request()
  n = n + 1
  local one = hazards[n] or {token = "none left: fewer --seconds or more --hazards", id = uuid()}
  local headers = {["Authorization"] = "Bearer " .. one.token, ["Content-Type"] = "application/json"}
  local body = BODY:format(uuid(), os.date("!%Y-%m-%dT%H:%M:%SZ"))
  return wrk.format("POST", "/api/v1/hazards/" .. one.id .. "/reinspections", headers, body)
end
