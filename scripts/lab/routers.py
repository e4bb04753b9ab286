"""Routers in namespaces: FRR's zebra and pimd, with state and sockets of their own. No service of FRR's runs."""

import json
import shutil

from lab.network import call, wait_until
from lab.programs import Program
from lab.topology import SOURCE_ADDRESS, Topology

# On the headend's input side, in RoutedInput.
ROUTER_ADDRESS = '10.70.0.1'
ROUTED_HEADEND = '10.70.0.9'
NEIGHBOUR_ADDRESS = '10.70.0.20'

# They run as frr from the start: a process that changed its user would outlive us (see lab.network._die_with_parent).
CAPABILITIES = '+net_admin,+net_raw,+net_bind_service,+sys_admin,+setgid'
# In tenths of seconds but for the interval. A membership lasts 2 x 1 s + 0.5 s, another querier 2 x 1 s + 0.25 s.
IGMP = '''\
 ip igmp
 ip igmp version {version}
 ip igmp query-max-response-time 5
 ip igmp query-interval 1
 ip igmp last-member-query-interval 3
'''
PIM = '''\
 ip pim
 ip pim hello 1 4
'''


class Router:
    """`interfaces`: {name: version of IGMP there, or None}; PIM runs on all of them, and on lo where it is named."""

    def __init__(self, namespace, directory, interfaces, rendezvous_point=None):
        self.namespace = namespace
        self.directory = directory / namespace.name
        self.directory.mkdir()
        directory.chmod(0o755)  # for frr
        shutil.chown(self.directory, 'frr', 'frr')
        namespace.run('sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward; '
                      'for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 > "$f"; done')
        configuration = 'ip pim join-prune-interval 5\n'
        if rendezvous_point:
            configuration += f'ip pim rp {rendezvous_point} 224.0.0.0/4\n'
        for name, version in interfaces.items():
            configuration += f'interface {name}\n{IGMP.format(version=version) if version else ""}{PIM}'
        self.daemons = [self._start('zebra', ''), self._start('pimd', configuration)]

    def _start(self, name, configuration):
        file = self.directory / f'{name}.conf'
        file.write_text(configuration)
        program = Program(self.namespace, f'{self.namespace.name}-{name}', self.directory.parent,
                          'setpriv', '--reuid=frr', '--regid=frr', '--init-groups', f'--inh-caps={CAPABILITIES}',
                          f'--ambient-caps={CAPABILITIES}', '--pdeathsig=KILL', f'/usr/lib/frr/{name}',
                          '-u', 'frr', '-g', 'frr', '-A', '127.0.0.1', '-P', '0', '-f', file,
                          '-i', self.directory / f'{name}.pid', '-z', self.directory / 'zserv.api',
                          '--vty_socket', self.directory)
        wait_until(lambda: program.check_running() and (self.directory / f'{name}.vty').exists(), 10,
                   f'{name} does not listen')
        return program

    def show(self, what):
        """What vtysh prints for `show WHAT json`."""
        return json.loads(call(['vtysh', '--vty_socket', str(self.directory), '-c', f'show {what} json']))

    def neighbours(self):
        """How many other routers PIM has found."""
        return sum(len(found) for found in self.show('ip pim neighbor').values())

    def memberships(self, interface):
        """{group: [sources]} as IGMP knows them; ['*'] is any source."""
        shown = self.show('ip igmp sources').get(interface, {})
        return {group: sorted(source['source'] for source in entry['sources'])
                for group, entry in shown.items() if isinstance(entry, dict)}

    def kill(self):
        """Both daemons end without a word to anybody, as in a power cut."""
        for daemon in self.daemons:
            daemon.process.kill()
            daemon.process.wait()


class RoutedInput(Topology):
    """The source is behind a router; on its other side is a hub, with the headend and a neighbour:

    source src0 --- up0 router down0 --- torouter  br0  toheadend --- in0 headend
    10.71.0.2   10.71.0.1      10.70.0.1              \\ toneighbour --- eth0 neighbour
    """

    def connect_input(self, network):
        self.router, self.hub, self.neighbour = map(network.namespace, ('router', 'hub', 'neighbour'))
        network.veth(self.source, 'src0', self.router, 'up0')
        network.veth(self.router, 'down0', self.hub, 'torouter')
        network.veth(self.hub, 'toheadend', self.headend, 'in0')
        network.veth(self.hub, 'toneighbour', self.neighbour, 'eth0')
        self.hub.feeds_dpdk('toheadend')
        network.hub(self.hub, 'br0', ['torouter', 'toheadend', 'toneighbour'])
        self.source.address('src0', f'{SOURCE_ADDRESS}/24')
        self.router.address('up0', '10.71.0.1/24', multicast_route=False)
        self.router.address('down0', f'{ROUTER_ADDRESS}/24', multicast_route=False)
        self.neighbour.address('eth0', f'{NEIGHBOUR_ADDRESS}/24')
