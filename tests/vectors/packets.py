"""The test vectors: inputs, derived keys, one packet and more for every kind, and datagrams to refuse."""

import struct

import smart

GROUP, NEW_GROUP = "239.1.2.3", "239.1.2.4"
HEADEND, RECEIVER = "192.0.2.10", "198.51.100.20"
PORT = 47100

CHANNEL_NAME = "News HD"
CHANNEL = smart.channel_id(CHANNEL_NAME)
SENDER_ID = 0x0102
START_NUMBER = 1767225600000000000
START_SALT = bytes(range(0xa0, 0xb0))
FIRST_SEQUENCE = 65530
GROUP_KEYS = {  # name: (key id, key)
    "first": (7, bytes(range(0x00, 0x10))),
    "next": (9, bytes(range(0x70, 0x80))),
    "long": (0x1234, bytes(range(0x10, 0x30))),
}
SEED = bytes(range(0x40, 0x60))
PUBLIC_KEY = smart.public_key(SEED)
RECEIVER_ID = 0x1122334455667788
COOKIE = bytes(range(0xc0, 0xd0))

TS_PACKET = bytes([0x47, 0x01, 0x00, 0x10]) + bytes(range(184))
RTP_PACKET = struct.pack(">BBHII", 0x80, 33, 0x0102, 90000, 0x5eed5eed) + TS_PACKET
TEXT = b"any datagram"

INPUTS = {
    "channel_name": CHANNEL_NAME,
    "channel_id": CHANNEL.hex(),
    "sender_id": SENDER_ID,
    "start_number": START_NUMBER,
    "start_salt": START_SALT.hex(),
    "first_sequence": FIRST_SEQUENCE,
    "receiver_id": RECEIVER_ID,
    "signing_seed": SEED.hex(),
    "public_key": PUBLIC_KEY.hex(),
    "public_key_hint": smart.public_key_hint(PUBLIC_KEY),
    "group_keys": {name: {"key_id": key_id, "cipher": 1 if len(key) == 16 else 2, "key": key.hex()}
                   for name, (key_id, key) in GROUP_KEYS.items()},
}


def traffic(group_key, epoch):
    return smart.traffic_key(GROUP_KEYS[group_key][1], START_SALT, CHANNEL, SENDER_ID, epoch)


def derived():
    out = []
    for group_key, epoch in (("first", 1), ("next", 2), ("long", 300)):
        key, salt = traffic(group_key, epoch)
        out.append({"name": f"traffic-{group_key}-{epoch}", "kind": "traffic", "group_key": group_key,
                    "epoch": epoch, "key": key.hex(), "nonce_salt": salt.hex()})
    for group_key, (key_id, key) in GROUP_KEYS.items():
        up = smart.up_key(key, key_id, CHANNEL)
        out.append({"name": f"down-{group_key}", "kind": "down", "group_key": group_key,
                    "key": smart.down_key(key, key_id, CHANNEL).hex()})
        out.append({"name": f"up-{group_key}", "kind": "up", "group_key": group_key, "key": up.hex()})
        out.append({"name": f"receiver-{group_key}", "kind": "receiver", "group_key": group_key,
                    "key": smart.receiver_key(up, RECEIVER_ID).hex()})
    return out


def down(count, group_key="first", epoch=1):
    key_id, key = GROUP_KEYS[group_key]
    return smart.CmacTrailer(smart.synch_code(epoch), smart.down_key(key, key_id, CHANNEL), START_NUMBER,
                             key_id, count)


def up(count, code=1, group_key="first"):
    key_id, key = GROUP_KEYS[group_key]
    up_key = smart.up_key(key, key_id, CHANNEL)
    return smart.CmacTrailer(code, smart.receiver_key(up_key, RECEIVER_ID), RECEIVER_ID, key_id, count)


def signed(count, epoch=1):
    return smart.SignedTrailer(smart.synch_code(epoch), SEED, START_NUMBER, count)


class Vectors(list):
    def add(self, name, about, made, **more):
        datagram, fields = made[:2]
        self.append({"name": name, "about": about, "datagram": datagram.hex(), "fields": fields} | more)

    def sealed(self, name, about, command, sequence, fmt, quiet, plaintext, group_key="first", epoch=1,
               heartbeat_counter=None, **more):
        datagram, fields, inputs = smart.sealed_data(*traffic(group_key, epoch), epoch, SENDER_ID, command,
                                                     heartbeat_counter or sequence, sequence, fmt, quiet,
                                                     plaintext)
        seal = {"traffic_key": f"traffic-{group_key}-{epoch}", "first_sequence": FIRST_SEQUENCE} | more | inputs
        self.add(name, about, (datagram, fields), seal=seal)
        return datagram


