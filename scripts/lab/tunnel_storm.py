"""What tunnels and requests for them cost a lane: part of scripts/bench control."""

import json
import re
import subprocess
import tempfile
import time
from pathlib import Path

from lab import devices, lane_bench, tunnel_asker
from lab.network import LabError, Network, stop, wait_until
from lab.programs import Headend, new_keys
from lab.topology import HEADEND_IN, HEADEND_OUT, SMART_PORT, SOURCE_ADDRESS

GROUP = '239.20.1.1'  # of the channel that is had by tunnel
FEED = ('239.10.1.1', 5000)
NETWORK = '10.72'  # of those who ask
CAP_BPS = 20_000_000
PACKETS_A_SECOND = 1_500
TUNNELS = 1_000
MOST_TUNNELS = 10_000
ASKED_A_SECOND = 1_000
PACKETS_TO_ALL = 50
PACKETS_TO_ALL_A_SECOND = 10
SETTLE_S = 1.0
XDP_IN = 'net_af_xdp0,iface=in0'
# UDP payload: byte 1 is that of TUNNEL_DATA, and the inner datagram, from byte 32 on, an original.
IS_TUNNEL_DATA = 'meta l4proto udp @th,72,8 0xc5'
IS_ORIGINAL = '@th,328,4 0'
CONTROL_CPU = 0  # of whatever is not the lane
ETHERNET_HEADER = 14

# Sends TS packets of one kind at a rate, until it is ended.
FEEDER = '''import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(sys.argv[1]))
payload = (b"G\\x01\\x00\\x10" + bytes(184)) * 7
start, number, most = time.monotonic(), 0, int(sys.argv[5])
while most == 0 or number < most:
    s.sendto(payload, (sys.argv[2], int(sys.argv[3])))
    number += 1
    time.sleep(max(0.0, start + number / float(sys.argv[4]) - time.monotonic()))
'''


def channel(source_group, port):
    return f'''
  - name: tunnelled
    number: 1000
    source: {{interface: in, address: {source_group}, port: {port}}}
    output: {{interface: out, group: {GROUP}, port: {SMART_PORT}}}
    bitrate_cap: {CAP_BPS}
    clear: true'''


def write_lineup(directory, ports, channels):
    new_keys(directory, {})
    (directory / 'state').mkdir(exist_ok=True)
    path = directory / 'lineup.yaml'
    path.write_text(f'''\
headend: {{name: bench, sender_id: 1, state: state, signing_key: signing.key, control: control.sock}}
lanes: {{main_lcore: {CONTROL_CPU}, lcores: [1]}}
tunnels: {{limit: {MOST_TUNNELS}, limit_per_address: {tunnel_asker.TUNNELS_OF_AN_ADDRESS}, rate: 400G}}
ports:{ports}
channels:{channels}
''')
    return path


def port(name, device, address):
    return f'\n  - {{name: {name}, device: "{device}", address: {address}/16}}'


