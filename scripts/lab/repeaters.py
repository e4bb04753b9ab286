"""A chain of repeaters behind the headend of lab.topology, a switch with receivers behind each hop:

    headend out0 --- switch --- cable1 --- in0 repeater1 out0 --- switch1 --- cable2 --- in0 repeater2 out0 --- switch2
                     |  |  |                                       |  |  |                                       |  |  |
                     receivers (10.72.0.11, ...)                   receivers (10.73.0.11, ...)                   (10.74.0.11, ...)

The cables are where what a repeater gets can be lost and counted: a DPDK port's own interface shows nothing of it.
"""

import json
import os

from lab.network import call
from lab.programs import LINECAST, Receiver, Repeater
from lab.topology import HEADEND_OUT, SMART_PORT, Topology


def subnet(hop):
    """Of what the headend (0) or a repeater (1, 2) sends to."""
    return f'10.{72 + hop}.0'


def hop_address(hop):
    return HEADEND_OUT if hop == 0 else f'{subnet(hop)}.1'


def group_of(channel, hop):
    """The group that a hop sends a channel to: each has its own."""
    first, _, rest = channel.group.partition('.72.')
    return f'{first}.{72 + hop}.{rest}'


def repeater_address(hop):
    """That its reports to the hop above come from."""
    return f'{subnet(hop - 1)}.50'


class RepeaterChain(Topology):
    REPEATERS = 2

    def __init__(self, network, receivers):
        """receivers: behind each hop."""
        self.network = network
        self.repeaters = [network.namespace(f'repeater{number}') for number in range(1, self.REPEATERS + 1)]
        self.cables = [network.namespace(f'cable{number}') for number in range(1, self.REPEATERS + 1)]
        self.switches = []
        self.behind = []  # by hop, the receivers' namespaces
        super().__init__(network, receivers)

    def connect_output(self, network):
        count = len(self.receivers)
        self.switches = [self.switch, *(network.namespace(f'switch{number}') for number in range(1, self.REPEATERS + 1))]
        self.behind = [self.receivers, *([network.namespace(f'receiver{number}behind{hop}') for number in range(1, count + 1)]
                                         for hop in range(1, self.REPEATERS + 1))]
        for hop, switch in enumerate(self.switches):
            network.veth(self.headend if hop == 0 else self.repeaters[hop - 1], 'out0', switch, 'up0')
            switch.feeds_dpdk('up0')
            ports = ['up0']
            for number, receiver in enumerate(self.behind[hop], 1):
                network.veth(switch, f'down{number}', receiver, 'eth0')
                receiver.address('eth0', f'{subnet(hop)}.{10 + number}/24')
                ports.append(f'down{number}')
            if hop < self.REPEATERS:
                cable = self.cables[hop]
                network.veth(switch, 'repeater', cable, 'above')
                network.veth(cable, 'below', self.repeaters[hop], 'in0')
                cable.feeds_dpdk('below')
                network.hub(cable, 'br0', ['above', 'below'])
                ports.append('repeater')
            network.bridge(switch, 'br0', ports)


def channel_lineup(channel, hop, above, without_key, tunnel_from, tunnel):
    key = 'clear: true' if not channel.cipher else f'hop_key: {channel.name}.hop' if without_key else f'key: {channel.name}.key'
    return f'''
  - name: {channel.name}
    number: {channel.number}
    upstream: {{interface: in, address: {tunnel_from or hop_address(above)}, group: {group_of(channel, above)}, port: {SMART_PORT},
               tunnel: {'true' if tunnel_from else tunnel}}}
    output: {{interface: out, group: {group_of(channel, hop)}, port: {SMART_PORT}}}
    bitrate_cap: {channel.cap_bps}
    {key}
{channel.retransmit()}
'''


def start_repeater(lab, hop, channels, above=None, without_key=False, tunnel_from=None, tunnel='false', sections=''):
    """The repeater of that number. above: the hop whose streams it takes, where that is not the one before it; tunnel_from: the
    address of one that it asks for a tunnel instead; tunnel: whether it asks that hop for one, as in a lineup; sections: more of
    its lineup, as YAML."""
    above = hop - 1 if above is None else above
    for channel in channels:
        if without_key and channel.cipher and not (lab.directory / f'{channel.name}.hop').exists():
            call([str(LINECAST), 'key', 'hop', '--channel', channel.name, str(lab.directory / f'{channel.name}.key'),
                  str(lab.directory / f'{channel.name}.hop')])
    return launch_repeater(lab, hop, lab.topology.repeaters[hop - 1], {'address': f'{repeater_address(above + 1)}/24'},
                           {'address': f'{hop_address(hop)}/24'},
                           ''.join(channel_lineup(channel, hop, above, without_key, tunnel_from, tunnel) for channel in channels), sections)


def launch_repeater(lab, number, namespace, in_port, out_port, channels, sections=''):
    """A repeater between in0 and out0 of a namespace, when it runs. in_port, out_port: keys of its ports; channels and sections: YAML."""
    main_lcore, *lanes = sorted(os.sched_getaffinity(0))[:2]
    (lab.directory / f'state{number}').mkdir(exist_ok=True)
    path = lab.directory / f'repeater{number}.yaml'
    path.write_text(f'''\
repeater: {{name: repeater{number}, state: state{number}, trust: [signing.key.pub], control: repeater{number}.sock}}
lanes: {{main_lcore: {main_lcore}, lcores: {lanes}, idle_sleep_us: 50}}
ports:
  - {json.dumps({'name': 'in', 'device': 'net_af_packet0,iface=in0', **in_port})}
  - {json.dumps({'name': 'out', 'device': 'net_af_packet1,iface=out0', **out_port})}
channels:{channels}{sections}''')
    repeater = Repeater(namespace, lab.name_of(f'repeater{number}_'), lab.directory, path)
    repeater.wait_ready()
    return repeater


def start_receiver(lab, channel, hop, number, out, *more):
    """A receiver behind a hop."""
    keys = ['--clear']
    if channel.cipher:
        keys = ['--key', lab.directory / f'{channel.name}.key', '--trust', lab.directory / 'signing.key.pub']
    return Receiver(lab.topology.behind[hop][number - 1], lab.name_of('receive'), lab.directory, '--channel', channel.name,
                    '--group', f'{group_of(channel, hop)}:{SMART_PORT}', '--source', hop_address(hop), '--interface', 'eth0',
                    *keys, '--out', out, *more)