def data_packets(v):
    clear, repair = smart.ORIGINAL, smart.REPAIR
    v.add("data-clear-ts", "Clear data: one MPEG-TS packet, sequence 65530, receivers ask at once (QUIET 0).",
          smart.clear_data(clear, 65530, smart.MPEG_TS, 0, TS_PACKET))
    v.add("data-clear-repair", "Its repair: CMD 1, and a QUIET of its own.",
          smart.clear_data(repair, 65530, smart.MPEG_TS, 3, TS_PACKET))
    v.add("data-clear-rtp", "Clear data: an RTP packet, its header included; nobody asks (QUIET 15).",
          smart.clear_data(clear, 65531, smart.RTP, 15, RTP_PACKET))
    v.add("data-clear-opaque", "Clear data: a datagram that is neither.",
          smart.clear_data(clear, 65532, smart.OPAQUE, 1, TEXT))
    v.add("data-clear-empty", "Clear data: an empty datagram.", smart.clear_data(clear, 65533, smart.OPAQUE, 1, b""))
    v.add("data-clear-parity", "CMD 2 is kept for parity: known, and not acted on.",
          smart.clear_data(smart.PARITY, 65534, smart.OPAQUE, 0, TEXT))
    v.add("heartbeat-clear", "Clear heartbeat: the last sequence sent is 65541; PACKET_NUMBER is its low 16 bits.",
          smart.clear_data(smart.HEARTBEAT, 65541, smart.OPAQUE, 0, struct.pack(">Q", 65541)))
    datagram, fields = smart.clear_data(clear, 65535, smart.OPAQUE, 4, TEXT)
    with_reserved = bytearray(datagram)
    with_reserved[1] |= 0x0f
    with_reserved[6] |= 0x01
    with_reserved[7] = 0xff
    v.add("data-clear-reserved", "All reserved bits set: ignored when received, never sent.",
          (bytes(with_reserved), fields | {"reserved_cmd": 15, "reserved_quiet": 1, "reserved_byte": 255}),
          decode_only=True)

    v.sealed("data-sealed-ts", "Sealed with AES-128-GCM, epoch 1: the stream's first packet.", clear, 65530,
             smart.MPEG_TS, 0, TS_PACKET)
    v.sealed("data-sealed-repair", "Its repair: CMD and QUIET differ, IV, ciphertext and tag do not.", repair,
             65530, smart.MPEG_TS, 6, TS_PACKET)
    v.sealed("data-sealed-rtp", "Sealed RTP.", clear, 65531, smart.RTP, 5, RTP_PACKET)
    opaque = v.sealed("data-sealed-opaque", "Sealed opaque datagram.", clear, 65532, smart.OPAQUE, 15, TEXT)
    v.sealed("data-sealed-empty", "Sealed empty datagram: IV and tag alone.", clear, 65533, smart.OPAQUE, 0, b"")
    v.sealed("data-sealed-wrapped", "The sequence runs on past 16 bits: PACKET_NUMBER 5, IV counter 65541.",
             clear, 65541, smart.OPAQUE, 0, TEXT)
    v.sealed("data-sealed-next-epoch", "The first packet of epoch 2, under the next group key; the counter runs on.",
             clear, 65545, smart.OPAQUE, 0, TEXT, "next", 2,
             previous={"traffic_key": "traffic-first-1", "until": 65545})
    v.sealed("data-sealed-aes256", "AES-256-GCM, epoch 300 (ACCESS_SYNCH_CODE 45), sequence 1.", clear, 1,
             smart.OPAQUE, 0, TEXT, "long", 300, first_sequence=1)
    v.sealed("heartbeat-sealed-first", "The first heartbeat, sent before any data: first sequence - 1.",
             smart.HEARTBEAT, 65529, smart.OPAQUE, 0, struct.pack(">Q", 65529), heartbeat_counter=1)
    v.sealed("heartbeat-sealed", "A later one (the second; heartbeats have an IV counter of their own).",
             smart.HEARTBEAT, 65541, smart.OPAQUE, 2, struct.pack(">Q", 65541), heartbeat_counter=2)
    return opaque