class Bed:
    """A headend whose port `out` leads to a namespace `far`, from where tunnels are asked for."""

    def __init__(self, directory, network):
        self.directory = directory
        self.headend, self.far = network.namespace('headend'), network.namespace('far')
        network.veth(self.headend, 'out0', self.far, 'eth0')
        self.far.address('eth0', f'{NETWORK}.0.2/16', multicast_route=False)
        addresses = {tunnel_asker.address(NETWORK, number) for number in range(MOST_TUNNELS)}
        self.far.run('ip', '-batch', '-', stdin=''.join(f'address add {address}/16 dev eth0\n' for address in sorted(addresses)))
        self.far.feeds_dpdk('eth0')
        # What comes by tunnel is counted, and no socket is looked for.
        self.far.run('nft', '-f', '-', stdin=f'''
            table netdev bench {{
              counter tunnelled {{}}
              chain ingress {{
                type filter hook ingress device "eth0" priority 0;
                {IS_TUNNEL_DATA} {IS_ORIGINAL} counter name tunnelled drop;
                {IS_TUNNEL_DATA} drop;
                udp sport != {SMART_PORT} drop;
                ip daddr 224.0.0.0/4 drop;
              }}
            }}''')
        self.program = None

    def start(self, lineup):
        self.program = Headend(self.headend, self.directory, lineup)
        self.program.wait_ready()

    def ask(self, tunnels, a_second=ASKED_A_SECOND):
        """Begins to; returns the process, whose result is JSON."""
        return self.far.start('taskset', '-c', CONTROL_CPU, '/usr/bin/python3', tunnel_asker.__file__, HEADEND_OUT, SMART_PORT, GROUP,
                              NETWORK, tunnels, a_second, stdout=subprocess.PIPE, text=True)

    @staticmethod
    def answers(process):
        out, _ = process.communicate(timeout=60)
        if process.returncode != 0:
            raise LabError('asking for tunnels failed')
        return json.loads(out)

    def grant(self, tunnels):
        """Asks, and returns what came of it; each of them must be granted."""
        found = self.answers(self.ask(tunnels))
        if found['granted'] != tunnels:
            raise LabError(f'{tunnels} tunnels were asked for: {found}; {self.program.tunnels()["dropped"]}')
        return found

    def tunnelled(self):
        """Packets of the channel that came by tunnel, and their IP bytes."""
        listed = json.loads(self.far.run('nft', '-j', 'list', 'counter', 'netdev', 'bench', 'tunnelled'))['nftables']
        found = next(item['counter'] for item in listed if 'counter' in item)
        return found['packets'], found['bytes']

    def arrived(self):
        return devices.arrived(self.far)


class FedBed(Bed):
    """Fed from a third namespace."""

    def __init__(self, directory, network):
        super().__init__(directory, network)
        self.source = network.namespace('source')
        network.veth(self.headend, 'in0', self.source, 'src0')
        self.source.address('src0', f'{SOURCE_ADDRESS}/16')
        self.source.feeds_dpdk('src0')
        self.start(write_lineup(directory, port('in', XDP_IN, HEADEND_IN) + port('out', devices.XDP_DEVICE, HEADEND_OUT), channel(*FEED)))

    def feed(self, a_second, packets=0):
        """packets: 0: until it is ended."""
        return self.source.start('taskset', '-c', CONTROL_CPU, '/usr/bin/python3', '-c', FEEDER, SOURCE_ADDRESS, *FEED, a_second, packets)


