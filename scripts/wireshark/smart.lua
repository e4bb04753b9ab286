-- Wireshark dissector for SMART (docs/protocol.md).
--
--   wireshark -X lua_script:scripts/wireshark/smart.lua capture.pcap
--   tshark -X lua_script:scripts/wireshark/smart.lua -r capture.pcap -Y 'smart.replacement_cmd == 1'
--
-- or copy it into the personal Lua plugin folder (Help, About, Folders). UDP ports: the protocol's
-- preferences. What is wrong with a packet stands in smart.fault and in an expert item of the group Malformed.

local smart = Proto("smart", "SMART Multicast")

smart.prefs.ports = Pref.range("UDP ports", "47100", "Ports on which SMART is expected", 65535)

local DATA, MESSAGE, REPLACEMENT, TUNNELLING = 0, 1, 2, 3
local HEARTBEAT = 3
local DATA_HEADER, IV, TAG = 8, 8, 16
local CMAC_TRAILER, SIGNED_TRAILER = 32, 80
local MAX_PAIRS = 64

local type_names = { [0] = "data", "message", "replacement", "tunnelling" }
local data_names = { [0] = "ORIGINAL", "REPAIR", "PARITY", "HEARTBEAT" }
local format_names = { [0] = "opaque", "MPEG-TS", "RTP", "reserved" }
local message_names = {
  [0x01] = "ADDR_RANGE_CHANGE", [0x02] = "USAGE_REPORT_JOIN", [0x03] = "USAGE_REPORT_LEAVE",
  [0x0b] = "ERROR_REPORT", [0x10] = "PROBLEM_REPORT", [0x20] = "KEY_ANNOUNCE", [0x21] = "SENDER_STATUS",
}
local replacement_names = { [0x01] = "REPLACEMENT", [0x02] = "QUIET" }
local tunnelling_names = {
  [0x01] = "REQUEST_TUNNEL", [0x02] = "LEAVE_TUNNEL", [0x03] = "TUNNEL_CHALLENGE", [0x04] = "TUNNEL_GRANT",
  [0x05] = "TUNNEL_DATA",
}
local cipher_names = { [1] = "AES-128-GCM", [2] = "AES-256-GCM" }
local error_names = { [1] = "unrecovered", [2] = "bad tag", [3] = "unknown epoch" }
local problem_names = { [1] = "nothing received", [2] = "tunnel refused", [3] = "requests unanswered",
                        [4] = "climbed", [5] = "came down" }
local reason_names = { [0] = "granted", "group not carried here", "no room", "too many hops", "not allowed" }
local quiet_names = { [0] = "ask at once", [15] = "do not ask" }
for q = 1, 14 do quiet_names[q] = string.format("T = %d ms", 2 ^ (q - 1)) end