def messages(v):
    v.add("addr-range-change-clear-short", "The group moves; the two addresses alone.",
          smart.addr_range_change(GROUP, NEW_GROUP))
    v.add("addr-range-change-clear", "With port and first sequence.",
          smart.addr_range_change(GROUP, NEW_GROUP, 47101, 70000))
    v.add("addr-range-change-signed", "The same, signed.",
          smart.addr_range_change(GROUP, NEW_GROUP, 47101, 70000, signed(3)), trailer_key="ed25519")
    detail = (123456789, 2500, 3600, 1)
    for name, command, text in (("join", 0x02, "JOIN"), ("leave", 0x03, "LEAVE")):
        v.add(f"usage-report-{name}-clear-short", f"{text} with the two addresses alone.",
              smart.usage_report(command, GROUP, RECEIVER))
        v.add(f"usage-report-{name}-clear", f"{text} with all that it can say.",
              smart.usage_report(command, GROUP, RECEIVER, detail))
        v.add(f"usage-report-{name}-cmac", "The same, of a receiver that has opened packets up to 65541.",
              smart.usage_report(command, GROUP, RECEIVER, detail, up(65541)), trailer_key="receiver-first")
    v.add("error-report-clear", "12 packets stayed unrecovered, the first was 65536.",
          smart.fault_report(0x0b, RECEIVER, GROUP, 1, 12, 65536))
    v.add("error-report-cmac", "Two bad tags.", smart.fault_report(0x0b, RECEIVER, GROUP, 2, 2, 65540, up(65541)),
          trailer_key="receiver-first")
    v.add("problem-report-clear", "Nothing received.", smart.fault_report(0x10, RECEIVER, GROUP, 1, 1, 0))
    v.add("problem-report-cmac", "Nothing received, from a receiver that has opened nothing: count 0, code 1.",
          smart.fault_report(0x10, RECEIVER, GROUP, 1, 1, 0, up(0)), trailer_key="receiver-first")
    v.add("key-announce", "Epoch 1 alone: no next one yet.",
          smart.key_announce(CHANNEL, SENDER_ID, 1, START_NUMBER, 1, 7, 0, 0, 0, START_SALT, signed(1)),
          trailer_key="ed25519")
    v.add("key-announce-next", "Epoch 2 takes over at sequence 65545: other content, so a greater count.",
          smart.key_announce(CHANNEL, SENDER_ID, 1, START_NUMBER, 1, 7, 9, 2, 65545, START_SALT, signed(2)),
          trailer_key="ed25519")
    v.add("sender-status-clear", "A group of about 1024, round trip 48 ms, straight from the origin.",
          smart.sender_status(GROUP, 123456789, 48, 1, 10, 0, START_NUMBER))
    v.add("sender-status-cmac", "The same on an encrypted channel.",
          smart.sender_status(GROUP, 123456789, 48, 1, 10, 0, START_NUMBER, down(41)), trailer_key="down-first")
    v.add("sender-status-next-epoch", "The same in epoch 2: the next group key's down key and id.",
          smart.sender_status(GROUP, 124456789, 48, 1, 10, 0, START_NUMBER, down(42, "next", 2)),
          trailer_key="down-next")
    datagram, fields = smart.sender_status(GROUP, 123456789, 48, 1, 10, 0, START_NUMBER)
    v.add("sender-status-blank", "Its blank bytes set: ignored when received, never sent.",
          (datagram[:18] + b"\xff\xff" + datagram[20:], fields | {"blank": ["ffff"]}), decode_only=True)


def requests(v):
    v.add("replacement-clear", "12 bytes, a single sequence: 65535.", smart.replacement(GROUP, [(65535, 0)]))
    pairs = [(65530, 0x8001), (20, 0x0000), (300, 0xffff)]
    v.add("replacement-cmac", "65530, 65531, 10 (65530 + 16), 20, and 300 to 316.",
          smart.replacement(GROUP, pairs, up(65541)), trailer_key="receiver-first")
    v.add("quiet-clear", "Everyone holds requests back for 100 ms.", smart.quiet(GROUP, 100))
    v.add("quiet-cmac", "Requests for 65530 to 65532 are held back: the repairs are on their way.",
          smart.quiet(GROUP, 48, [(65530, 0x0003)], down(43)), trailer_key="down-first")
    v.add("quiet-group-cmac", "The whole group held back on an encrypted channel.",
          smart.quiet(GROUP, 1000, trailer=down(44)), trailer_key="down-first")