def into_tunnels(seconds):
    """One packet to a thousand tunnels; then as many frames of that size from testpmd, by AF_XDP to the same end of a veth pair."""
    with tempfile.TemporaryDirectory(prefix='linecast-bench-') as name, Network() as network:
        bed = FedBed(Path(name), network)
        bed.grant(TUNNELS)
        feeder = bed.feed(PACKETS_A_SECOND)
        wait_until(lambda: bed.tunnelled()[0] > 10 * TUNNELS, 10, 'nothing comes by tunnel')
        found = {'control/into_1000_tunnels': devices.busiest_thread(bed.program.process, seconds, bed.arrived)}
        stop(feeder)
        packets, ip_bytes = bed.tunnelled()
        bed.program.stop()
        found['control/txonly'] = devices.testpmd(bed.headend, bed.directory, (devices.XDP_DEVICE,), 'txonly', seconds, bed.arrived,
                                                  ip_bytes // packets + ETHERNET_HEADER)
        return found


def most_tunnels():
    """So many tunnels are asked for at a rate; then each is to get every packet."""
    with tempfile.TemporaryDirectory(prefix='linecast-bench-') as name, Network() as network:
        bed = FedBed(Path(name), network)
        asked = bed.grant(MOST_TUNNELS)
        before, began = bed.tunnelled()[0], time.monotonic()
        bed.feed(PACKETS_TO_ALL_A_SECOND, PACKETS_TO_ALL).wait(60)
        wanted = PACKETS_TO_ALL * MOST_TUNNELS

        def carried():
            return bed.program.channels()['tunnelled']['tunnel_packets']
        wait_until(lambda: carried() >= wanted, 30, 'not all is sent into the tunnels')
        took_s = time.monotonic() - began
        row = bed.program.channels()['tunnelled']
        resident = int(re.search(r'VmRSS:\s+(\d+)', Path(f'/proc/{bed.program.process.pid}/status').read_text())[1])
        found = {'asked_a_second': MOST_TUNNELS / asked['asked_s'], 'arrived_share': (bed.tunnelled()[0] - before) / wanted,
                 'packets_a_second': wanted / took_s, 'behind': float(row['dropped'].get('tunnel_behind', 0)), 'resident_kib': float(resident)}
        bed.program.stop()
        return {'control/10000_tunnels': found}


def storm(seconds, pairs):
    """What a lane that is flat out does while tunnels are asked for, and while none are: [(calm, storm)]."""
    with tempfile.TemporaryDirectory(prefix='linecast-bench-') as name, Network() as network:
        directory = Path(name)
        devices.write_feed(directory / 'feed.pcap')
        bed = Bed(directory, network)
        others = devices.channel_rows(False, 'sink')
        bed.start(write_lineup(directory, port('in', devices.IN_DEVICE.format(directory=directory), HEADEND_IN)
                               + port('sink', devices.NULL_DEVICE, '10.73.0.1') + port('out', devices.XDP_DEVICE, HEADEND_OUT),
                               others + channel(*FEED)))
        rows = []
        for _ in range(pairs):
            calm = devices.busiest_thread(bed.program.process, seconds, bed.program.transmitted)
            asking = bed.ask(round(ASKED_A_SECOND * (seconds + SETTLE_S)))
            time.sleep(SETTLE_S / 2)
            stormy = devices.busiest_thread(bed.program.process, seconds, bed.program.transmitted)
            answers = bed.answers(asking)
            rows.append((calm, {**stormy, 'granted_a_second': answers['granted'] / answers['answered_s']}))
        bed.program.stop()
        return rows


def on_ports_in_memory(report):
    lane_bench.run(report, '^into_tunnels/', 3, 0.2)
    print('one packet to so many tunnels, on ports in memory, million frames a second:')
    for segments, what in ((1, 'by reference, of two segments'), (0, 'by copy')):
        found = [report.figures[f'into_tunnels/tunnels:{tunnels}/segments:{segments}']['items_per_second'] / 1e6
                 for tunnels in (1, TUNNELS, MOST_TUNNELS)]
        print(f'  {what}: ' + ', '.join(f'{tunnels:,}: {rate:.2f}' for tunnels, rate in zip((1, TUNNELS, MOST_TUNNELS), found)))
    print()


def measure(report, rounds, seconds):
    on_ports_in_memory(report)
    print(f'tunnels: one packet to {TUNNELS:,} of them beside testpmd, by AF_XDP on veth; medians of {rounds} rounds', flush=True)
    rows = {}
    for _ in range(rounds):
        for what, found in into_tunnels(seconds).items():
            rows.setdefault(what, []).append(found)
    for calm, stormy in storm(seconds, rounds):
        rows.setdefault('control/calm', []).append(calm)
        rows.setdefault('control/storm', []).append(stormy)
    for what, found in most_tunnels().items():
        rows[what] = [found]
    for what, found in rows.items():
        report.add_runs(what, found)
    figures = report.figures
    for what, text in (('control/into_1000_tunnels', 'a lane into a thousand tunnels, packets for a second of its processor time'),
                       ('control/txonly', 'testpmd txonly, frames of the same size')):
        report.check(text, figures[what]['packets_per_cpu_second'], shown='{:,.0f}')
    report.ratio('control/into_1000_tunnels', 'control/txonly', 0.6, counter='packets_per_cpu_second',
                 what='a lane into a thousand tunnels / testpmd txonly')
    print(f'\n{ASKED_A_SECOND:,} tunnels asked for a second, beside a lane that is flat out:')
    report.check('granted a second', figures['control/storm']['granted_a_second'], 0.9 * ASKED_A_SECOND, shown='{:,.0f}')
    report.ratio('control/storm', 'control/calm', 0.98, counter='packets_per_cpu_second', shown='{:.3f}',
                 what='packets of the lane meanwhile / in calm')
    print(f'\n{MOST_TUNNELS:,} tunnels of one channel:')
    most = figures['control/10000_tunnels']
    report.check('asked for, and all granted, a second', most['asked_a_second'], shown='{:,.0f}')
    report.check(f'of {PACKETS_TO_ALL} packets to each, arrived', most['arrived_share'], 1, shown='{:.2%}')
    report.check('resident memory without hugepages, MiB', most['resident_kib'] / 1024, shown='{:.0f}')


def missing():
    return devices.missing()