local f = {
  synch_code = ProtoField.uint8("smart.synch_code", "Access synch code", base.DEC),
  type = ProtoField.uint8("smart.type", "Packet type", base.DEC, type_names, 0xc0),
  data_cmd = ProtoField.uint8("smart.data_cmd", "Command", base.DEC, data_names, 0x30),
  reserved_cmd = ProtoField.uint8("smart.reserved_cmd", "Reserved", base.DEC, nil, 0x0f),
  message_cmd = ProtoField.uint8("smart.message_cmd", "Command", base.HEX, message_names, 0x3f),
  replacement_cmd = ProtoField.uint8("smart.replacement_cmd", "Command", base.HEX, replacement_names, 0x3f),
  tunnelling_cmd = ProtoField.uint8("smart.tunnelling_cmd", "Command", base.HEX, tunnelling_names, 0x3f),
  size = ProtoField.uint16("smart.size", "Packet size", base.DEC),
  -- data
  seq = ProtoField.uint16("smart.seq", "Packet number", base.DEC),
  format = ProtoField.uint8("smart.format", "Format", base.DEC, format_names, 0xc0),
  sealed = ProtoField.uint8("smart.sealed", "Sealed", base.DEC, { [0] = "no", "yes" }, 0x20),
  quiet = ProtoField.uint8("smart.quiet", "Quiet", base.DEC, quiet_names, 0x1e),
  reserved_quiet = ProtoField.uint8("smart.reserved_quiet", "Reserved", base.DEC, nil, 0x01),
  reserved_byte = ProtoField.uint8("smart.reserved_byte", "Reserved", base.DEC),
  payload = ProtoField.bytes("smart.payload", "Payload"),
  heartbeat_seq = ProtoField.uint64("smart.heartbeat_seq", "Last full sequence sent", base.DEC),
  iv = ProtoField.none("smart.iv", "IV"),
  iv_heartbeat = ProtoField.uint16("smart.iv.heartbeat", "Heartbeat", base.DEC, nil, 0x8000),
  iv_sender_id = ProtoField.uint16("smart.iv.sender_id", "Sender id", base.DEC, nil, 0x7fff),
  iv_counter = ProtoField.uint64("smart.iv.counter", "Counter", base.DEC),
  ciphertext = ProtoField.bytes("smart.ciphertext", "Ciphertext"),
  tag = ProtoField.bytes("smart.tag", "Tag"),
  -- bodies
  blank = ProtoField.bytes("smart.blank", "Blank"),
  group = ProtoField.ipv4("smart.group", "Group"),
  new_group = ProtoField.ipv4("smart.new_group", "Group to move to"),
  new_port = ProtoField.uint16("smart.new_port", "New port", base.DEC),
  first_seq = ProtoField.uint64("smart.first_seq", "First full sequence on the new group", base.DEC),
  receiver = ProtoField.ipv4("smart.receiver", "Receiver"),
  echoed_hop_time_us = ProtoField.uint32("smart.echoed_hop_time_us", "Hop time echoed (us)", base.DEC),
  held_us = ProtoField.uint32("smart.held_us", "Held (us)", base.DEC),
  watched_s = ProtoField.uint32("smart.watched_s", "Watched (s)", base.DEC),
  receivers = ProtoField.uint32("smart.receivers", "Receivers", base.DEC),
  reporting = ProtoField.ipv4("smart.reporting", "Reporting address"),
  concerning = ProtoField.ipv4("smart.concerning", "Concerning address"),
  error_code = ProtoField.uint32("smart.error_code", "Stream fault", base.DEC, error_names),
  problem_code = ProtoField.uint32("smart.problem_code", "Service fault", base.DEC, problem_names),
  fault_count = ProtoField.uint32("smart.fault_count", "Count", base.DEC),
  fault_first_seq = ProtoField.uint32("smart.fault_first_seq", "First sequence", base.DEC),
  channel_id = ProtoField.bytes("smart.channel_id", "Channel id"),
  sender_id = ProtoField.uint16("smart.sender_id", "Sender id", base.DEC),
  cipher = ProtoField.uint8("smart.cipher", "Cipher", base.DEC, cipher_names),
  start_number = ProtoField.uint64("smart.start_number", "Start number", base.DEC),
  epoch = ProtoField.uint32("smart.epoch", "Epoch", base.DEC),
  key_id = ProtoField.uint16("smart.key_id", "Key id", base.DEC),
  next_key_id = ProtoField.uint16("smart.next_key_id", "Next key id", base.DEC),
  next_epoch = ProtoField.uint32("smart.next_epoch", "Next epoch", base.DEC),
  next_first_seq = ProtoField.uint64("smart.next_first_seq", "First full sequence of the next", base.DEC),
  start_salt = ProtoField.bytes("smart.start_salt", "Start salt"),
  hop_time_us = ProtoField.uint32("smart.hop_time_us", "Hop time (us)", base.DEC),
  round_trip_ms = ProtoField.uint16("smart.round_trip_ms", "Group round trip (ms)", base.DEC),
  report_window_s = ProtoField.uint16("smart.report_window_s", "Report window (s)", base.DEC),
  log2_group_size = ProtoField.uint8("smart.log2_group_size", "Group size, log2", base.DEC),
  hops = ProtoField.uint8("smart.hops", "Hops from the origin", base.DEC),
  pair = ProtoField.none("smart.pair", "Sequences"),
  pair_seq = ProtoField.uint16("smart.pair.seq", "Sequence", base.DEC),
  pair_mask = ProtoField.uint16("smart.pair.mask", "Bitmask", base.HEX),
  pair_named = ProtoField.uint16("smart.pair.named", "Names", base.DEC),
  duration_ms = ProtoField.uint16("smart.duration_ms", "Duration (ms)", base.DEC),
  endpoint = ProtoField.ipv4("smart.endpoint", "Endpoint"),
  cookie = ProtoField.bytes("smart.cookie", "Cookie"),
  lease_s = ProtoField.uint16("smart.lease_s", "Lease (s)", base.DEC),
  reason = ProtoField.uint16("smart.reason", "Reason", base.DEC, reason_names),
  inner_packet = ProtoField.bytes("smart.inner_packet", "Inner packet"),
  -- trailer
  trailer = ProtoField.none("smart.trailer", "Trailer"),
  trailer_id = ProtoField.uint64("smart.trailer.id", "Id", base.DEC),
  trailer_key_id = ProtoField.uint16("smart.trailer.key_id", "Key id", base.DEC),
  trailer_count = ProtoField.uint64("smart.trailer.count", "Count", base.DEC),
  trailer_mac = ProtoField.bytes("smart.trailer.mac", "MAC"),
  trailer_signature = ProtoField.bytes("smart.trailer.signature", "Signature"),
  -- what is wrong
  fault = ProtoField.string("smart.fault", "Fault"),
}
smart.fields = f

