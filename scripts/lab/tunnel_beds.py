"""A headend, or a repeater behind one, and who asks it for tunnels: for scripts/bench control."""

import json
import subprocess

from lab import devices, tunnel_asker
from lab.network import LabError, wait_until
from lab.programs import Headend, Repeater, new_keys
from lab.topology import HEADEND_IN, HEADEND_OUT, SMART_PORT, SOURCE_ADDRESS

GROUP = '239.20.1.1'  # of the channel that is had by tunnel
FEED = ('239.10.1.1', 5000)
NETWORK = '10.72'  # of those who ask
CAP_BPS = 20_000_000
MOST_TUNNELS = 10_000
ASKED_A_SECOND = 1_000
XDP_IN = 'net_af_xdp0,iface=in0'
# UDP payload: byte 1 is that of TUNNEL_DATA, and the inner datagram, from byte 32 on, an original.
IS_TUNNEL_DATA = 'meta l4proto udp @th,72,8 0xc5'
IS_ORIGINAL = '@th,328,4 0'
CONTROL_CPU = 0  # of whatever is not the lane
# Between a headend and a repeater behind it.
ORIGIN_GROUP = '239.21.1.1'
ORIGIN_OUT, REPEATER_IN = '10.74.0.1', '10.74.0.50'

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


HEADEND = 'headend: {name: bench, sender_id: 1, state: state, signing_key: signing.key, control: control.sock}'
REPEATER = 'repeater: {name: repeater, state: repeater_state, trust: [signing.key.pub], control: repeater.sock}'
GRANTS = f'tunnels: {{limit: {MOST_TUNNELS}, limit_per_address: {tunnel_asker.TUNNELS_OF_AN_ADDRESS}, rate: 400G}}'


def port(name, device, address):
    return f'\n  - {{name: {name}, device: "{device}", address: {address}/16}}'


def channel(source, group=GROUP, more=''):
    """source: its keys, as YAML."""
    return f'''
  - name: tunnelled
    number: 1000
    {source}
    output: {{interface: out, group: {group}, port: {SMART_PORT}}}
    bitrate_cap: {CAP_BPS}
    clear: true
    {more}'''


def from_feed(address, udp_port):
    return f'source: {{interface: in, address: {address}, port: {udp_port}}}'


def write_lineup(path, role, ports, channels, more='', lanes='lcores: [1]'):
    """more: of its sections, as YAML."""
    directory = path.parent
    new_keys(directory, {})
    for state in ('state', 'repeater_state'):
        (directory / state).mkdir(exist_ok=True)
    path.write_text(f'''\
{role}
lanes: {{main_lcore: {CONTROL_CPU}, {lanes}}}
ports:{ports}
channels:{channels}
{more}
''')
    return path


class Bed:
    """A hop whose port `out` leads to a namespace `far`, from where tunnels are asked for."""

    def __init__(self, directory, network):
        self.directory = directory
        self.hop, self.far = network.namespace('hop'), network.namespace('far')
        network.veth(self.hop, 'out0', self.far, 'eth0')
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
        self.program = Headend(self.hop, self.directory, lineup)
        self.program.wait_ready()

    def stop(self):
        self.program.stop()

    def ask(self, tunnels, a_second=ASKED_A_SECOND):
        """Begins to; returns the process, whose result is JSON."""
        return self.run_far(tunnel_asker.__file__, HEADEND_OUT, SMART_PORT, GROUP, NETWORK, tunnels, a_second)

    def run_far(self, script, *arguments, realtime=False):
        """A script of this directory, whose output is JSON for answers(). realtime: before all else that shares its processor."""
        priority = ('chrt', '--fifo', 10) if realtime else ()
        return self.far.start(*priority, 'taskset', '-c', CONTROL_CPU, '/usr/bin/python3', script, *arguments, stdout=subprocess.PIPE,
                              text=True)

    @staticmethod
    def answers(process):
        out, _ = process.communicate(timeout=60)
        if process.returncode != 0:
            raise LabError('asking the hop failed')
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
    """A headend, fed from a third namespace."""

    def __init__(self, directory, network, more=''):
        """more: of the channel, as YAML."""
        super().__init__(directory, network)
        self.source = network.namespace('source')
        self.connect_feed(network, self.hop)
        self.begin(more)

    def connect_feed(self, network, headend):
        network.veth(headend, 'in0', self.source, 'src0')
        self.source.address('src0', f'{SOURCE_ADDRESS}/16')
        self.source.feeds_dpdk('src0')

    def begin(self, more):
        self.start(write_lineup(self.directory / 'lineup.yaml', HEADEND,
                                port('in', XDP_IN, HEADEND_IN) + port('out', devices.XDP_DEVICE, HEADEND_OUT),
                                channel(from_feed(*FEED), more=more), GRANTS))

    def feed(self, a_second, packets=0):
        """packets: 0: until it is ended."""
        return self.source.start('taskset', '-c', CONTROL_CPU, '/usr/bin/python3', '-c', FEEDER, SOURCE_ADDRESS, *FEED, a_second, packets)


class RepeaterBed(FedBed):
    """A repeater behind a headend, which is fed. The headend's lane sleeps when it is idle: the repeater's is the one that counts."""

    def __init__(self, directory, network):
        self.origin_hop, self.origin = network.namespace('origin'), None
        super().__init__(directory, network)

    def connect_feed(self, network, headend):
        super().connect_feed(network, self.origin_hop)
        network.veth(self.origin_hop, 'out0', headend, 'in0')

    def begin(self, more):
        lineup = write_lineup(self.directory / 'origin.yaml', HEADEND,
                              port('in', XDP_IN, HEADEND_IN) + port('out', devices.XDP_DEVICE, ORIGIN_OUT),
                              channel(from_feed(*FEED), ORIGIN_GROUP), lanes='lcores: [1], idle_sleep_us: 50')
        self.origin = Headend(self.origin_hop, self.directory, lineup, name='origin')
        self.origin.wait_ready()
        upstream = f'upstream: {{interface: in, address: {ORIGIN_OUT}, group: {ORIGIN_GROUP}, port: {SMART_PORT}}}'
        self.program = Repeater(self.hop, 'repeater', self.directory,
                                write_lineup(self.directory / 'repeater.yaml', REPEATER,
                                             port('in', XDP_IN, REPEATER_IN) + port('out', devices.XDP_DEVICE, HEADEND_OUT),
                                             channel(upstream, more=more), GRANTS))
        self.program.wait_ready()
        wait_until(lambda: self.program.channels()['tunnelled']['hops'] is not None, 10, 'the repeater hears nothing of the headend')

    def stop(self):
        super().stop()
        self.origin.stop()
