#!/usr/bin/python3
"""What the headend puts on the wire, taken apart without any of its code: frames, seals, messages, joins and leaves."""

import struct
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'scripts'), str(ROOT / 'tests/vectors')]
# pylint: disable=wrong-import-position
import smart
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from lab import system
from lab.capture import Capture
from lab.media import write_noise
from lab.network import wait_until
from lab.topology import HEADEND_IN, HEADEND_OUT, SMART_PORT, SOURCE_ADDRESS, Channel

CHANNELS = [
    Channel('news', 1, 'udp://239.71.1.1:5000', '239.72.1.1', 5_000_000, 'aes-128-gcm'),
    Channel('film', 2, 'rtp://239.71.1.2:5000', '239.72.1.2', 5_000_000, 'aes-256-gcm', True, 'rtp'),
    Channel('open', 3, f'udp://{HEADEND_IN}:5003', '239.72.1.3', 5_000_000, None),
]
SECONDS = 3
SENDER_ID = 1
IGMP_TO_INCLUDE, IGMP_ALLOW, IGMP_BLOCK = 3, 5, 6


def smart_packets(frames):
    """{group: [UDP payloads]} of what the headend sent, after all that IPv4 and Ethernet ask for was checked."""
    packets = {}
    for frame in frames:
        if frame[12:14] != b'\x08\x00' or frame[26:30] != smart.address(HEADEND_OUT) or frame[23] != 17:
            continue
        group = frame[30:34]
        assert frame[:6] == b'\x01\x00\x5e' + bytes([group[1] & 0x7F]) + group[2:], 'destination MAC'
        assert frame[14] == 0x45 and frame[15] == 32 << 2 and frame[22] == 16, 'header length, DSCP CS4, TTL'
        assert smart.checksum(frame[14:34]) == 0, 'IPv4 checksum'
        length = int.from_bytes(frame[38:40], 'big')
        assert int.from_bytes(frame[16:18], 'big') == 20 + length == len(frame) - 14, 'lengths'
        udp = frame[34:]
        pseudo = frame[26:34] + struct.pack('>HH', 17, length)
        assert udp[6:8] != b'\0\0' and smart.checksum(pseudo + udp) == 0, 'UDP checksum'
        assert int.from_bytes(udp[2:4], 'big') == SMART_PORT
        packets.setdefault(smart.full_address(group), []).append(udp[8:])
    return packets


def key_file(path):
    fields = dict(line.split(':', 1) for line in path.read_text().splitlines() if ':' in line and line[0] != '#')
    return {name.strip(): value.strip() for name, value in fields.items()}


class Opener:
    """Opens and verifies one channel's packets, with what the channel's members have."""

    def __init__(self, lab, channel, packets):
        self.id = smart.channel_id(channel.name)
        file = key_file(lab.directory / f'{channel.name}.key')
        self.group_key, self.key_id = bytes.fromhex(file['key']), int(file['id'])
        trusted = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key_file(lab.directory / 'signing.key.pub')['key']))
        announcements = {packet for packet in packets if packet[1] == 0x60}
        assert len(announcements) == 1, 'KEY_ANNOUNCE is repeated as identical bytes'
        announcement = announcements.pop()
        trusted.verify(announcement[-64:], announcement[:-64])
        (channel_id, sender_id, _, _, self.start_number, self.epoch, key_id) = struct.unpack_from(
            '>8sHBBQIH', announcement, 4)
        salt = announcement[44:60]
        assert (channel_id, sender_id, key_id) == (self.id, SENDER_ID, self.key_id)
        self.key, self.nonce_salt = smart.traffic_key(self.group_key, salt, self.id, SENDER_ID, self.epoch)

    def open(self, packet):
        """(full sequence, payload)"""
        assert packet[0] == smart.synch_code(self.epoch) and packet[6] & 0x20, 'sealed, in this epoch'
        heartbeat = packet[1] >> 4 == smart.HEARTBEAT
        aad = bytes([packet[0], 0x30 if heartbeat else 0, *packet[2:6], packet[6] & ~0x1E, packet[7]])
        iv = int.from_bytes(packet[8:16], 'big')
        assert iv >> 48 == heartbeat << 15 | SENDER_ID, 'IV'
        payload = smart.AESGCM(self.key).decrypt(self.nonce_salt + packet[8:16], packet[16:], aad)
        sequence = int.from_bytes(payload, 'big') if heartbeat else iv & (1 << 48) - 1
        assert sequence & 0xFFFF == int.from_bytes(packet[4:6], 'big'), 'PACKET_NUMBER'
        return sequence, payload

    def check_status(self, packet):
        """-> the message's count"""
        trailer_id, key_id = struct.unpack_from('>QH', packet, len(packet) - 32)
        assert (trailer_id, key_id) == (self.start_number, self.key_id)
        down = smart.down_key(self.group_key, self.key_id, self.id)
        assert smart.cmac(down, packet[:-16]) == packet[-16:], 'MAC of SENDER_STATUS'
        return int.from_bytes(packet[-22:-16], 'big')