local function fault_expert(name, text)
  return ProtoExpert.new("smart.fault." .. name, text, expert.group.MALFORMED, expert.severity.ERROR)
end
local e = {
  truncated = fault_expert("truncated", "Shorter than its header"),
  size_mismatch = fault_expert("size_mismatch", "The packet size is not the datagram's length"),
  unknown_command = fault_expert("unknown_command", "A command that its packet type does not have"),
  bad_length = fault_expert("bad_length", "A body of a length that its command does not allow"),
  reserved_format = fault_expert("reserved_format", "Format 3 is reserved"),
  seal_mismatch = fault_expert("seal_mismatch", "The sealed bit and the access synch code contradict each other"),
  trailer_mismatch = fault_expert("trailer_mismatch", "A trailer where none may be, or none where one must be"),
  number_mismatch = fault_expert("number_mismatch", "Packet number, IV and heartbeat contradict each other"),
}
smart.experts = e

-- Body parts are {field, bytes}. `short` may stand alone; `long` follows it in the long form. `pairs`: any
-- number of (sequence, bitmask) pairs, at least `pairs`. trailer: bytes where the code is not 0; 0: the code
-- must be 0. up: sent by receivers.
local two_addresses = { { f.group, 4 }, { f.receiver, 4 } }
local usage_detail = { { f.echoed_hop_time_us, 4 }, { f.held_us, 4 }, { f.watched_s, 4 }, { f.receivers, 4 } }
local tunnel_parts = { { f.group, 4 }, { f.endpoint, 4 }, { f.cookie, 16 } }
local function fault_parts(code)
  return { { f.reporting, 4 }, { f.concerning, 4 }, { code, 4 }, { f.fault_count, 4 }, { f.fault_first_seq, 4 } }
end
local kinds = {
  [MESSAGE] = {
    [0x01] = { short = { { f.group, 4 }, { f.new_group, 4 } }, trailer = SIGNED_TRAILER,
               long = { { f.new_port, 2 }, { f.blank, 2 }, { f.first_seq, 8 } } },
    [0x02] = { short = two_addresses, long = usage_detail, trailer = CMAC_TRAILER, up = true },
    [0x03] = { short = two_addresses, long = usage_detail, trailer = CMAC_TRAILER, up = true },
    [0x0b] = { short = fault_parts(f.error_code), trailer = CMAC_TRAILER, up = true },
    [0x10] = { short = fault_parts(f.problem_code), trailer = CMAC_TRAILER, up = true },
    [0x20] = { short = { { f.channel_id, 8 }, { f.sender_id, 2 }, { f.cipher, 1 }, { f.blank, 1 },
                         { f.start_number, 8 }, { f.epoch, 4 }, { f.key_id, 2 }, { f.next_key_id, 2 },
                         { f.next_epoch, 4 }, { f.next_first_seq, 8 }, { f.start_salt, 16 }, { f.blank, 4 } },
               trailer = SIGNED_TRAILER, never_clear = true },
    [0x21] = { short = { { f.group, 4 }, { f.hop_time_us, 4 }, { f.round_trip_ms, 2 }, { f.report_window_s, 2 },
                         { f.log2_group_size, 1 }, { f.hops, 1 }, { f.blank, 2 }, { f.start_number, 8 } },
               trailer = CMAC_TRAILER },
  },
  [REPLACEMENT] = {
    [0x01] = { short = { { f.group, 4 } }, pairs = 1, trailer = CMAC_TRAILER, up = true },
    [0x02] = { short = { { f.group, 4 }, { f.duration_ms, 2 }, { f.blank, 2 } }, pairs = 0,
               trailer = CMAC_TRAILER },
  },
  [TUNNELLING] = {
    [0x01] = { short = tunnel_parts, trailer = CMAC_TRAILER, up = true },
    [0x02] = { short = tunnel_parts, trailer = CMAC_TRAILER, up = true },
    [0x03] = { short = tunnel_parts, trailer = 0 },
    [0x04] = { short = { { f.group, 4 }, { f.endpoint, 4 }, { f.lease_s, 2 }, { f.reason, 2 }, { f.cookie, 16 } },
               trailer = 0 },
    [0x05] = { short = {}, inner = true, trailer = 0 },
  },
}
local command_fields = {
  [MESSAGE] = { f.message_cmd, message_names },
  [REPLACEMENT] = { f.replacement_cmd, replacement_names },
  [TUNNELLING] = { f.tunnelling_cmd, tunnelling_names },
}
local function length_of(parts)
  local total = 0
  for _, part in ipairs(parts or {}) do total = total + part[2] end
  return total
