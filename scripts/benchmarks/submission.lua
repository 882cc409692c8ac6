-- wrk: submissions of 3 hazards and 3 photos, new ids each time; PEOPLE names a file of "token premises,premises,…" lines.
math.randomseed(os.time() * 1000 + tonumber(os.getenv("SEED")))
local people = {}
for line in io.lines(os.getenv("PEOPLE")) do
  local token, list = line:match("^(%S+) (%S+)$")
  local places = {}
  for place in list:gmatch("[^,]+") do places[#places + 1] = place end
  people[#people + 1] = {["Authorization"] = "Bearer " .. token, ["Content-Type"] = "application/json", places = places}
end

local function word() return math.random(0, 2 ^ 31 - 1) end
local function uuid()
  return string.format("%08x-%04x-4%03x-8%03x-%08x%04x", word(), math.random(0, 65535), math.random(0, 4095), math.random(0, 4095), word(), math.random(0, 65535))
end
local function sha256()
  local parts = {}
  for i = 1, 8 do parts[i] = string.format("%08x", word()) end
  return table.concat(parts)
end

local HAZARD = '{"id":"%s","finding_code":"%s","text":"二楼楼梯间堆放纸箱等可燃物，占用疏散通道","severity":"general","place":"2F A-113 旁楼梯","found_at":"%s","photo_ids":["%s"]}'
local PHOTO = '{"id":"%s","sha256":"%s","bytes":2500000,"role":"before","taken_at":"%s","source":"camera"}'
local BODY = '{"premises_id":"%s","kind":"patrol","started_at":"%s","ended_at":"%s","offset_ms":-1200,"device_seq":4711,"location":{"lat":32.0603,"lng":118.7969,"accuracy_m":20},"hazards":[%s],"photos":[%s],"note":"日常巡查"}'
local CODES = {"EV-001", "EV-005", "EV-009"}

function request()
  local person = people[math.random(#people)]
  local now = os.time()
  local began, found = os.date("!%Y-%m-%dT%H:%M:%SZ", now - 1500), os.date("!%Y-%m-%dT%H:%M:%SZ", now - 600)
  local hazards, photos = {}, {}
  for i = 1, 3 do
    local photo = uuid()
    hazards[i] = HAZARD:format(uuid(), CODES[i], found, photo)
    photos[i] = PHOTO:format(photo, sha256(), found)
  end
  local body = BODY:format(person.places[math.random(#person.places)], began, found, table.concat(hazards, ","), table.concat(photos, ","))
  local headers = {["Authorization"] = person["Authorization"], ["Content-Type"] = "application/json"}
  return wrk.format("PUT", "/api/v1/inspections/" .. uuid(), headers, body)
end
