"""The network of the demo and of the system tests, and lineups that fit it.

    source                 headend                    switch                     receiver1, receiver2, ...
    src0 ------veth------- in0   out0 ------veth----- up0  br0  down1 ---veth--- eth0
    10.71.0.2        (10.71.0.1) (10.72.0.1)          IGMP snooping, querier     10.72.0.11, .12, ...

The addresses in brackets are the appliance's own: the kernel of its namespace has none, and answers nothing.
"""

import json
from dataclasses import dataclass

from lab.network import Network

SOURCE_ADDRESS = '10.71.0.2'
BYSTANDER_ADDRESS = '10.71.0.3'
HEADEND_IN = '10.71.0.1'
HEADEND_OUT = '10.72.0.1'
SMART_PORT = 47100


@dataclass(frozen=True)
class Channel:
    name: str
    number: int
    source: str  # udp://ADDRESS:PORT or rtp://ADDRESS:PORT, as feed-ts takes it
    group: str
    cap_bps: int
    cipher: str | None  # of its key file NAME.key; None: a clear channel
    source_specific: bool = False
    format: str = 'ts'
    repair_budget_percent: int | None = None  # None: the default
    window_ms: int | None = None  # likewise

    def lineup(self):
        address, port = self.source.partition('://')[2].split(':')
        return f'''
  - name: {self.name}
    number: {self.number}
    source:
      interface: in
      address: {address}
      port: {port}
      format: {self.format}
{f"      ssm_source: {SOURCE_ADDRESS}" if self.source_specific else "      # from any sender"}
    output:
      interface: out
      group: {self.group}
      port: {SMART_PORT}
    bitrate_cap: {self.cap_bps}
    {f'key: {self.name}.key' if self.cipher else 'clear: true'}
{self.retransmit()}
'''

    def retransmit(self):
        given = {'budget_percent': self.repair_budget_percent, 'window_ms': self.window_ms}
        given = {key: value for key, value in given.items() if value is not None}
        return f'    retransmit: {json.dumps(given)}' if given else ''


class Topology:
    def __init__(self, network: Network, receivers: int):
        self.source = network.namespace('source')
        self.headend = network.namespace('headend')
        self.switch = network.namespace('switch')
        self.receivers = [network.namespace(f'receiver{number}') for number in range(1, receivers + 1)]

        self.connect_input(network)
        self.connect_output(network)

    def connect_input(self, network):
        network.veth(self.source, 'src0', self.headend, 'in0')
        self.source.feeds_dpdk('src0')
        self.source.address('src0', f'{SOURCE_ADDRESS}/24')

    def connect_output(self, network):
        network.veth(self.headend, 'out0', self.switch, 'up0')
        self.switch.feeds_dpdk('up0')
        for number, receiver in enumerate(self.receivers, 1):
            network.veth(self.switch, f'down{number}', receiver, 'eth0')
            receiver.address('eth0', f'10.72.0.{10 + number}/24')
        network.bridge(self.switch, 'br0', ['up0', *(f'down{number}' for number in range(1, len(self.receivers) + 1))])


class SwitchedInput(Topology):
    """With a switch like that of the output on the input side too, and a bystander (10.71.0.3) on it:

    source src0 --- tosource  br0  toheadend --- in0 headend
                       tobystander ------------- eth0 bystander
    """

    def connect_input(self, network):
        self.input_switch = network.namespace('inswitch')
        self.bystander = network.namespace('bystander')
        network.veth(self.source, 'src0', self.input_switch, 'tosource')
        network.veth(self.input_switch, 'toheadend', self.headend, 'in0')
        network.veth(self.input_switch, 'tobystander', self.bystander, 'eth0')
        self.input_switch.feeds_dpdk('toheadend')
        self.source.address('src0', f'{SOURCE_ADDRESS}/24')
        self.bystander.address('eth0', f'{BYSTANDER_ADDRESS}/24')
        network.bridge(self.input_switch, 'br0', ['tosource', 'toheadend', 'tobystander'])

    def set_igmp_version(self, version):
        self.input_switch.run('ip', 'link', 'set', 'br0', 'type', 'bridge', 'mcast_igmp_version', version)

    def stop_querier(self):
        """The switch leaves the asking to others, and takes hosts to answer once in 3 s."""
        self.input_switch.run('ip', 'link', 'set', 'br0', 'type', 'bridge', 'mcast_querier', '0',
                              'mcast_membership_interval', '300')

    def router_ports(self):
        """The switch's ports with a querier or a router behind them."""
        shown = json.loads(self.input_switch.run('bridge', '-d', '-j', 'mdb', 'show', 'dev', 'br0'))[0]['router']
        return [router['port'] for router in shown.get('br0', [])]

    def joined(self, port='toheadend'):
        """{group: [sources]} that the switch sends to the port; no sources: any."""
        shown = json.loads(self.input_switch.run('bridge', '-d', '-j', 'mdb', 'show', 'dev', 'br0'))[0]['mdb']
        found = {}
        for entry in shown:
            if entry['port'] == port:
                # Version 3 has an entry for (*, group), and one for each (source, group).
                sources = found.setdefault(entry['grp'], [])
                sources += [entry['src']] if 'src' in entry else []
        return found


def lineup(channels, lcores, input_port=None, devices=('net_af_packet0,iface=in0', 'net_af_packet1,iface=out0'), gateway=None):
    """The headend's YAML; key and state files are taken from the lineup's own directory.

    input_port: keys of the port `in` that differ from what this network needs, or are more than that. gateway: of the port `out`.
    """
    main_lcore, *lanes = lcores
    return f'''\
headend:
  name: lab
  sender_id: 1
  state: state
  signing_key: signing.key
  control: control.sock
lanes:
  main_lcore: {main_lcore}
  lcores: {lanes}
  idle_sleep_us: 50  # cores are shared here
ports:
  - {json.dumps({'name': 'in', 'device': devices[0], 'address': f'{HEADEND_IN}/24', **(input_port or {})})}
  - name: out
    device: "{devices[1]}"
    address: {HEADEND_OUT}/24
{f'    gateway: {gateway}' if gateway else ''}
channels:{''.join(channel.lineup() for channel in channels)}'''