end

local function refuse(tree, pinfo, name)
  tree:add_proto_expert_info(e[name])
  tree:add(f.fault, name):set_generated()
  pinfo.cols.info:prepend("[" .. name .. "] ")
end

local function allows(kind, size)
  local short = length_of(kind.short)
  if kind.inner then return size >= 28 end
  if kind.pairs then
    local pairs_size = size - short
    return pairs_size >= 4 * kind.pairs and pairs_size <= 4 * MAX_PAIRS and pairs_size % 4 == 0
  end
  return size == short or (kind.long ~= nil and size == short + length_of(kind.long))
end

local function add_common_header(tvb, tree, packet_type)
  tree:add(f.synch_code, tvb(0, 1)):append_text(tvb(0, 1):uint() == 0 and " (clear)" or "")
  tree:add(f.type, tvb(1, 1))
  if packet_type == DATA then
    tree:add(f.data_cmd, tvb(1, 1))
    tree:add(f.reserved_cmd, tvb(1, 1))
  else
    tree:add(command_fields[packet_type][1], tvb(1, 1))
  end
  tree:add(f.size, tvb(2, 2))
end

-- Returns what the info column says of it.
local function add_data_header(tvb, tree)
  tree:add(f.seq, tvb(4, 2))
  tree:add(f.format, tvb(6, 1))
  tree:add(f.sealed, tvb(6, 1))
  tree:add(f.quiet, tvb(6, 1))
  tree:add(f.reserved_quiet, tvb(6, 1))
  tree:add(f.reserved_byte, tvb(7, 1))
  return string.format("%s seq=%d %s", data_names[tvb(1, 1):bitfield(2, 2)], tvb(4, 2):uint(),
                       format_names[tvb(6, 1):bitfield(0, 2)])
end