def check_channel(lab, channel, packets, fed):
    opener = Opener(lab, channel, packets) if channel.cipher else None
    payloads, sequences, counts, heartbeats = [], [], [], []
    for packet in packets:
        assert int.from_bytes(packet[2:4], 'big') == len(packet), 'PACKET_SIZE'
        kind, command = packet[1] >> 6, packet[1] >> 4 & 3
        if kind == smart.DATA:
            sequence, payload = opener.open(packet) if opener else (int.from_bytes(packet[4:6], 'big'), packet[8:])
            if command == smart.HEARTBEAT:
                heartbeats.append((sequence, sequences[-1] if sequences else None))
            else:
                assert command == smart.ORIGINAL, 'nobody asked for a repair'
                assert packet[6] >> 6 == (smart.RTP if channel.format == 'rtp' else smart.MPEG_TS), 'PACKET_FORMAT'
                sequences.append(sequence)
                payloads.append(payload[12:] if channel.format == 'rtp' else payload)
        elif packet[1] == 0x61 and opener:
            counts.append(opener.check_status(packet))
    wrap = (1 << 48) if opener else (1 << 16)
    gaps = [(before, after) for before, after in zip(sequences, sequences[1:]) if (after - before) % wrap != 1]
    assert not gaps, f'{channel.name}: sequences without a gap: {gaps}'
    assert b''.join(payloads) == fed, \
        f'{channel.name}: what was sent ({sum(map(len, payloads))} bytes) is what was fed in ({len(fed)} bytes)'
    assert all(shown == before for shown, before in heartbeats if opener and before is not None), 'heartbeats'
    assert len(heartbeats) >= 4, 'heartbeats before and after the feed'
    assert not opener or len(counts) >= SECONDS and counts == sorted(set(counts)), 'counts of SENDER_STATUS rise'


def igmp_records(frames):
    """[(record type, group, [sources])] of the headend's IGMPv3 reports."""
    found = []
    for frame in frames:
        if frame[12:14] != b'\x08\x00' or frame[23] != 2 or frame[26:30] != smart.address(HEADEND_IN):
            continue
        header = (frame[14] & 15) * 4
        assert frame[22] == 1 and frame[34:38] == b'\x94\x04\0\0', 'TTL 1 and Router Alert'
        message = frame[14 + header:14 + int.from_bytes(frame[16:18], 'big')]
        assert message[0] == 0x22 and smart.checksum(message) == 0, 'a report with a good checksum'
        at = 8
        for _ in range(int.from_bytes(message[6:8], 'big')):
            kind, _, count, group = struct.unpack_from('>BBH4s', message, at)
            sources = [smart.full_address(message[at + 8 + 4 * k:at + 12 + 4 * k]) for k in range(count)]
            found.append((kind, smart.full_address(group), sources))
            at += 8 + 4 * count
    return found


def free_hugepages():
    return int(Path('/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages').read_text())


def a_headend_keeps_to_the_protocol(lab):
    free_before = free_hugepages()
    feeds = []
    for channel in CHANNELS:
        feed = lab.directory / f'{channel.name}.ts'
        write_noise(feed, SECONDS, 3_000_000, seed=channel.number)
        feeds.append((feed, channel))
    out = Capture(lab.topology.switch, 'up0', lab.directory / 'out.pcap')
    into = Capture(lab.topology.source, 'src0', lab.directory / 'in.pcap')
    headend = lab.start_headend(CHANNELS)
    time.sleep(1)
    feeder = lab.start_feed(*feeds)
    wait_until(feeder.done, SECONDS + 10, 'the feed does not end', 0.2)
    time.sleep(1.5)
    headend.stop()
    time.sleep(0.5)
    out.stop()
    into.stop()

    packets = smart_packets(out.frames())
    for feed, channel in feeds:
        check_channel(lab, channel, packets[channel.group], feed.read_bytes())
    records = igmp_records(into.frames())
    assert (4, '239.71.1.1', []) in records, f'joined from any source: {records}'
    assert (IGMP_ALLOW, '239.71.1.2', [SOURCE_ADDRESS]) in records, f'joined from its source: {records}'
    assert (IGMP_TO_INCLUDE, '239.71.1.1', []) in records, f'left: {records}'
    assert (IGMP_BLOCK, '239.71.1.2', [SOURCE_ADDRESS]) in records, f'left: {records}'
    wait_until(lambda: free_hugepages() >= free_before, 5, 'hugepages are not freed')


system.run(a_headend_keeps_to_the_protocol)
