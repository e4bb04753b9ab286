"""Sends forged SMART datagrams, bounded in number and rate, with raw sockets; prints how many datagrams and IP bytes it sent.

usage: forger.py above HOP REPEATER-ADDRESS GROUP PORT OWN-ADDRESS SECONDS
           Joins the group and, for each datagram of the hop that it hears, sends forgeries to the repeater alone, to its dynamic ports,
           that bear the hop's address: altered copies, and the stream far ahead.
       forger.py below HOP GROUP[,GROUP...] NETWORK A-SECOND SECONDS
           Sends whatever those behind a hop might say, and what they may not, from addresses and ports that are not its own.
           NETWORK: three numbers, as 10.73.0.
"""

import random
import socket
import struct
import sys
import time

SMART_PORT = 47100
FIRST_UPWARD_PORT, UPWARD_PORTS = 49152, 2
AHEAD = 5000
UDP = 17
ADD_SOURCE_MEMBERSHIP = 39  # IP_ADD_SOURCE_MEMBERSHIP of Linux


def checksum(data):
    total = sum(struct.unpack(f'!{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def packet(source, source_port, to, to_port, payload):
    """IPv4 and UDP without a checksum."""
    udp = struct.pack('!HHHH', source_port, to_port, 8 + len(payload), 0) + payload
    ip = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(udp), 0, 0, 64, UDP, 0, socket.inet_aton(source), socket.inet_aton(to))
    return ip[:10] + struct.pack('!H', checksum(ip)) + ip[12:] + udp


class Raw:
    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.sent = self.sent_bytes = 0

    def send(self, source, source_port, to, to_port, payload):
        whole = packet(source, source_port, to, to_port, payload)
        self.socket.sendto(whole, (to, to_port))
        self.sent += 1
        self.sent_bytes += len(whole)


def forgeries(heard):
    """Of a data packet: an altered copy, one far ahead, and a heartbeat that nothing comes after."""
    number, sealed = struct.unpack('!H', heard[4:6])[0], heard[6] & 0x20
    altered = bytearray(heard)
    altered[-1] ^= 1
    ahead = bytearray(altered)
    struct.pack_into('!H', ahead, 4, (number + AHEAD) & 0xffff)
    if sealed:
        iv = struct.unpack('!Q', heard[8:16])[0]
        struct.pack_into('!Q', ahead, 8, iv + AHEAD)
        struct.pack_into('!H', ahead, 4, (iv + AHEAD) & 0xffff)
        last = heard[:1] + b'\x30' + struct.pack('!HHBB', 40, (number + AHEAD) & 0xffff, 0x20, 0)
        last += struct.pack('!Q', 1 << 63 | (iv & 0x7fff << 48) | (1 << 48) - 1) + bytes(24)
    else:
        last = struct.pack('!BBHHBB', 0, 0x30, 16, (number + AHEAD) & 0xffff, 0, 0) + struct.pack('!Q', number + AHEAD)
    return bytes(altered), bytes(ahead), last


def above(hop, repeater, group, port, own, seconds):
    raw = Raw()
    hearing = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    hearing.bind((group, int(port)))
    hearing.setsockopt(socket.IPPROTO_IP, ADD_SOURCE_MEMBERSHIP, b''.join(map(socket.inet_aton, (group, own, hop))))
    until = time.monotonic() + float(seconds)
    while (left := until - time.monotonic()) > 0:
        hearing.settimeout(left)
        try:
            heard = hearing.recv(2048)
        except TimeoutError:
            break
        if heard[1] >> 4 != 0:
            continue
        for forged in forgeries(heard):
            for upward in range(FIRST_UPWARD_PORT, FIRST_UPWARD_PORT + UPWARD_PORTS):
                raw.send(hop, int(port), repeater, upward, forged)
    return raw


def message(kind, command, body, code=0, trailer=b''):
    return struct.pack('!BBH', code, kind << 6 | command, 4 + len(body) + len(trailer)) + body + trailer


def from_below(noise, group):
    """One datagram, forged in one way or another."""
    group = socket.inet_aton(group)
    trailer = noise.randbytes(32)
    sealed = {'code': 1, 'trailer': trailer} if noise.random() < 0.3 else {}
    cookie = noise.choice((bytes(16), noise.randbytes(16)))
    inner = packet('10.1.1.1', SMART_PORT, '239.1.1.1', SMART_PORT, message(3, 5, packet('10.1.1.1', 1, '239.1.1.1', 1, bytes(40))))
    match noise.randrange(12):
        case 0 | 1 | 2:
            return message(3, 1, group + bytes(4) + cookie, **sealed)
        case 3:
            return message(3, 2, group + noise.choice((bytes(4), b'\x0a\x01\x01\x01')) + cookie, **sealed)
        case 4:
            return message(3, 4, group + bytes(4) + struct.pack('!HH', 60, 0) + cookie)
        case 5:
            return message(3, 5, inner)
        case 6 | 7:
            total = noise.choice((1, 0, 1000, 2**32 - 1))
            detail = struct.pack('!IIII', noise.getrandbits(32), 0, 2**32 - 1, total)
            return message(1, noise.choice((2, 3)), group + noise.randbytes(4) + detail, **sealed)
        case 8:
            pairs = b''.join(struct.pack('!HH', noise.getrandbits(16), 0xffff) for _ in range(64))
            return message(2, 1, group + pairs, **sealed)
        case 9:
            return message(2, 2, group + struct.pack('!HH', 60000, 0), **sealed)
        case 10:
            return message(1, 1, group + socket.inet_aton('239.9.9.9') + struct.pack('!HHQ', 5, 0, 0), code=1, trailer=noise.randbytes(80))
        case _:
            return message(noise.randrange(4), noise.randrange(64), noise.randbytes(noise.randrange(100)))


def below(hop, groups, network, a_second, seconds):
    raw, noise = Raw(), random.Random(1)
    groups = groups.split(',')
    start = time.monotonic()
    for number in range(int(float(a_second) * float(seconds))):
        datagram = from_below(noise, noise.choice(groups))
        raw.send(f'{network}.{noise.randrange(100, 250)}', noise.randrange(1, 65536), hop, SMART_PORT, datagram)
        if number % 50 == 49 and (ahead := start + (number + 1) / float(a_second) - time.monotonic()) > 0:
            time.sleep(ahead)
        if time.monotonic() > start + 2 * float(seconds):
            break
    return raw


if __name__ == '__main__':
    done = {'above': above, 'below': below}[sys.argv[1]](*sys.argv[2:])
    print(done.sent, done.sent_bytes)