local function dissect_data(tvb, pinfo, tree, size)
  if size < DATA_HEADER then return refuse(tree, pinfo, "truncated") end
  local info = add_data_header(tvb, tree)
  local command = tvb(1, 1):bitfield(2, 2)
  local sealed = tvb(6, 1):bitfield(2, 1) == 1
  local number = tvb(4, 2):uint()

  local least = DATA_HEADER + (sealed and IV + TAG or 0)
  local fault
  if tvb(2, 2):uint() ~= size then
    fault = "size_mismatch"
  elseif tvb(6, 1):bitfield(0, 2) == 3 then
    fault = "reserved_format"
  elseif sealed ~= (tvb(0, 1):uint() ~= 0) then
    fault = "seal_mismatch"
  elseif size < least or (command == HEARTBEAT and size ~= least + 8) then
    fault = "bad_length"
  end

  if sealed and size >= least then
    local iv = tree:add(f.iv, tvb(DATA_HEADER, IV))
    iv:add(f.iv_heartbeat, tvb(DATA_HEADER, 2))
    iv:add(f.iv_sender_id, tvb(DATA_HEADER, 2))
    iv:add(f.iv_counter, tvb(DATA_HEADER + 2, 6))
    if size > least then tree:add(f.ciphertext, tvb(DATA_HEADER + IV, size - least)) end
    tree:add(f.tag, tvb(size - TAG, TAG))
    local counter = tvb(DATA_HEADER + 2, 6):uint64()
    local heartbeat = tvb(DATA_HEADER, 1):bitfield(0, 1) == 1
    iv:append_text(string.format(": sender %d, %s %s", tvb(DATA_HEADER, 2):bitfield(1, 15),
                                 heartbeat and "heartbeat" or "sequence", tostring(counter)))
    if heartbeat ~= (command == HEARTBEAT) or (not heartbeat and tvb(DATA_HEADER + 6, 2):uint() ~= number) then
      fault = fault or "number_mismatch"
    end
    info = info .. string.format(" sealed sender=%d %s=%s", tvb(DATA_HEADER, 2):bitfield(1, 15),
                                 heartbeat and "beat" or "full", tostring(counter))
  elseif command == HEARTBEAT and size == DATA_HEADER + 8 then
    tree:add(f.heartbeat_seq, tvb(DATA_HEADER, 8))
    info = info .. " last=" .. tostring(tvb(DATA_HEADER, 8):uint64())
    if tvb(DATA_HEADER + 6, 2):uint() ~= number then fault = fault or "number_mismatch" end
  elseif size > DATA_HEADER then
    tree:add(f.payload, tvb(DATA_HEADER, size - DATA_HEADER))
  end
  pinfo.cols.info = string.format("%s len=%d", info, math.max(0, size - least))
  if fault then refuse(tree, pinfo, fault) end
end

local function add_parts(tvb, tree, parts, at)
  for _, part in ipairs(parts or {}) do
    tree:add(part[1], tvb(at, part[2]))
    at = at + part[2]
  end
  return at
end

