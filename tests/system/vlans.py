#!/usr/bin/python3
"""A headend on VLANs: a feed comes in with one tag and goes out with another; frames of other VLANs are counted."""

import json
import os
import struct
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'scripts'), str(ROOT / 'tests/vectors')]
# pylint: disable=wrong-import-position
import smart
from lab import system
from lab.capture import Capture
from lab.network import call
from lab.programs import LINECAST, Headend
from lab.topology import SMART_PORT

GROUP, OUT_GROUP = '239.71.1.1', '239.72.1.1'
PACKETS = 400
LINEUP = '''\
headend: {{name: lab, state: state, control: control.sock}}
lanes: {{main_lcore: {0}, lcores: [{1}], idle_sleep_us: 50}}
eal: [--in-memory, --no-pci]
ports:
  - name: in
    device: net_af_packet0,iface=in0
    vlans: [{{id: 100, address: 10.71.0.1/24}}]
  - name: out
    device: net_af_packet1,iface=out0
    address: 10.72.0.1/24
    vlans: [{{id: 200, name: studio, address: 10.73.0.1/24}}]
channels:
  - name: news
    number: 1
    source: {{interface: in.100, address: {2}, port: 5000}}
    output: {{interface: studio, group: {3}, dscp: CS4}}
    bitrate_cap: 20M
    clear: true
'''
SEND_RAW = '''
import socket, sys, time
sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
sender.bind((sys.argv[1], 0))
for number, line in enumerate(sys.stdin):
    sender.send(bytes.fromhex(line))
    if number % 8 == 7:
        time.sleep(0.01)
'''


def tagged(packet, *tags, destination=b'\x01\x00\x5e\x47\x01\x01', ether_type=0x0800):
    tag_bytes = b''.join(struct.pack('>HH', 0x8100, tag) for tag in tags)
    return destination + b'\x02\0\0\0\0\x01' + tag_bytes + struct.pack('>H', ether_type) + packet


def a_feed_crosses_from_vlan_to_vlan(lab):
    main_lcore, lane = sorted(os.sched_getaffinity(0))[:2]
    path = lab.directory / 'lineup.yaml'
    path.write_text(LINEUP.format(main_lcore, lane, GROUP, OUT_GROUP))
    (lab.directory / 'state').mkdir()
    # The bridge must let tagged frames through to where they are captured: straight at the headend's cable.
    out = Capture(lab.topology.switch, 'up0', lab.directory / 'out.pcap')
    into = Capture(lab.topology.source, 'src0', lab.directory / 'in.pcap')
    headend = Headend(lab.topology.headend, lab.directory, path)
    headend.wait_ready()
    payloads = [b'\x47' + struct.pack('>I', number) + bytes(183) for number in range(PACKETS)]
    good = [tagged(smart.udp_packet('10.71.0.2', GROUP, 4000, 5000, payload), 100) for payload in payloads]
    wrong = smart.udp_packet('10.71.0.2', GROUP, 4000, 5000, b'\x47' + bytes(187))
    arp = bytes.fromhex('0001080006040001') + b'\x02\0\0\0\0\x01' + smart.address('10.71.0.2') + bytes(6) \
        + smart.address('10.71.0.1')
    lab.topology.source.run('/usr/bin/python3', '-c', SEND_RAW, 'src0', stdin='\n'.join(frame.hex() for frame in [
        tagged(wrong, 101), tagged(wrong), tagged(wrong, 5 << 13 | 101), tagged(wrong, 100, 7),
        tagged(arp, 100, destination=b'\xff' * 6, ether_type=0x0806), *good]))
    time.sleep(1)
    lanes = json.loads(call([str(LINECAST), 'show', 'lanes', '--json', '--lineup', str(path)]))['lanes'][0]['dropped']
    ports = json.loads(call([str(LINECAST), 'show', 'ports', '--json', '--lineup', str(path)]))
    headend.stop()
    time.sleep(0.3)
    out.stop()
    into.stop()

    sent = []
    for frame in out.frames():
        if frame[12:14] == b'\x81\x00' and frame[16:18] == b'\x08\x00' and frame[34:38] == smart.address(OUT_GROUP):
            assert frame[14:16] == struct.pack('>H', 4 << 13 | 200), f'priority 4 and VLAN 200: {frame[14:16].hex()}'
            assert smart.checksum(frame[18:38]) == 0, 'IPv4 checksum'
            datagram = frame[46:18 + int.from_bytes(frame[20:22], 'big')]
            if datagram[1] >> 4 == 0:  # data, original
                assert int.from_bytes(frame[40:42], 'big') == SMART_PORT
                sent.append(datagram[8:])
        else:
            assert frame[34:38] != smart.address(OUT_GROUP) and frame[30:34] != smart.address(OUT_GROUP), 'tagged, or not sent'
    assert sent == payloads, f'{len(sent)} of {len(payloads)} datagrams, in order'
    assert lanes.get('vlan_unexpected', 0) >= 3 and lanes.get('vlan_stacked', 0) >= 1, f'counted by name: {lanes}'
    answers = [frame for frame in into.frames()
               if frame[12:14] == b'\x81\x00' and frame[16:18] == b'\x08\x06' and frame[24:26] == b'\0\x02']
    assert len(answers) == 1 and answers[0][14:16] == struct.pack('>H', 6 << 13 | 100), 'ARP answered on its VLAN'
    names = [(interface['name'], interface['vlan']) for interface in ports['interfaces']]
    assert names == [('in.100', 100), ('out', None), ('studio', 200)], names
    joins = [frame for frame in into.frames() if frame[12:18] == b'\x81\x00' + struct.pack('>H', 6 << 13 | 100) + b'\x08\x00'
             and frame[27] == 2]
    assert joins, 'IGMP reports on the VLAN'


system.run(a_feed_crosses_from_vlan_to_vlan)
