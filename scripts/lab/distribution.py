"""A distribution network whole: a headend, routers of FRR's, two repeaters in a chain, and six receivers that get the channel in
different ways, or not all the time. Every link loses packets.

    headend out0 -- near ------ far -- cable1 -- in0 repeater1 out0 -- switch1 -- cable2 -- in0 repeater2 out0 -- switch2
    10.72.0.1       PIM         PIM              10.79.0.50 10.73.0.1    |  `-- late        10.73.0.50 10.74.0.1   |  |
                                 | \\____ unicast only _________________/                                          |  native, cut, killed
                                 |  \\_______________________________________________________________________________/
                                 hub 10.76.0.0/24, without multicast: tunnelled; nat, and behind that home

What each hop sends it sends to the same group, so that whichever of them is asked for a tunnel carries it.
"""

import hashlib
import json
import time
from dataclasses import dataclass, field
from pathlib import Path

from lab.media import sha256
from lab.network import Network, wait_until
from lab.programs import Receiver
from lab.repeaters import hop_address, launch_repeater, subnet
from lab.routers import Router
from lab.topology import HEADEND_OUT, SMART_PORT, Topology

ROUTER_OUT, NEAR, FAR = '10.72.0.254', '10.78.0.1', '10.78.0.2'
REPEATER1_IN, FAR_TO_REPEATER1 = '10.79.0.50', '10.79.0.1'
REPEATER2_IN = '10.73.0.50'
REMOTE = '10.76.0'
IS_REQUEST = f'udp dport {SMART_PORT} @th,72,8 0x81'  # REPLACEMENT
IS_TUNNELLED = f'udp sport {SMART_PORT} @th,72,8 0xc5'  # TUNNEL_DATA
SECONDS = 30  # of feed at least: to climb, come back, and be seen to stay
LATE, KILLED, CUT, RESTORED = 0.1, 0.3, 0.32, 0.5  # when what happens, as a share of the feed
BUFFER_MS = 3000
TUNNELS = '\ntunnels: {limit: 20, rate: 100M}\n'


@dataclass
class Watcher:
    """A receiver, and what of the feed it should have played."""
    name: str
    what: str
    namespace: object
    hop: int  # whose group it joins: 0 of the headend, 1 and 2 of the repeaters
    expected: str = 'all'  # or 'tail', from when it came; 'head', until it was killed
    tunnels: list = field(default_factory=list)
    program: Receiver | None = None
    file: Path | None = None

    @property
    def receiver_id(self):
        return f'{int.from_bytes(self.name.encode()[:8], "big"):016x}'

    def start(self, lab, channel):
        self.file = lab.directory / f'{self.name}.ts'
        self.program = Receiver(self.namespace, self.name, lab.directory, '--channel', channel.name, '--group',
                                f'{channel.group}:{SMART_PORT}', '--source', hop_address(self.hop), '--interface', 'eth0',
                                '--key', lab.directory / f'{channel.name}.key', '--trust', lab.directory / 'signing.key.pub',
                                '--buffer-ms', BUFFER_MS, '--receiver-id', self.receiver_id, *self.tunnels, '--out', self.file)

    def level(self):
        self.program.check_running()
        return next(iter(self.program.channels().values()), {'level': None})['level']

    def ways(self):
        """How it was reached while it played, one after the other."""
        ways = []
        for line in self.program.output.read_text().splitlines(keepends=True):
            statistics = json.loads(line) if line.endswith('\n') else {'played_bytes': 0}
            if statistics['played_bytes'] == 0:
                continue
            way = statistics.get('way', 'native multicast')
            short = 'native' if way == 'native multicast' else 'origin tunnel' if HEADEND_OUT in way else 'repeater tunnel'
            ways += [short] if ways[-1:] != [short] else []
        return ways


