#!/usr/bin/python3
"""Frames and packets that are wrong in every way, among good ones: each kind is dropped and counted by name, and
disturbs nothing: every channel stays bit-exact."""

import random
import socket
import struct
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'scripts'), str(ROOT / 'tests/vectors')]
# pylint: disable=wrong-import-position
import smart
from lab import system
from lab.media import sha256, write_noise
from lab.network import wait_until
from lab.topology import HEADEND_IN, HEADEND_OUT, SMART_PORT, Channel

NEWS = Channel('news', 1, 'udp://239.71.1.1:5000', '239.72.1.1', 6_000_000, 'aes-128-gcm')
FILM = Channel('film', 2, f'udp://{HEADEND_IN}:5001', '239.72.1.2', 6_000_000, 'aes-256-gcm')
SECONDS = 5
SENDER = '10.71.0.2'
TS = b'\x47\x01\x00\x10' + bytes(184)


def ethernet(packet, ether_type=0x0800, destination=b'\x01\x00\x5e\x47\x01\x01'):
    return destination + b'\x02\0\0\0\0\x01' + struct.pack('>H', ether_type) + packet


def with_header(packet, **changes):
    """An IPv4 packet with bytes of its header changed, and its checksum made good again."""
    header = bytearray(packet[:20])
    for at, value in changes.items():
        header[int(at[1:])] = value
    header[10:12] = b'\0\0'
    header[10:12] = struct.pack('>H', smart.checksum(bytes(header)))
    return bytes(header) + packet[20:]


def bad_frames():
    """{name of the counter that must count it: frame}. (Fragments never come through net_af_packet: unit tests have them.)"""
    good = smart.udp_packet(SENDER, '239.71.1.1', 4000, 5000, TS * 7)
    options = bytearray(good[:20]) + b'\x01\x01\x01\x00' + good[20:]
    options[0] = 0x46
    options[2:4] = struct.pack('>H', len(options))
    options[10:12] = b'\0\0'
    options[10:12] = struct.pack('>H', smart.checksum(bytes(options[:24])))
    return {
        'frame_truncated': ethernet(good[:30]),
        'ip_checksum': ethernet(good[:10] + b'\x12\x34' + good[12:]),
        'udp_checksum': ethernet(good[:26] + b'\x12\x34' + good[28:]),
        'ip_options': ethernet(bytes(options)),
        'vlan_unexpected': ethernet(b'\x00\x05\x08\x00' + good, 0x8100),
        'no_flow': ethernet(smart.udp_packet(SENDER, '239.71.1.1', 4000, 5999, TS)),
        'udp_length': ethernet(good[:24] + b'\xff\xff' + good[26:]),
        'ip_version': ethernet(with_header(good, b0=0x65)),
        'payload_format': ethernet(smart.udp_packet(SENDER, '239.71.1.1', 4000, 5000, b'no transport stream')),
        'payload_size': ethernet(smart.udp_packet(SENDER, '239.71.1.1', 4000, 5000, b'')),
    }


def bad_requests(lab, mac):
    """Frames to the output port's SMART port: wrong in size, type, command, trailer, group."""
    noise = random.Random(2)
    trailer = smart.CmacTrailer(1, bytes(16), 1, 1, 0)
    good = smart.replacement(NEWS.group, [(1, 0)], trailer)[0]
    payloads = [b'', b'\x01', good[:-1], good + b'\0', good, smart.replacement('239.9.9.9', [(1, 0)], trailer)[0],
                smart.replacement(NEWS.group, [(1, 0)])[0], smart.quiet(NEWS.group, 1000)[0], bytes([1, 0x7F, 0, 4]),
                *(noise.randbytes(noise.randint(1, 200)) for _ in range(200))]
    del lab
    return [ethernet(smart.udp_packet('10.72.0.11', HEADEND_OUT, SMART_PORT, SMART_PORT, payload), destination=mac)
            for payload in payloads]


SEND_RAW = '''
import socket, sys
sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
sender.bind((sys.argv[1], 0))
for line in sys.stdin:
    sender.send(bytes.fromhex(line))
'''

SEND_UDP = '''
import socket, sys
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for line in sys.stdin:
    sender.sendto(bytes.fromhex(line), (sys.argv[1], int(sys.argv[2])))
'''


def wrong_packets_are_counted_and_disturb_nothing(lab):
    feeds, outs, receivers = [], {}, []
    for channel in (NEWS, FILM):
        feed = lab.directory / f'{channel.name}.ts'
        write_noise(feed, SECONDS, 2_000_000, seed=channel.number)
        feeds.append((feed, channel))
        outs[feed] = lab.directory / f'{channel.name}.played'
        receivers.append(lab.start_receiver(channel, outs[feed], '--buffer-ms', '500'))
    lab.topology.receivers[0].lose('eth0', 5, [NEWS.group, FILM.group], SMART_PORT)
    headend = lab.start_headend([NEWS, FILM])
    time.sleep(1.5)
    before = headend.drops()
    feeder = lab.start_feed(*feeds)
    time.sleep(1)

    frames = bad_frames()
    lab.topology.source.run('/usr/bin/python3', '-c', SEND_RAW, 'src0',
                            stdin='\n'.join(frame.hex() for frame in frames.values()))
    mac = next(port['mac'] for port in headend.show('ports') if port['name'] == 'out')
    requests = bad_requests(lab, bytes.fromhex(mac.replace(':', '')))
    lab.topology.receivers[0].run('/usr/bin/python3', '-c', SEND_RAW, 'eth0',
                                  stdin='\n'.join(frame.hex() for frame in requests))
    # To the receivers: noise, and packets of the other channel, in this channel's group.
    noise = random.Random(3)
    wrong = [noise.randbytes(noise.randint(1, 400)) for _ in range(200)]
    wrong += [smart.data_header(1, smart.ORIGINAL, 48, 7, smart.MPEG_TS, 1, 0) + noise.randbytes(40) for _ in range(50)]
    lab.topology.switch.run('ip', 'address', 'add', '10.72.0.99/24', 'dev', 'br0')
    lab.topology.switch.run('ip', 'route', 'add', '224.0.0.0/4', 'dev', 'br0')
    lab.topology.switch.run('/usr/bin/python3', '-c', SEND_UDP, NEWS.group, SMART_PORT,
                            stdin='\n'.join(payload.hex() for payload in wrong))

    wait_until(feeder.done, SECONDS + 10, 'the feed does not end', 0.2)
    time.sleep(1.5)
    after = headend.drops()
    grown = {name for name, count in after.items() if count > before.get(name, 0)}
    for receiver in receivers:
        receiver.stop()
    for feed, played in outs.items():
        assert sha256(feed) == sha256(played), f'{feed.name} arrives bit-exactly'
    missing = set(frames) - grown
    assert not missing, f'not counted by name: {missing}; counted: {grown}'
    counted = sum(after.values()) - sum(before.values())
    assert counted >= len(frames) + len(requests), f'{counted} of {len(frames) + len(requests)} counted: {after}'


system.run(wrong_packets_are_counted_and_disturb_nothing)
