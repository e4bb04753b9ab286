#!/usr/bin/python3
"""What scripts/pktgen/make writes, sent to a headend: it counts to the frame what scripts/pktgen/check expects."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'scripts'))
# pylint: disable=wrong-import-position
from lab import system
from lab.frames import LEAST_FRAME, read_capture
from lab.network import call
from lab.programs import LINECAST, Headend, new_keys

FRAMES = ROOT / 'scripts/lab/frames.py'
PKTGEN = ROOT / 'scripts/pktgen'
SECONDS, FLOOD = 1, 400
# Sources of every kind: by a VLAN, from one sender only, by unicast; and caps that are no multiples of each other.
LINEUP = '''\
headend: {{name: lab, state: state, signing_key: signing.key, control: control.sock}}
lanes: {{main_lcore: {0}, lcores: [{1}], idle_sleep_us: 50}}
eal: [--in-memory, --no-pci]
ports:
  - name: in
    device: net_af_packet0,iface=in0
    address: 10.71.0.1/24
    vlans: [{{id: 100, name: studio, address: 10.73.0.1/24, querier: {{}}}}]
  - {{name: out, device: "net_af_packet1,iface=out0", address: 10.72.0.1/24}}
channels:
  - name: news
    number: 1
    source: {{interface: studio, address: 239.71.1.1, port: 5000}}
    output: {{interface: out, group: 239.72.1.1}}
    bitrate_cap: 6M
    key: news.key
  - name: film
    number: 2
    source: {{interface: in, address: 232.71.1.2, port: 5001, ssm_source: 10.71.0.9, format: rtp}}
    output: {{interface: out, group: 239.72.1.2, port: 47200}}
    bitrate_cap: 4M
    clear: true
  - name: data
    number: 3
    source: {{interface: in, address: 10.71.0.1, port: 5002, format: opaque}}
    output: {{interface: out, group: 239.72.1.3}}
    bitrate_cap: 5M
    clear: true
  - name: off
    number: 4
    enabled: false
    source: {{interface: in, address: 239.71.1.4, port: 5003}}
    output: {{interface: out, group: 239.72.1.4}}
    bitrate_cap: 1M
    clear: true
'''


def start_headend(lab):
    (lab.directory / 'state').mkdir()
    new_keys(lab.directory, {'news': 'aes-128-gcm'})
    path = lab.directory / 'lineup.yaml'
    path.write_text(LINEUP.format(*sorted(os.sched_getaffinity(0))[:2]))
    headend = Headend(lab.topology.headend, lab.directory, path)
    headend.wait_ready()
    # Cables with the raw sockets below at their other ends, and no switch that queries and no host that reports.
    lab.topology.switch.run('ip', 'link', 'set', 'up0', 'nomaster')
    lab.topology.source.run('ip', 'address', 'flush', 'dev', 'src0')
    return headend


def make(lab, headend):
    """(directory, plan) that scripts/pktgen/make has made of the lineup."""
    directory = lab.directory / 'load'
    call([str(PKTGEN / 'make'), str(headend.lineup), str(directory), '--seconds', str(SECONDS), '--flood', str(FLOOD)])
    return directory, json.loads((directory / 'plan.json').read_text())


def check(directory, step, *more):
    done = subprocess.run([PKTGEN / 'check', directory, step, *more], capture_output=True, text=True, timeout=30,
                          check=False)
    return done.returncode, done.stdout + done.stderr


def send(lab, directory, step, plan, leave_out=0):
    """Sends the step's frames at both ports at once, but for the last `leave_out` of each."""
    at = {'in': (lab.topology.source, 'src0'), 'out': (lab.topology.switch, 'up0')}
    senders = []
    for row in plan['steps'][step]['ports']:
        if row['frames']:
            namespace, interface = at[row['name']]
            senders.append(namespace.start('/usr/bin/python3', FRAMES, 'replay', directory / f'{step}.{row["name"]}.pcap',
                                           interface, row['pps'], row['frames'] - leave_out))
    assert senders, 'every step sends something'
    for sender in senders:
        assert sender.wait(60) == 0
    time.sleep(0.5)  # for the lane to take the last ones