class Distribution(Topology):
    """receivers: six, named as in the drawing."""

    def connect_output(self, network):
        native, cut, late, killed, tunnelled, home = self.receivers
        self.near, self.far, self.hub, self.nat = map(network.namespace, ('near', 'far', 'hub', 'nat'))
        self.repeaters = [network.namespace(f'repeater{number}') for number in (1, 2)]
        self.cables = [network.namespace(f'cable{number}') for number in (1, 2)]
        self.switches = {hop: network.namespace(f'switch{hop}') for hop in (1, 2)}

        network.veth(self.headend, 'out0', self.near, 'toheadend')
        self.near.feeds_dpdk('toheadend')
        network.veth(self.near, 'tofar', self.far, 'tonear')
        network.veth(self.far, 'torepeater', self.cables[0], 'above')
        self._connect_cable(network, 0)
        for hop, watchers in ((1, {'late': late}), (2, {'native': native, 'cut': cut, 'killed': killed})):
            self._connect_switch(network, hop, watchers)
        network.veth(self.switches[1], 'repeater', self.cables[1], 'above')
        self._connect_cable(network, 1)
        network.bridge(self.switches[1], 'br0', ['up0', 'unicast', 'late', 'repeater'])
        network.bridge(self.switches[2], 'br0', ['up0', 'unicast', 'native', 'cut', 'killed'])
        self.switches[2].isolate('up0')

        for namespace, interface in ((self.far, 'tohub'), (tunnelled, 'eth0'), (self.nat, 'wan')):
            network.veth(self.hub, namespace.name, namespace, interface)
        network.hub(self.hub, 'br0', [self.far.name, tunnelled.name, self.nat.name])
        network.veth(self.nat, 'lan', home, 'eth0')
        self._give_addresses(cut, tunnelled, home)

    def _connect_cable(self, network, number):
        cable = self.cables[number]
        network.veth(cable, 'below', self.repeaters[number], 'in0')
        cable.feeds_dpdk('below')
        network.hub(cable, 'br0', ['above', 'below'])

    def _connect_switch(self, network, hop, watchers):
        switch = self.switches[hop]
        network.veth(self.repeaters[hop - 1], 'out0', switch, 'up0')
        switch.feeds_dpdk('up0')
        network.veth(self.far, f'toswitch{hop}', switch, 'unicast')
        for number, (name, watcher) in enumerate(watchers.items(), 11):
            network.veth(switch, name, watcher, 'eth0')
            watcher.address('eth0', f'{subnet(hop)}.{number}/24')

    def _give_addresses(self, cut, tunnelled, home):
        for namespace, addresses, routes in (
                (self.near, {'toheadend': f'{ROUTER_OUT}/24', 'tofar': f'{NEAR}/24'},
                 {f'{network}.0/24': FAR for network in (subnet(1), subnet(2), REMOTE, '10.79.0')}),
                (self.far, {'tonear': f'{FAR}/24', 'torepeater': f'{FAR_TO_REPEATER1}/24', 'tohub': f'{REMOTE}.1/24',
                            'toswitch1': f'{subnet(1)}.254/24', 'toswitch2': f'{subnet(2)}.254/24'}, {'10.72.0.0/24': NEAR}),
                (tunnelled, {'eth0': f'{REMOTE}.11/24'}, {'default': f'{REMOTE}.1'}),
                (self.nat, {'wan': f'{REMOTE}.12/24', 'lan': '192.168.7.1/24'}, {'default': f'{REMOTE}.1'}),
                (home, {'eth0': '192.168.7.2/24'}, {'default': '192.168.7.1'}),
                (cut, {}, {'default': f'{subnet(2)}.254'})):
            for interface, address in addresses.items():
                namespace.address(interface, address, multicast_route=interface == 'eth0')
            for destination, gateway in routes.items():
                namespace.run('ip', 'route', 'add', destination, 'via', gateway)
        self.nat.run('sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward')
        self.nat.run('nft', '-f', '-', stdin='''table ip nat { chain out {
            type nat hook postrouting priority 100; oifname "wan" masquerade random; }; }''')

    def lose(self, percent, group):
        """On every link, of what goes down it and of the requests that go up."""
        native, cut, late, killed, tunnelled, home = self.receivers
        for namespace, interface in ((self.near, 'toheadend'), (self.far, 'tonear'), (self.cables[0], 'above'),
                                     (self.switches[1], 'up0'), (self.cables[1], 'above'), (self.switches[2], 'up0'),
                                     *((watcher, 'eth0') for watcher in (native, cut, late, killed))):
            namespace.lose(interface, percent, [group], SMART_PORT)
        for namespace, interface in ((self.far, 'tonear'), (tunnelled, 'eth0'), (self.nat, 'wan'), (home, 'eth0'), (cut, 'eth0'),
                                     (self.far, 'toswitch2')):
            namespace.lose_matching(interface, percent, IS_TUNNELLED)
        for namespace, interface in ((self.near, 'tofar'), (self.far, 'torepeater'), (self.far, 'tohub'), (self.cables[0], 'below'),
                                     (self.cables[1], 'below'), (self.switches[1], 'late'), (self.switches[2], 'native'),
                                     (self.switches[2], 'cut'), (self.switches[2], 'killed')):
            namespace.lose_matching(interface, percent, IS_REQUEST)