def tunnels(v, inner_payload):
    for name, command in (("request", 0x01), ("leave", 0x02)):
        v.add(f"tunnel-{name}-clear", "The first, without a cookie; the tunnel ends where the datagram came from.",
              smart.tunnel_request(command, GROUP, "0.0.0.0", bytes(16)))
        v.add(f"tunnel-{name}-cmac", "With the cookie that the challenge brought.",
              smart.tunnel_request(command, GROUP, "0.0.0.0", COOKIE, up(0)), trailer_key="receiver-first")
    v.add("tunnel-challenge", "The answer to a request without a good cookie.",
          smart.tunnel_request(0x03, GROUP, RECEIVER, COOKIE))
    v.add("tunnel-grant", "Granted for 60 s.", smart.tunnel_grant(GROUP, RECEIVER, 60, 0, COOKIE))
    v.add("tunnel-grant-refused", "Refused: no room (reason 2).", smart.tunnel_grant(GROUP, RECEIVER, 0, 2, COOKIE))
    v.add("tunnel-data", "Carries the IPv4 packet in which data-sealed-opaque went to the group.",
          smart.tunnel_data(smart.udp_packet(HEADEND, GROUP, PORT, PORT, inner_payload)))


def packets():
    v = Vectors()
    opaque = data_packets(v)
    messages(v)
    requests(v)
    tunnels(v, opaque)
    return v


def refused():
    by_name = {p["name"]: bytes.fromhex(p["datagram"]) for p in packets()}

    def resized(datagram):
        return datagram[:2] + struct.pack(">H", len(datagram)) + datagram[4:]

    def patched(name, at, *values):
        out = bytearray(by_name[name])
        out[at:at + len(values)] = bytes(values)
        return bytes(out)

    cases = [
        ("header-cut", "truncated", by_name["sender-status-clear"][:3]),
        ("data-header-cut", "truncated", resized(by_name["data-clear-opaque"][:7])),
        ("size-one-less", "size_mismatch", patched("sender-status-clear", 2, 0, 27)),
        ("size-one-more", "size_mismatch", patched("sender-status-clear", 2, 0, 29)),
        ("data-size-one-less", "size_mismatch", patched("data-clear-opaque", 2, 0, 19)),
        ("data-size-one-more", "size_mismatch", patched("data-clear-opaque", 2, 0, 21)),
        ("message-0", "unknown_command", patched("sender-status-clear", 1, 0x40)),
        ("message-63", "unknown_command", patched("sender-status-clear", 1, 0x7f)),
        ("replacement-3", "unknown_command", patched("replacement-clear", 1, 0x83)),
        ("tunnelling-6", "unknown_command", patched("tunnel-grant", 1, 0xc6)),
        ("data-format-3", "reserved_format", patched("data-clear-opaque", 6, 0xc0)),
        ("data-code-not-sealed", "seal_mismatch", patched("data-clear-opaque", 0, 1)),
        ("data-sealed-no-code", "seal_mismatch", patched("data-sealed-opaque", 0, 0)),
        ("data-sealed-tag-cut", "bad_length", resized(by_name["data-sealed-empty"][:-1])),
        ("heartbeat-cut", "bad_length", resized(by_name["heartbeat-clear"][:-1])),
        ("heartbeat-long", "bad_length", resized(by_name["heartbeat-sealed"] + b"\0")),
    ]
    cases += [  # bodies and trailers
        ("join-body-cut", "bad_length", resized(by_name["usage-report-join-clear"][:-1])),
        ("join-body-long", "bad_length", resized(by_name["usage-report-join-cmac"] + b"\0")),
        ("replacement-no-pair", "bad_length", resized(by_name["replacement-clear"][:8])),
        ("replacement-65-pairs", "bad_length", smart.replacement(GROUP, [(n, 0) for n in range(65)])[0]),
        ("quiet-65-pairs", "bad_length", smart.quiet(GROUP, 1, [(n, 0) for n in range(65)])[0]),
        ("tunnel-data-27-bytes", "bad_length", resized(by_name["tunnel-data"][:31])),
        ("trailer-missing", "bad_length", patched("sender-status-clear", 0, 1)),
        ("key-announce-cmac-size", "bad_length", resized(by_name["key-announce"][:96])),
        ("key-announce-clear", "trailer_mismatch", resized(patched("key-announce", 0, 0)[:64])),
        ("tunnel-challenge-code", "trailer_mismatch", patched("tunnel-challenge", 0, 1)),
        ("tunnel-grant-code", "trailer_mismatch", patched("tunnel-grant", 0, 1)),
        ("tunnel-data-code", "trailer_mismatch", patched("tunnel-data", 0, 1)),
    ]
    return [{"name": name, "fault": fault, "datagram": datagram.hex()} for name, fault, datagram in cases]