-- Returns how many sequences they name.
local function add_pairs(tvb, tree, at, last)
  local total = 0
  while at + 4 <= last do
    local sequence, mask = tvb(at, 2):uint(), tvb(at + 2, 2):uint()
    local pair = tree:add(f.pair, tvb(at, 4))
    pair:add(f.pair_seq, tvb(at, 2))
    pair:add(f.pair_mask, tvb(at + 2, 2))
    pair:add(f.pair_named, tvb(at, 2), sequence):set_generated()
    local named = { tostring(sequence) }
    for bit = 0, 15 do
      if bit32.extract(mask, bit) == 1 then
        local following = (sequence + bit + 1) % 65536
        pair:add(f.pair_named, tvb(at + 2, 2), following):set_generated()
        named[#named + 1] = tostring(following)
      end
    end
    pair:append_text(": " .. table.concat(named, " "))
    total = total + #named
    at = at + 4
  end
  return total
end

local function add_trailer(tvb, tree, kind, at)
  local trailer = tree:add(f.trailer, tvb(at, kind.trailer))
  trailer:add(f.trailer_id, tvb(at, 8)):append_text(kind.up and " (receiver id)" or " (start number)")
  local key_id = trailer:add(f.trailer_key_id, tvb(at + 8, 2))
  local count = trailer:add(f.trailer_count, tvb(at + 10, 6))
  if kind.up then count:append_text(" (highest full sequence opened)") end
  if kind.trailer == SIGNED_TRAILER then
    key_id:append_text(" (hint of the public key)")
    trailer:add(f.trailer_signature, tvb(at + 16, 64))
    trailer:append_text(": Ed25519")
  else
    trailer:add(f.trailer_mac, tvb(at + 16, 16))
    trailer:append_text(": AES-CMAC")
  end
end

local function address(range) return tostring(range:ipv4()) end

local function describe(packet_type, command, tvb, size)
  if packet_type == MESSAGE then
    if command == 0x01 then return address(tvb(4, 4)) .. " to " .. address(tvb(8, 4)) end
    if command == 0x02 or command == 0x03 then return address(tvb(8, 4)) .. " of " .. address(tvb(4, 4)) end
    if command == 0x0b or command == 0x10 then
      local code = tvb(12, 4):uint()
      local names = command == 0x0b and error_names or problem_names
      return string.format("%s of %s: %s x%d", address(tvb(4, 4)), address(tvb(8, 4)),
                           names[code] or "code " .. code, tvb(16, 4):uint())
    end
    if command == 0x20 then
      local next_epoch = tvb(32, 4):uint()
      return string.format("channel %s sender=%d epoch=%d%s", tvb(4, 8):bytes():tohex(true), tvb(12, 2):uint(),
                           tvb(24, 4):uint(), next_epoch > 0 and " next=" .. next_epoch or "")
    end
    return string.format("%s hops=%d", address(tvb(4, 4)), tvb(17, 1):uint())
  end
  if packet_type == TUNNELLING and command == 0x04 then
    local lease = tvb(12, 2):uint()
    local reason = tvb(14, 2):uint()
    return address(tvb(4, 4)) .. (lease > 0 and " for " .. lease .. " s"
                                  or " refused: " .. (reason_names[reason] or reason))
  end
  if packet_type == TUNNELLING and command == 0x05 then return string.format("%d bytes", size - 4) end
  return address(tvb(4, 4))
end

local function dissect_message(tvb, pinfo, root, tree, packet_type, size)
  local command = tvb(1, 1):bitfield(2, 6)
  local names = command_fields[packet_type][2]
  local name = names[command] or string.format("%s 0x%02x", type_names[packet_type], command)
  pinfo.cols.info = name
  if tvb(2, 2):uint() ~= size then return refuse(tree, pinfo, "size_mismatch") end
  local kind = kinds[packet_type][command]
  if kind == nil then return refuse(tree, pinfo, "unknown_command") end

  local trailered = tvb(0, 1):uint() ~= 0
  if (trailered and kind.trailer == 0) or (not trailered and kind.never_clear) then
    return refuse(tree, pinfo, "trailer_mismatch")
  end
  local body_end = size - (trailered and kind.trailer or 0)
  if not allows(kind, body_end - 4) then return refuse(tree, pinfo, "bad_length") end

  local at = add_parts(tvb, tree, kind.short, 4)
  if kind.long and at < body_end then add_parts(tvb, tree, kind.long, at) end
  pinfo.cols.info = name .. " " .. describe(packet_type, command, tvb, size)
  if kind.pairs then
    local total = add_pairs(tvb, tree, at, body_end)
    if total > 0 then pinfo.cols.info:append(string.format(" %d sequences", total)) end
  end
  if trailered then add_trailer(tvb, tree, kind, body_end) end
  if kind.inner then
    tree:add(f.inner_packet, tvb(4, size - 4))
    pinfo.cols.info:append(" | ")
    pinfo.cols.info:fence()
    -- A broken inner packet raises an error here too, after it has been marked as malformed where it broke.
    local ip = Dissector.get("ip")
    pcall(ip.call, ip, tvb(4, size - 4):tvb(), pinfo, root)
  end
end

-- A capture with a short snap length: the headers at most, and no verdict.
local function dissect_cut(tvb, pinfo, tree)
  pinfo.cols.info = "cut by the capture"
  if tvb:captured_len() < 4 then return end
  local packet_type = tvb(1, 1):bitfield(0, 2)
  add_common_header(tvb, tree, packet_type)
  if packet_type == DATA and tvb:captured_len() >= DATA_HEADER then
    pinfo.cols.info = add_data_header(tvb, tree) .. " (cut by the capture)"
  end
end

function smart.dissector(tvb, pinfo, root)
  local size = tvb:reported_len()
  pinfo.cols.protocol = "SMART"
  local tree = root:add(smart, tvb())
  if tvb:captured_len() < size then return dissect_cut(tvb, pinfo, tree) end
  if size < 4 then
    pinfo.cols.info = "cut short"
    return refuse(tree, pinfo, "truncated")
  end
  local packet_type = tvb(1, 1):bitfield(0, 2)
  add_common_header(tvb, tree, packet_type)
  if packet_type == DATA then
    dissect_data(tvb, pinfo, tree, size)
  else
    dissect_message(tvb, pinfo, root, tree, packet_type, size)
  end
  tree:append_text(", " .. tostring(pinfo.cols.info))
end

local udp_ports = DissectorTable.get("udp.port")
local registered = smart.prefs.ports
udp_ports:add(registered, smart)
function smart.prefs_changed()
  if registered == smart.prefs.ports then return end
  if registered ~= "" then udp_ports:remove(registered, smart) end
  registered = smart.prefs.ports
  if registered ~= "" then udp_ports:add(registered, smart) end
end