class Broadcast:
    """One channel through a Distribution, from a file, and what becomes of it at each receiver."""

    def __init__(self, lab, channel, fed):
        """lab: of lab.system, with a Distribution."""
        self.lab, self.channel, self.fed = lab, channel, fed
        native, cut, late, killed, tunnelled, home = lab.topology.receivers
        from_origin = ['--origin', HEADEND_OUT]
        self.watchers = {watcher.name: watcher for watcher in (
            Watcher('native', 'native multicast, behind both repeaters', native, 2),
            Watcher('cut', 'native, is cut and restored', cut, 2, tunnels=from_origin),
            Watcher('late', 'native, joins late', late, 1, 'tail'),
            Watcher('killed', 'native, is killed', killed, 2, 'head'),
            Watcher('tunnel', 'where there is no multicast', tunnelled, 2, tunnels=from_origin),
            Watcher('nat', 'likewise, behind NAT', home, 2, tunnels=from_origin))}
        self.hops = []

    def start(self, loss_percent):
        """Everything but who joins late, until all get the stream."""
        lab, topology, channel = self.lab, self.lab.topology, self.channel
        topology.lose(loss_percent, channel.group)
        Router(topology.near, lab.directory, {'toheadend': None, 'tofar': None})
        Router(topology.far, lab.directory, {'tonear': None, 'torepeater': 3})
        headend = lab.start_headend([channel], gateway=ROUTER_OUT,
                                    sections=TUNNELS + f'usage: {{repeaters: [{REPEATER1_IN}]}}\n')
        first = self._start_repeater(1, {'address': f'{REPEATER1_IN}/24', 'gateway': FAR_TO_REPEATER1}, HEADEND_OUT,
                                     f'usage: {{repeaters: [{REPEATER2_IN}]}}\n')
        second = self._start_repeater(2, {'address': f'{REPEATER2_IN}/24'}, hop_address(1))
        self.hops = [headend, first, second]
        for watcher in self.watchers.values():
            if watcher.name != 'late':
                watcher.start(lab, channel)
        for number, repeater in enumerate((first, second), 1):
            wait_until(lambda repeater=repeater, number=number: repeater.channels()[channel.name]['hops'] == number, 15,
                       f'{repeater.name} does not hear the hop above it')
        for name in ('tunnel', 'nat'):
            wait_until(lambda name=name: self.watchers[name].level() == 1, 20, f'{name} gets no tunnel', 0.2)

    def _start_repeater(self, number, in_port, above, sections=''):
        channel = self.channel
        return launch_repeater(
            self.lab, number, self.lab.topology.repeaters[number - 1], in_port,
            {'address': f'{hop_address(number)}/24', 'gateway': f'{subnet(number)}.254'}, f'''
  - name: {channel.name}
    number: {channel.number}
    upstream: {{interface: in, address: {above}, group: {channel.group}, port: {SMART_PORT}}}
    output: {{interface: out, group: {channel.group}, port: {SMART_PORT}}}
    bitrate_cap: {channel.cap_bps}
    key: {channel.name}.key
''', sections)

    def run(self, seconds, show=lambda seconds: None, steps=()):
        """Feeds it live, with what happens meanwhile, until all have played it; calls show() now and then, and each of the further
        steps, (share of the feed, function), once."""
        left = sorted([*steps, (LATE, lambda: self.watchers['late'].start(self.lab, self.channel)), (KILLED, self._kill),
                       (CUT, lambda: self._cut(True)), (RESTORED, lambda: self._cut(False))], key=lambda step: step[0])
        feeder = self.lab.start_feed((self.fed, self.channel))
        begun = time.monotonic()
        while not feeder.done():
            now = time.monotonic() - begun
            while left and now >= left[0][0] * seconds:
                left.pop(0)[1]()
            show(now)
            time.sleep(0.2)
        wait_until(lambda: self.watchers['cut'].level() == 0, 30, 'who was cut does not come back to native multicast', 0.2)
        time.sleep(BUFFER_MS / 1000 + 1)
        for watcher in self.watchers.values():
            if watcher.expected != 'head':
                watcher.program.stop()

    def _cut(self, cut):
        self.lab.topology.switches[2].isolate('cut', cut)

    def _kill(self):
        self.watchers['killed'].program.process.kill()
        self.watchers['killed'].program.process.wait()

    def lost_on_links(self):
        """{interface: originals lost} of those that carry multicast."""
        topology = self.lab.topology
        places = {'near': topology.near, 'far': topology.far,
                  **{space.name: space for space in (*topology.cables, *topology.switches.values(), *topology.receivers[:4])}}
        return {name: space.losses()[self.channel.group]['lost_original'] for name, space in places.items()}

    def stop_hops(self):
        for hop in reversed(self.hops):
            hop.stop()

    def rows(self):
        """Of each receiver how it was reached, and whether all that it should have played is what was fed, bit for bit."""
        fed, rows = self.fed.read_bytes(), []
        for watcher in self.watchers.values():
            played = watcher.file.stat().st_size
            begin = {'all': 0, 'head': 0, 'tail': len(fed) - played}[watcher.expected]
            end = played if watcher.expected == 'head' else len(fed)
            statistics = watcher.program.channels()[self.channel.name]
            digest, wanted = sha256(watcher.file), hashlib.sha256(fed[max(begin, 0):end]).hexdigest()
            rows.append({'receiver': watcher.name, 'what': watcher.what, 'receiver_id': watcher.receiver_id,
                         'reached': watcher.ways(), 'expected': watcher.expected, 'fed_bytes': end - begin, 'played_bytes': played,
                         'sha256': digest, 'sha256_match': played > 0 and begin >= 0 and digest == wanted,
                         **{name: statistics[name] for name in ('lost', 'repaired', 'unrecovered')}, 'statistics': statistics})
        return rows
