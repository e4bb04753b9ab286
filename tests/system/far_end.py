"""A hop that takes a group natively and sends it on by tunnel, for the tests of whoever asks for tunnels.

Knows the protocol from docs/protocol.md alone, and linecast's own code not at all. Slow, and made for few tunnels. Prints a JSON
object with its counts and the times of its grants when it is ended by SIGTERM.
"""

import argparse
import collections
import hashlib
import hmac
import json
import os
import select
import signal
import socket
import struct
import sys
import time

from cryptography.hazmat.primitives import cmac, hashes
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

REQUEST_TUNNEL, LEAVE_TUNNEL, TUNNEL_CHALLENGE, TUNNEL_GRANT, TUNNEL_DATA = range(1, 6)
TYPE_DATA, TYPE_MESSAGE, TYPE_REPLACEMENT, TYPE_TUNNELLING = range(4)
REPLACEMENT = 1
LEASE_S = 60
KEPT_PACKETS = 8192
IP_MTU_DISCOVER, IP_PMTUDISC_DO = 10, 2  # of Linux; Python 3.11 has no names for them


def internet_checksum(data):
    data += b'\0' * (len(data) % 2)
    total = sum(struct.unpack(f'!{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ipv4_udp(source, source_port, group, port, payload):
    """The IPv4 packet in which a datagram travels; without a UDP checksum (0: none)."""
    addresses = socket.inet_aton(source) + socket.inet_aton(group)
    udp = struct.pack('!HHHH', source_port, port, 8 + len(payload), 0)
    head = struct.pack('!BBHHHBBH', 0x45, 0, 20 + 8 + len(payload), 0, 0, 16, 17, 0)
    checksum = internet_checksum(head + addresses)
    return head[:10] + struct.pack('!H', checksum) + addresses + udp + payload


def message(kind, command, body):
    return struct.pack('!BBH', 0, kind << 6 | command, 4 + len(body)) + body


class UpwardTrailers:
    """Checks those that receivers put behind what they send to a hop."""

    def __init__(self, key_file, channel_name):
        fields = dict(line.split(': ', 1) for line in open(key_file, encoding='ascii').read().splitlines())
        self.key_id = int(fields['id'])
        info = b'SMART up v1' + hashlib.sha256(channel_name.encode()).digest()[:8] + struct.pack('!H', self.key_id)
        self.up_key = HKDF(hashes.SHA256(), 16, None, info).derive(bytes.fromhex(fields['key']))

    @staticmethod
    def mac(key, data):
        context = cmac.CMAC(algorithms.AES(key))
        context.update(data)
        return context.finalize()

    def good(self, datagram):
        receiver_id, key_id = struct.unpack('!8sH', datagram[-32:-22])
        receiver_key = self.mac(self.up_key, receiver_id)
        return key_id == self.key_id and hmac.compare_digest(self.mac(receiver_key, datagram[:-16]), datagram[-16:])


class FarEnd:
    def __init__(self, options):
        self.options = options
        self.group = socket.inet_aton(options.group)
        self.secret = os.urandom(16)
        self.leases = {}  # (address, port): when it ends
        self.kept = collections.OrderedDict()  # PACKET_NUMBER: inner packet
        self.counts = collections.Counter()
        self.grants = []
        self.trailers = UpwardTrailers(options.key, options.channel) if options.key else None

        self.native = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.native.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.native.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.native.bind((options.group, options.port))
        self.native.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                               self.group + socket.inet_aton(options.address))
        self.asked = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.asked.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
        self.asked.bind((options.address, options.port))

    def run(self):
        while True:
            for readable in select.select([self.native, self.asked], [], [])[0]:
                datagram, source = readable.recvfrom(65535)
                if readable is self.native:
                    self.take_native(datagram, source)
                else:
                    self.take_asked(datagram, source)

    # --- what comes down ---
    def take_native(self, datagram, source):
        inner = ipv4_udp(*source, self.options.group, self.options.port, datagram)
        if datagram[1] >> 6 == TYPE_DATA and datagram[1] >> 4 & 3 == 0:
            self.kept[struct.unpack('!H', datagram[4:6])[0]] = inner
            if len(self.kept) > KEPT_PACKETS:
                self.kept.popitem(last=False)
        now = time.monotonic()
        for receiver in [receiver for receiver, end in self.leases.items() if end <= now]:
            del self.leases[receiver]
            self.counts['expired'] += 1
        for receiver in self.leases:
            self.send_data(inner, receiver)

    def send_data(self, inner, receiver):
        self.counts['data'] += 1
        self.asked.sendto(message(TYPE_TUNNELLING, TUNNEL_DATA, inner), receiver)

    # --- what comes up ---
    def take_asked(self, datagram, source):
        if len(datagram) < 8 or struct.unpack('!H', datagram[2:4])[0] != len(datagram):
            self.counts['malformed'] += 1
            return
        kind, command = datagram[1] >> 6, datagram[1] & 0x3f
        if kind == TYPE_TUNNELLING:
            self.take_tunnelling(command, datagram, source)
        elif kind == TYPE_REPLACEMENT and command == REPLACEMENT:
            self.answer(datagram, source)
        else:
            self.counts['reports'] += 1

    def has_good_trailer(self, datagram):
        good = (datagram[0] != 0 and self.trailers.good(datagram)) if self.trailers else datagram[0] == 0
        self.counts['bad_trailer'] += not good
        return good

    def cookie(self, source, back=0):
        coarse = int(time.monotonic() / self.options.cookie_s) - back
        place = f'{source} {self.options.group} {coarse}'.encode()
        return hmac.new(self.secret, place, hashlib.sha256).digest()[:16]

    def take_tunnelling(self, command, datagram, source):
        body = datagram[4:28]
        if len(datagram) != 28 + (32 if self.trailers else 0) or command not in (REQUEST_TUNNEL, LEAVE_TUNNEL):
            self.counts['malformed'] += 1
            return
        self.counts['requests' if command == REQUEST_TUNNEL else 'leaves'] += 1
        group, endpoint, cookie = body[:4], body[4:8], body[8:]
        if endpoint not in (bytes(4), socket.inet_aton(source[0])):
            self.counts['third_party'] += 1
            return
        seen = socket.inet_aton(source[0])
        if cookie not in (self.cookie(source), self.cookie(source, 1)):
            self.counts['challenges'] += 1
            self.asked.sendto(message(TYPE_TUNNELLING, TUNNEL_CHALLENGE, group + seen + self.cookie(source)), source)
            return
        if not self.has_good_trailer(datagram):
            return
        if command == LEAVE_TUNNEL:
            self.leases.pop(source, None)
            return
        reason = 1 if group != self.group else self.options.refuse
        if reason == 0:
            self.leases[source] = time.monotonic() + LEASE_S
            self.grants.append({'time': time.time(), 'address': source[0], 'port': source[1]})
        self.asked.sendto(message(TYPE_TUNNELLING, TUNNEL_GRANT,
                                  group + seen + struct.pack('!HH', 0 if reason else LEASE_S, reason) + cookie), source)

    def answer(self, datagram, source):
        """REPLACEMENT of a stream that goes by tunnel: the originals again, with CMD 1, by that tunnel."""
        if self.options.no_repairs or source not in self.leases or not self.has_good_trailer(datagram):
            self.counts['not_answered'] += 1
            return
        pairs = datagram[8:len(datagram) - (32 if self.trailers else 0)]
        for sequence, mask in struct.iter_unpack('!HH', pairs):
            for wanted in [sequence, *(sequence + 1 + bit for bit in range(16) if mask >> bit & 1)]:
                inner = self.kept.get(wanted & 0xffff)
                if inner is None:
                    self.counts['not_kept'] += 1
                    continue
                self.counts['repairs'] += 1
                self.send_data(inner[:29] + bytes([inner[29] | 0x10]) + inner[30:], source)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--address', required=True, help='its own: joins by it, and is asked at it')
    parser.add_argument('--group', required=True)
    parser.add_argument('--port', type=int, default=47100)
    parser.add_argument('--channel', help="the channel's name")
    parser.add_argument('--key', help="group key file, of an encrypted channel")
    parser.add_argument('--refuse', type=int, default=0, metavar='REASON')
    parser.add_argument('--no-repairs', action='store_true')
    parser.add_argument('--cookie-s', type=float, default=20, help='a cookie is good for this long to twice that')
    far_end = FarEnd(parser.parse_args())

    def end(*_):
        print(json.dumps({**far_end.counts, 'grants': far_end.grants}), flush=True)
        sys.exit(0)
    signal.signal(signal.SIGTERM, end)
    print('ready', file=sys.stderr, flush=True)
    far_end.run()


if __name__ == '__main__':
    main()
