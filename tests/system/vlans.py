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
# One group on two VLANs, one of the same MAC address on a third, and a unicast feed beside.
SHARED = '''\
headend: {{name: lab, state: state, control: control.sock}}
lanes: {{main_lcore: {0}, lcores: [{1}], idle_sleep_us: 50}}
ports:
  - name: in
    device: "net_pcap0,iface=in0"
    vlans: [{{id: 100, address: 10.71.0.1/24}}, {{id: 101, address: 10.81.0.1/24}}, {{id: 4094, address: 10.91.0.1/24}}]
  - name: out
    device: "net_pcap1,iface=out0"
    address: 10.72.0.1/24
    vlans: [{{id: 200, address: 10.73.0.1/24}}]
channels:
'''
SHARING = {'here': (100, '239.71.1.1', 'out', '239.72.1.1'), 'there': (101, '239.71.1.1', 'out.200', '239.72.1.1'),
           'alike': (4094, '239.199.1.1', 'out', '239.200.1.1'), 'single': (101, '10.81.0.1', 'out.200', '239.72.1.5')}
SERVICE_TAG = 0x88A8
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


def query_v2(vlan):
    message = bytes.fromhex('1164ee9b00000000')  # to be answered within 10 s
    header = bytearray(bytes.fromhex('46c000200000000001020000') + smart.address('10.71.0.9') + smart.address('224.0.0.1')
                       + bytes.fromhex('94040000'))
    header[10:12] = struct.pack('>H', smart.checksum(bytes(header)))
    return tagged(bytes(header) + message, vlan, destination=b'\x01\0\x5e\0\0\x01')


def vlans_with_the_same_groups_get_nothing_of_each_other(lab):
    path = lab.directory / 'lineup.yaml'
    path.write_text(SHARED.format(*sorted(os.sched_getaffinity(0))[:2]) + ''.join(
        f'  - {{name: {name}, number: {number}, source: {{interface: in.{vlan}, address: {address}, port: 5000}}, '
        f'output: {{interface: {out}, group: {group}}}, bitrate_cap: 20M, clear: true}}\n'
        for number, (name, (vlan, address, out, group)) in enumerate(SHARING.items(), 1)))
    (lab.directory / 'state').mkdir()
    headend = Headend(lab.topology.headend, lab.directory, path)
    headend.wait_ready()
    mac = bytes.fromhex(headend.show('ports')[0]['mac'].replace(':', ''))
    good, foreign, stacked = [], [], []
    for vlan, address, _, _ in SHARING.values():
        destination = mac if address.startswith('10.') else b'\x01\0\x5e\x47\x01\x01'
        packet = smart.udp_packet('10.71.0.2', address, 4000, 5000, b'\x47' + bytes(187))
        good += [tagged(packet, priority << 13 | vlan, destination=destination) for priority in range(8)]
        takers = {at for at, of, _, _ in SHARING.values() if of == address}
        foreign += [tagged(packet, other, destination=destination)
                    for other in {0, 1, 99, 100, 101, 200, 4093, 4094, 4095} - takers]
        foreign.append(tagged(packet, destination=destination))  # untagged: the port has VLANs only
        stacked += [tagged(packet, *tags, destination=destination) for tags in ((vlan, vlan), (0, vlan), (vlan, 0))]
        one = tagged(packet, vlan, destination=destination)
        stacked.append(one[:12] + struct.pack('>H', SERVICE_TAG) + one[14:])
    arp = bytes.fromhex('0001080006040001') + b'\x02\0\0\0\0\x01' + smart.address('10.81.0.9') + bytes(6) + smart.address('10.81.0.1')
    asks = [tagged(arp, vlan, destination=b'\xff' * 6, ether_type=0x0806) for vlan in (100, 4094, 101)]
    into = Capture(lab.topology.source, 'src0', lab.directory / 'src0.pcap')
    lab.topology.source.run('/usr/bin/python3', '-c', SEND_RAW, 'src0',
                            stdin='\n'.join(frame.hex() for frame in [*foreign, *stacked, *asks, query_v2(100), *good]))
    time.sleep(0.5)
    rows, drops, versions = headend.channels(), headend.drops(), {row['name']: row['version'] for row in headend.show('igmp')}
    headend.stop()
    into.stop()
    assert {name: row['packets_in'] for name, row in rows.items()} == dict.fromkeys(SHARING, 8), rows
    assert drops['vlan_unexpected'] + drops['no_flow'] == len(foreign) and drops['vlan_stacked'] == len(stacked), drops
    assert versions == {'in.100': 2, 'in.101': 3, 'in.4094': 3, 'out': 3, 'out.200': 3}, versions
    answers = [frame for frame in into.frames() if frame[16:18] == b'\x08\x06' and frame[24:26] == b'\0\x02']
    assert [frame[14:16] for frame in answers] == [struct.pack('>H', 6 << 13 | 101)], 'ARP answered on the VLAN that has the address'


system.run(a_feed_crosses_from_vlan_to_vlan, vlans_with_the_same_groups_get_nothing_of_each_other)
