"""SMART packets made from docs/protocol.md alone, without any of linecast's code: struct, and the
`cryptography` package for everything secret. Each maker returns (bytes, fields); the fields' names are those
of the Wireshark dissector without "smart."."""

import hashlib
import socket
import struct

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

DATA, MESSAGE, REPLACEMENT, TUNNELLING = range(4)
ORIGINAL, REPAIR, PARITY, HEARTBEAT = range(4)
OPAQUE, MPEG_TS, RTP, RESERVED_FORMAT = range(4)
COMMAND_FIELD = {MESSAGE: "message_cmd", REPLACEMENT: "replacement_cmd", TUNNELLING: "tunnelling_cmd"}


def hkdf(key, salt, info, length):
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(key)


def cmac(key, message):
    mac = CMAC(AES(key))
    mac.update(message)
    return mac.finalize()


def channel_id(name):
    return hashlib.sha256(name.encode()).digest()[:8]


def synch_code(epoch):
    return (epoch - 1) % 255 + 1


def traffic_key(group_key, salt, channel, sender_id, epoch):
    """-> traffic key, nonce salt"""
    size = len(group_key)
    cipher = {16: 1, 32: 2}[size]
    info = b"SMART traffic v1" + channel + struct.pack(">HIB", sender_id, epoch, cipher)
    out = hkdf(group_key, salt, info, size + 4)
    return out[:size], out[size:]


def down_key(group_key, key_id, channel):
    return hkdf(group_key, None, b"SMART down v1" + channel + struct.pack(">H", key_id), 16)


def up_key(group_key, key_id, channel):
    return hkdf(group_key, None, b"SMART up v1" + channel + struct.pack(">H", key_id), 16)


def receiver_key(up, receiver_id):
    return cmac(up, struct.pack(">Q", receiver_id))


def public_key(seed):
    key = Ed25519PrivateKey.from_private_bytes(seed).public_key()
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def public_key_hint(public):
    return int.from_bytes(hashlib.sha256(public).digest()[:2], "big")


def address(text):
    return socket.inet_aton(text)


def full_address(value):
    return socket.inet_ntoa(value)


# --- data ---


def data_header(code, command, size, number, fmt, sealed, quiet):
    return struct.pack(">BBHHBB", code, DATA << 6 | command << 4, size, number,
                       fmt << 6 | sealed << 5 | quiet << 1, 0)


def data_fields(code, command, size, number, fmt, sealed, quiet):
    return {"synch_code": code, "type": DATA, "data_cmd": command, "reserved_cmd": 0, "size": size,
            "seq": number, "format": fmt, "sealed": sealed, "quiet": quiet, "reserved_quiet": 0,
            "reserved_byte": 0}


def clear_data(command, sequence, fmt, quiet, payload):
    args = (0, command, 8 + len(payload), sequence & 0xffff, fmt, 0, quiet)
    fields = data_fields(*args)
    if command == HEARTBEAT:
        fields["heartbeat_seq"] = int.from_bytes(payload, "big")
    elif payload:
        fields["payload"] = payload.hex()
    return data_header(*args) + payload, fields


def sealed_data(key, nonce_salt, epoch, sender_id, command, counter, sequence, fmt, quiet, plaintext):
    """-> bytes, fields, what else went into the seal. counter: of the IV; sequence: what PACKET_NUMBER says."""
    code = synch_code(epoch)
    size = 8 + 8 + len(plaintext) + 16
    heartbeat = command == HEARTBEAT
    iv = struct.pack(">Q", heartbeat << 63 | sender_id << 48 | counter)
    aad_command = ORIGINAL if command == REPAIR else command
    aad = data_header(code, aad_command, size, sequence & 0xffff, fmt, 1, 0)
    sealed = AESGCM(key).encrypt(nonce_salt + iv, plaintext, aad)
    args = (code, command, size, sequence & 0xffff, fmt, 1, quiet)
    fields = data_fields(*args)
    fields |= {"iv.heartbeat": int(heartbeat), "iv.sender_id": sender_id, "iv.counter": counter}
    if plaintext:
        fields["ciphertext"] = sealed[:-16].hex()
    fields["tag"] = sealed[-16:].hex()
    inputs = {"nonce": (nonce_salt + iv).hex(), "aad": aad.hex(), "plaintext": plaintext.hex()}
    return data_header(*args) + iv + sealed, fields, inputs


# --- messages ---


def message(packet_type, command, body, body_fields, trailer=None):
    """trailer: Trailer or None."""
    code = trailer.code if trailer else 0
    size = 4 + len(body) + (trailer.size if trailer else 0)
    fields = {"synch_code": code, "type": packet_type, COMMAND_FIELD[packet_type]: command, "size": size}
    fields |= body_fields
    out = struct.pack(">BBH", code, packet_type << 6 | command, size) + body
    if trailer:
        tail, tail_fields = trailer.make(out)
        out += tail
        fields |= tail_fields
    return out, fields


class CmacTrailer:
    size = 32

    def __init__(self, code, key, trailer_id, key_id, count):
        self.code, self.key, self.id, self.key_id, self.count = code, key, trailer_id, key_id, count

    def make(self, before):
        head = struct.pack(">QH", self.id, self.key_id) + self.count.to_bytes(6, "big")
        mac = self.mac(before + head)
        return head + mac, {"trailer.id": self.id, "trailer.key_id": self.key_id, "trailer.count": self.count,
                            self.mac_field: mac.hex()}

    mac_field = "trailer.mac"

    def mac(self, message_bytes):
        return cmac(self.key, message_bytes)