def free_packets(headend):
    """{pool: free} of `linecast show lanes`."""
    shown = json.loads(call([str(LINECAST), 'show', 'lanes', '--json', '--lineup', str(headend.lineup)]))
    assert all(0 < pool['free'] <= pool['packets'] for pool in shown['pools']), shown
    return {pool['name']: pool['free'] for pool in shown['pools']}


def each_step_is_counted_to_the_frame(lab):
    headend = start_headend(lab)
    free = free_packets(headend)
    assert free.keys() == {'receive0', 'receive1', 'control0', 'frames0.0'}, free
    directory, plan = make(lab, headend)
    assert list(plan['steps']) == ['ingest', 'requests', 'igmp', 'garbage']
    notes = []
    for step in plan['steps']:
        status, output = check(directory, step, '--begin')
        assert status == 0, output
        send(lab, directory, step, plan)
        status, output = check(directory, step)
        assert status == 0, f'{step}:\n{output}'
        notes.append(output.splitlines()[-1])
    after = free_packets(headend)
    assert all(free[name] - after[name] <= 64 for name in free), f'no packet is lost from its pool: {free}, {after}'
    headend.stop()
    return notes


def what_is_missing_or_too_much_is_found(lab):
    headend = start_headend(lab)
    directory, plan = make(lab, headend)
    assert check(directory, 'ingest')[0] == 1, 'nothing was noted before'
    assert check(directory, 'other', '--begin')[0] == 1, 'there is no such step'
    check(directory, 'ingest', '--begin')
    send(lab, directory, 'ingest', plan, leave_out=1)
    status, output = check(directory, 'ingest')
    wrong = [line for line in output.splitlines() if line.endswith('WRONG')]
    assert status == 1 and len(wrong) == 3 and 'packets_in' in wrong[0], output  # in, sent, and the port's
    # Drops that the step does not make: another step's garbage.
    check(directory, 'ingest', '--begin')
    send(lab, directory, 'garbage', plan)
    status, output = check(directory, 'ingest')
    assert status == 1 and any(line.startswith('lane udp_checksum ') and line.endswith('WRONG')
                               for line in output.splitlines()), output
    headend.stop()


def files_are_what_pktgen_takes(lab):
    headend = start_headend(lab)
    directory, plan = make(lab, headend)
    for step, content in plan['steps'].items():
        for row in content['ports']:
            lua = (directory / f'{step}.{row["name"]}.lua').read_text()
            assert f'frames = {row["frames"]}' in lua and f'step = "{step}"' in lua, lua
            if not row['frames']:
                assert step == 'ingest' and row['name'] == 'out', 'only there is nothing to send'
                continue
            frames = list(read_capture(directory / f'{step}.{row["name"]}.pcap'))
            assert row['frames'] % len(frames) == 0, 'whole rounds'
            assert all(LEAST_FRAME <= len(frame) <= 1518 for frame in frames)
            assert 'enable 0 pcap' in (directory / f'{step}.{row["name"]}.pkt').read_text()
    feeds = list(read_capture(directory / 'ingest.in.pcap'))
    tagged = [frame for frame in feeds if frame[12:16] == b'\x81\x00\x00\x64']
    assert {frame[:6].hex() for frame in tagged} == {'01005e470101'}, 'the group by its VLAN'
    assert {frame[:6].hex() for frame in feeds if frame not in tagged} \
        == {'01005e470102', headend.show('ports')[0]['mac'].replace(':', '')}, 'a group, and the unicast feed'
    assert all(len(frame) == (18 if frame in tagged else 14) + 28 + 1316 + (12 if frame[3:6] == b'\x47\x01\x02' else 0)
               for frame in feeds)
    counters = [frame[46 + 188 * k + 3] & 15 for frame in tagged for k in range(7)]
    assert counters == [number % 16 for number in range(len(counters))] and len(counters) % 16 == 0, 'seamless'
    headend.stop()


system.run(each_step_is_counted_to_the_frame, what_is_missing_or_too_much_is_found, files_are_what_pktgen_takes)
