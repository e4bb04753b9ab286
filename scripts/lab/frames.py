"""Ethernet frames put together byte by byte, right or deliberately wrong, and captures of them.

usage: frames.py replay CAPTURE INTERFACE PER-SECOND FRAMES    sends so many, from the start again at the capture's end
"""

import ipaddress
import itertools
import socket
import struct
import sys
import time

IPV4, VLAN, SERVICE_VLAN = 0x0800, 0x8100, 0x88a8
IGMP, UDP = 2, 17
LEAST_FRAME = 60  # bytes, without the checksum that the card appends
ROUTER_ALERT = b'\x94\x04\0\0'
PCAP_HEADER = struct.Struct('<IHHiIII')
PCAP_RECORD = struct.Struct('<IIII')


def address(text):
    return ipaddress.IPv4Address(text).packed


def mac(text):
    return bytes.fromhex(text.replace(':', ''))


def group_mac(group):
    """01:00:5e and the group's low 23 bits (RFC 1112, section 6.4)."""
    low = address(group)[1:]
    return b'\x01\x00\x5e' + bytes([low[0] & 0x7F]) + low[1:]


def checksum(data):
    """Of RFC 1071: a ones' complement sum is what a division by 65535 leaves, but that its zero is 65535."""
    number = int.from_bytes(data + bytes(len(data) % 2), 'big')
    return ~(number % 0xFFFF or (0xFFFF if number else 0)) & 0xFFFF


def ethernet(destination, source, packet, *tags, ether_type=IPV4):
    """destination, source: 6 bytes each. tags: VLANs, or (EtherType, VLAN) pairs. Padded to the least size."""
    frame = destination + source
    for tag in tags:
        frame += struct.pack('>HH', *(tag if isinstance(tag, tuple) else (VLAN, tag)))
    return (frame + struct.pack('>H', ether_type) + packet).ljust(LEAST_FRAME, b'\0')


def ipv4(source, destination, protocol, payload, ttl=16, options=b'', fragment=0, **wrong):
    """wrong: version, words, size or sum, in place of what would be right. fragment: flags and offset."""
    words = wrong.get('words', 5 + len(options) // 4)
    head = struct.pack('>BBHHHBBH', wrong.get('version', 4) << 4 | words, 0,
                       wrong.get('size', 20 + len(options) + len(payload)), 1, fragment, ttl, protocol, 0)
    head += address(source) + address(destination) + options
    return head[:10] + struct.pack('>H', wrong.get('sum', checksum(head))) + head[12:] + payload


def udp(source, destination, source_port, destination_port, payload, **wrong):
    """The datagram in its IPv4 packet. wrong: udp_size or udp_sum, and what ipv4() takes."""
    size = wrong.pop('udp_size', 8 + len(payload))
    pseudo = address(source) + address(destination) + struct.pack('>HH', UDP, 8 + len(payload))
    head = struct.pack('>HHH', source_port, destination_port, size)
    right = checksum(pseudo + head + b'\0\0' + payload) or 0xFFFF
    return ipv4(source, destination, UDP, head + struct.pack('>H', wrong.pop('udp_sum', right)) + payload, **wrong)


def igmp(source, destination, kind, body, code=0, ttl=1, wrong_sum=0):
    """body: behind the checksum. wrong_sum: added to it."""
    head = struct.pack('>BB', kind, code)
    right = checksum(head + b'\0\0' + body)
    message = head + struct.pack('>H', (right + wrong_sum) & 0xFFFF) + body
    return ipv4(source, destination, IGMP, message, ttl=ttl, options=ROUTER_ALERT)


def write_capture(path, frames):
    with open(path, 'wb') as file:
        file.write(PCAP_HEADER.pack(0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for number, frame in enumerate(frames):
            file.write(PCAP_RECORD.pack(number // 1_000_000, number % 1_000_000, len(frame), len(frame)) + frame)


def read_capture(path):
    with open(path, 'rb') as file:
        file.read(PCAP_HEADER.size)
        while record := file.read(PCAP_RECORD.size):
            yield file.read(PCAP_RECORD.unpack(record)[2])


def replay(path, interface, per_second, frames):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind((interface, 0))
        start = time.monotonic()
        captured = itertools.cycle(read_capture(path))
        for number, frame in enumerate(itertools.islice(captured, int(frames))):
            time.sleep(max(0.0, start + number / float(per_second) - time.monotonic()))
            sender.send(frame)


if __name__ == '__main__':
    if sys.argv[1:2] != ['replay'] or len(sys.argv) != 6:
        sys.exit(__doc__)
    replay(*sys.argv[2:])
