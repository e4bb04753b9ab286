#!/usr/bin/python3
"""Ports with small and large MTUs: datagrams of every size up to the limit arrive, what is larger is counted, and so are fragments."""

import json
import os
import random
import struct
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'scripts'), str(ROOT / 'tests/vectors')]
# pylint: disable=wrong-import-position
import smart
from lab import datagrams, system
from lab.network import wait_until
from lab.programs import Headend, new_keys
from lab.topology import HEADEND_IN, SMART_PORT, SOURCE_ADDRESS, Channel, lineup

OPEN = Channel('open', 1, 'udp://239.71.1.1:5000', '239.72.1.1', 50_000_000, None, format='opaque')
SEALED = Channel('sealed', 2, 'udp://239.71.1.2:5000', '239.72.1.2', 50_000_000, 'aes-128-gcm', format='opaque')
TAKEN_BY_HEADERS = {OPEN: 36, SEALED: 60}  # of the output's MTU
IP_AND_UDP = 28
REPEATED = 4  # each size, as there is loss
SEND_RAW = '''
import socket, sys, time
sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
sender.bind((sys.argv[1], 0))
for number, line in enumerate(sys.stdin):
    sender.send(bytes.fromhex(line))
    if number % 4 == 3:
        time.sleep(0.01)
'''


def to_group(packet):
    group = packet[16:20]
    return b'\x01\0\x5e' + bytes([group[1] & 0x7F]) + group[2:] + b'\x02\0\0\0\0\x01\x08\0' + packet


def fragments(group):
    """The first, one from the middle, the last, and one that reaches beyond what IPv4 can have."""
    whole = smart.udp_packet(SOURCE_ADDRESS, group, 4000, 5000, bytes(500))
    for bits in (0x2000, 0x2010, 0x0010, 0x1FFF):
        header = bytearray(whole[:20])
        header[6:8] = struct.pack('>H', bits)
        header[10:12] = b'\0\0'
        header[10:12] = struct.pack('>H', smart.checksum(bytes(header)))
        yield to_group(bytes(header) + whole[20:])


def start_headend(lab, driver, mtu, out_mtu):
    topology = lab.topology
    cables = [(topology.source, 'src0'), (topology.headend, 'in0'), (topology.headend, 'out0'), (topology.switch, 'up0'),
              (topology.switch, 'down1'), (topology.switch, 'br0'), (topology.receivers[0], 'eth0')]
    for namespace, interface in cables:
        namespace.run('ip', 'link', 'set', interface, 'mtu', max(mtu, 1500))
    new_keys(lab.directory, {SEALED.name: SEALED.cipher})
    (lab.directory / 'state').mkdir()
    path = lab.directory / 'lineup.yaml'
    text = lineup([OPEN, SEALED], sorted(os.sched_getaffinity(0))[:2], {'mtu': mtu},
                  (f'{driver}0,iface=in0', f'{driver}1,iface=out0'))
    path.write_text(text.replace('  - name: out\n', f'  - name: out\n    mtu: {out_mtu}\n'))
    lab.headend = Headend(topology.headend, lab.directory, path)
    lab.headend.wait_ready()


def answers(lab, size):
    """Whether the input port answers a ping that is `size` bytes with its headers, unfragmented."""
    return subprocess.run(lab.topology.source.command('ping', '-c', '1', '-W', '1', '-M', 'dont', '-s', size - IP_AND_UDP, HEADEND_IN),
                          capture_output=True, check=False).returncode == 0


def carry(lab, driver, mtu, out_mtu):
    noise = random.Random(1)
    lab.topology.receivers[0].lose('eth0', 5, [OPEN.group, SEALED.group], SMART_PORT)
    receivers, fed, frames = [], {}, []
    for channel in (OPEN, SEALED):
        played = lab.directory / f'{channel.name}.played'
        lab.topology.receivers[0].start('/usr/bin/python3', datagrams.__file__, 'collect', played, 6000 + channel.number)
        wait_until(played.exists, 5, 'the collector does not begin')
        receivers.append(lab.start_receiver(channel, f'udp://127.0.0.1:{6000 + channel.number}', '--buffer-ms', '400'))
        most = out_mtu - TAKEN_BY_HEADERS[channel]
        sizes = [1, 18, 19, most // 2, *range(most - 66, most - 62), *range(most - 2, most + 3), mtu - IP_AND_UDP]
        sent = [noise.randbytes(size) for size in sizes if size <= mtu - IP_AND_UDP for _ in range(REPEATED)]
        fed[channel] = [payload for payload in sent if len(payload) <= most], len(sent)
        group = channel.source.removeprefix('udp://').split(':')[0]
        frames += [to_group(smart.udp_packet(SOURCE_ADDRESS, group, 4000, 5000, payload)) for payload in sent]
    start_headend(lab, driver, mtu, out_mtu)
    time.sleep(1)
    lab.topology.source.run('/usr/bin/python3', '-c', SEND_RAW, 'src0', stdin='\n'.join(frame.hex() for frame in frames))
    before = lab.headend.drops()
    lab.topology.source.run('/usr/bin/python3', '-c', SEND_RAW, 'src0',
                            stdin='\n'.join(frame.hex() for frame in fragments(OPEN.source[6:-5])))
    assert answers(lab, mtu), 'a ping that fills the MTU'
    time.sleep(1)
    rows, drops = lab.headend.channels(), lab.headend.drops()
    assert not any(port['missed'] for port in lab.headend.show('ports')), lab.headend.show('ports')
    for receiver in receivers:
        receiver.stop()
    for channel, (wanted, sent) in fed.items():
        row = rows[channel.name]
        assert row['packets_in'] == sent, f'{channel.name}: {json.dumps(row)}'
        assert row['dropped'].get('payload_size', 0) == sent - len(wanted), f'{channel.name}: {json.dumps(row)}'
        played = list(datagrams.read(lab.directory / f'{channel.name}.played'))
        assert played == wanted, f'{channel.name}: {len(played)} of {len(wanted)} datagrams'
    lab.headend.stop()
    return {name: count - before.get(name, 0) for name, count in drops.items()}


def jumbo_datagrams_arrive_up_to_9000_bytes(lab):
    assert carry(lab, 'net_pcap', 9000, 9000)['ip_fragment'] == 4


def an_xdp_socket_takes_frames_of_its_largest_mtu(lab):
    assert carry(lab, 'net_af_xdp', 3310, 3310)['ip_fragment'] == 4


def what_does_not_fit_a_small_output_is_counted(lab):
    carry(lab, 'net_af_packet', 1500, 576)


system.run(jumbo_datagrams_arrive_up_to_9000_bytes, an_xdp_socket_takes_frames_of_its_largest_mtu,
           what_does_not_fit_a_small_output_is_counted)