class SignedTrailer(CmacTrailer):
    size = 80
    mac_field = "trailer.signature"

    def __init__(self, code, seed, trailer_id, count):
        super().__init__(code, seed, trailer_id, public_key_hint(public_key(seed)), count)

    def mac(self, message_bytes):
        return Ed25519PrivateKey.from_private_bytes(self.key).sign(message_bytes)


def addr_range_change(group, new_group, port=None, first_seq=None, trailer=None):
    body = address(group) + address(new_group)
    fields = {"group": group, "new_group": new_group}
    if port is not None:
        body += struct.pack(">HHQ", port, 0, first_seq)
        fields |= {"new_port": port, "blank": ["0000"], "first_seq": first_seq}
    return message(MESSAGE, 0x01, body, fields, trailer)


def usage_report(command, group, receiver, detail=None, trailer=None):
    body = address(group) + address(receiver)
    fields = {"group": group, "receiver": receiver}
    if detail:
        body += struct.pack(">IIII", *detail)
        fields |= dict(zip(("echoed_hop_time_us", "held_us", "watched_s", "receivers"), detail))
    return message(MESSAGE, command, body, fields, trailer)


def fault_report(command, reporting, concerning, code, count, first_seq, trailer=None):
    body = address(reporting) + address(concerning) + struct.pack(">III", code, count, first_seq)
    code_field = {0x0b: "error_code", 0x10: "problem_code"}[command]
    return message(MESSAGE, command, body,
                   {"reporting": reporting, "concerning": concerning, code_field: code, "fault_count": count,
                    "fault_first_seq": first_seq}, trailer)


def key_announce(channel, sender_id, cipher, start_number, epoch, key_id, next_key_id, next_epoch,
                 next_first_seq, start_salt, trailer):
    body = channel + struct.pack(">HBBQIHHIQ", sender_id, cipher, 0, start_number, epoch, key_id, next_key_id,
                                 next_epoch, next_first_seq) + start_salt + bytes(4)
    return message(MESSAGE, 0x20, body,
                   {"channel_id": channel.hex(), "sender_id": sender_id, "cipher": cipher,
                    "start_number": start_number, "epoch": epoch, "key_id": key_id,
                    "next_key_id": next_key_id, "next_epoch": next_epoch, "next_first_seq": next_first_seq,
                    "start_salt": start_salt.hex(), "blank": ["00", "00000000"]}, trailer)


def sender_status(group, hop_time_us, round_trip_ms, report_window_s, log2_group_size, hops, start_number,
                  trailer=None):
    body = address(group) + struct.pack(">IHHBBHQ", hop_time_us, round_trip_ms, report_window_s,
                                        log2_group_size, hops, 0, start_number)
    return message(MESSAGE, 0x21, body,
                   {"group": group, "hop_time_us": hop_time_us, "round_trip_ms": round_trip_ms,
                    "report_window_s": report_window_s, "log2_group_size": log2_group_size, "hops": hops,
                    "blank": ["0000"], "start_number": start_number}, trailer)


def pair_fields(pairs):
    named = [(s + 1 + bit) & 0xffff for s, mask in pairs for bit in range(-1, 16) if bit < 0 or mask >> bit & 1]
    return {"pair.seq": [s for s, _ in pairs], "pair.mask": [m for _, m in pairs],
            "pair.named": named} if pairs else {}


def replacement(group, pairs, trailer=None):
    body = address(group) + b"".join(struct.pack(">HH", *p) for p in pairs)
    return message(REPLACEMENT, 0x01, body, {"group": group} | pair_fields(pairs), trailer)


def quiet(group, duration_ms, pairs=(), trailer=None):
    body = address(group) + struct.pack(">HH", duration_ms, 0) + b"".join(struct.pack(">HH", *p) for p in pairs)
    fields = {"group": group, "duration_ms": duration_ms, "blank": ["0000"]} | pair_fields(pairs)
    return message(REPLACEMENT, 0x02, body, fields, trailer)


def tunnel_request(command, group, endpoint, cookie, trailer=None):
    return message(TUNNELLING, command, address(group) + address(endpoint) + cookie,
                   {"group": group, "endpoint": endpoint, "cookie": cookie.hex()}, trailer)


def tunnel_grant(group, endpoint, lease_s, reason, cookie):
    return message(TUNNELLING, 0x04, address(group) + address(endpoint) + struct.pack(">HH", lease_s, reason) + cookie,
                   {"group": group, "endpoint": endpoint, "lease_s": lease_s, "reason": reason,
                    "cookie": cookie.hex()})


def tunnel_data(inner_packet):
    return message(TUNNELLING, 0x05, inner_packet, {"inner_packet": inner_packet.hex()})


# --- the inner packet of a tunnel ---


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data[:len(data) // 2 * 2]))
    total += data[-1] << 8 if len(data) % 2 else 0
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def udp_packet(source, destination, source_port, destination_port, payload):
    length = 8 + len(payload)
    pseudo = address(source) + address(destination) + struct.pack(">HH", 17, length)
    udp = struct.pack(">HHHH", source_port, destination_port, length, 0) + payload
    udp = udp[:6] + struct.pack(">H", checksum(pseudo + udp) or 0xffff) + payload
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + length, 0, 0, 16, 17, 0) + address(source) + address(destination)
    return ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:] + udp
