-- Sends what a step's file asks for by Pktgen's port 0, and prints what was sent and came back. The step's file, which
-- scripts/pktgen/make writes beside a copy of this one, is Pktgen's script. Exit code: 0 where every frame went out.
-- One Pktgen for each port: all ports of one Pktgen share a clock, and would all send at the first one's rate.

local PORT = "0"
local FRAME_OVERHEAD = 24    -- bytes: preamble, frame check sequence and the gap between frames
local POLL_MS = 100
local LINK_S = 20            -- a card's link may take that long
local SPARE_S = 10           -- beyond what sending takes

local function fail(text)
  pktgen.stop("all")
  print("FAILED: " .. text)
  os.exit(1)
end

-- The link's speed in Mbit/s; nil where it is down. Pktgen says "<UP-10000-FD>".
local function link_mbps()
  return tonumber(string.match(pktgen.linkState(PORT)[0] or "", "UP%-(%d+)"))
end

-- By the clock, as many short delays take longer than they say. Returns whether it has ended in time.
local function wait_until(has_ended, seconds)
  local deadline = os.time() + seconds
  while not has_ended() do
    if os.time() > deadline then return false end
    pktgen.delay(POLL_MS)
  end
  return true
end

local function wait_for_link()
  if wait_until(link_mbps, LINK_S) then return link_mbps() end
  fail("the port has no link: is the cable in, and the headend running?")
end

local function send(load)
  local speed = wait_for_link()
  local percent = 100 * load.pps * (load.frame_bytes + FRAME_OVERHEAD) * 8 / (speed * 1e6)
  if percent > 100 then fail(string.format("the plan needs %.0f %% of a link of %d Mbit/s", percent, speed)) end
  print(string.format("%d frames in %.1f s, %.4f %% of %d Mbit/s", load.frames, load.frames / load.pps, percent, speed))
  pktgen.pcap(PORT, "on")
  pktgen.set(PORT, "burst", load.burst)
  pktgen.set(PORT, "count", load.frames)
  pktgen.set(PORT, "rate", string.format("%.4f", percent))
  pktgen.start(PORT)
  wait_until(function() return pktgen.isSending(PORT)[0] ~= "y" end, load.frames / load.pps * 1.5 + SPARE_S)
  pktgen.stop(PORT)
end

function run(load)
  pktgen.screen("off")
  print("step " .. load.step)
  pktgen.clr()
  if load.frames > 0 then
    send(load)
  else
    print(string.format("nothing to send: listening for %d s", load.listen_s))
    wait_until(function() return false end, load.listen_s)
  end
  pktgen.delay(1000)  -- what is under way arrives, and the last counts are taken
  local counts = pktgen.portStats(PORT, "port")[0]
  print(string.format("sent %d of %d frames, received %d", counts.opackets, load.frames, counts.ipackets))
  if counts.opackets ~= load.frames then fail("not all was sent: give make a lower --share or --flood") end
  print("DONE: " .. load.step)
  pktgen.quit()
end
