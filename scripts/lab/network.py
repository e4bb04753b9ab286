"""Networks made of namespaces, veth pairs and a snooping bridge, all gone again when the `with` block ends.

Needs root. nsenter is used and neither `ip netns exec` nor `ip -n`: those remount "/", which fails in a plain chroot.
"""

import ctypes
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

NETNS_DIR = Path('/run/netns')
PREFIX = 'linecast'
SKIPPED_STATUS = 77  # of a test that can't be run, as meson and automake have it
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class LabError(Exception):
    """Says what could not be set up, and what the command printed."""


def call(command, stdin=None):
    """Runs a command to its end and returns its output; raises LabError where it fails."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LabError(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def die_with_parent():
    """To be called in a child: even kill -9 of the demo leaves no program behind."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def why_no_namespaces():
    """Empty where networks can be made here; else the reason why not."""
    if os.geteuid() != 0:
        return 'needs root'
    done = subprocess.run(['unshare', '--net', 'true'], capture_output=True, text=True, check=False)
    return '' if done.returncode == 0 else f'no network namespaces here: {done.stderr.strip()}'


def skip_without_namespaces():
    """Ends a test with the status of a skipped one, and the reason, where it can't be run."""
    if reason := why_no_namespaces():
        print(reason)
        sys.exit(SKIPPED_STATUS)


class Namespace:
    def __init__(self, network, name):
        self.network = network
        self.name = name
        self.path = NETNS_DIR / f'{network.prefix}-{name}'
        call(['ip', 'netns', 'add', self.path.name])
        # Router solicitations and MLD would be the only traffic that nobody asked for.
        self.run('sh', '-c', 'for f in /proc/sys/net/ipv6/conf/*/disable_ipv6; do [ ! -w "$f" ] || echo 1 > "$f"; done')
        self.run('ip', 'link', 'set', 'lo', 'up')

    def command(self, *command):
        return ['nsenter', f'--net={self.path}', '--', *map(str, command)]

    def run(self, *command, stdin=None):
        return call(self.command(*command), stdin)

    def start(self, *command, **popen_arguments):
        """A process in this namespace, in a session of its own (Ctrl-C reaches us alone, and we stop the rest in order)."""
        process = subprocess.Popen(self.command(*command), start_new_session=True, preexec_fn=die_with_parent,
                                   **popen_arguments)
        self.network.processes.append(process)
        return process

    def address(self, interface, address, multicast_route=True):
        self.run('ip', 'address', 'add', address, 'dev', interface)
        if multicast_route:
            self.run('ip', 'route', 'add', '224.0.0.0/4', 'dev', interface)

    def feeds_dpdk(self, interface):
        """This end of the veth pair feeds a DPDK port: the kernel must fill in UDP checksums itself."""
        self.run('ethtool', '-K', interface, 'tx', 'off')

    def lose(self, interface, percent, groups, port):
        """Drops `percent` of what is sent to the groups, at random, as it comes in; see `losses`.

        Counted are data packets (type 0 in the byte that follows the first): originals (CMD 0) and repairs (CMD 1).
        """
        drop = f'numgen random mod 10000 < {round(percent * 100)}'
        counters, rules = [], []
        for group in groups:
            packet = f'ip daddr {group} udp dport {port}'
            for kind, command in (('original', 0), ('repair', 1)):
                name = f'{kind}_{group.replace(".", "_")}'
                counters += [f'counter sent_{name} {{}}', f'counter lost_{name} {{}}']
                rules.append(f'{packet} @th,72,4 {command} counter name sent_{name}')
                if percent > 0:
                    rules.append(f'{packet} @th,72,4 {command} {drop} counter name lost_{name} drop')
            if percent > 0:  # heartbeats and messages are lost like everything else
                rules.append(f'{packet} @th,72,4 > 1 {drop} drop')
        chain = f'chain ingress {{ type filter hook ingress device "{interface}" priority 0; {"; ".join(rules)}; }}'
        self.run('nft', '-f', '-', stdin='\n'.join(['table netdev loss {', *counters, chain, '}']))

    def lose_matching(self, interface, percent, match):
        """Drops `percent`, at random, of what comes in by the interface and matches, an expression of nft's."""
        chain = f'chain {interface} {{ type filter hook ingress device "{interface}" priority 1; {match} '
        chain += f'numgen random mod 10000 < {round(percent * 100)} drop; }}'
        self.run('nft', '-f', '-', stdin=f'table netdev lose_matching {{ {chain}\n}}')

    def count(self, name, interface, match):
        """Counts what comes in by the interface and matches, an expression of nft's; see `counted`."""
        chain = f'chain {name} {{ type filter hook ingress device "{interface}" priority -1; {match} counter name {name}; }}'
        self.run('nft', '-f', '-', stdin=f'table netdev count {{ counter {name} {{}}\n{chain}\n}}')

    def counted(self, name):
        """Packets that `count` of that name has seen."""
        listed = json.loads(self.run('nft', '-j', 'list', 'counter', 'netdev', 'count', name))['nftables']
        return next(item['counter']['packets'] for item in listed if 'counter' in item)

    def isolate(self, port, isolated=True):
        """A bridge's port: nothing passes between it and others that are isolated."""
        self.run('bridge', 'link', 'set', 'dev', port, 'isolated', 'on' if isolated else 'off')

    def losses(self):
        """{group: {sent_original, lost_original, sent_repair, lost_repair}}: what nftables saw and dropped."""
        found = {}
        for item in json.loads(self.run('nft', '-j', 'list', 'counters', 'table', 'netdev', 'loss'))['nftables']:
            counter = item.get('counter')
            if counter:
                verb, kind, *group = counter['name'].split('_')
                found.setdefault('.'.join(group), {})[f'{verb}_{kind}'] = counter['packets']
        return found

    def join(self, interface_address, *groups):
        """A kernel host that joins the groups (GROUP or GROUP@SOURCE) until it is stopped; see lab.member."""
        return self.start('/usr/bin/python3', Path(__file__).with_name('member.py'), interface_address, *groups)


class Network:
    def __init__(self):
        self.prefix = f'{PREFIX}-{os.getpid()}'
        self.namespaces = []
        self.processes = []

    def __enter__(self):
        if reason := why_no_namespaces():
            raise LabError(reason)
        _remove_stale()
        return self

    def __exit__(self, *_):
        # A second signal must not interrupt the cleaning up.
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        handlers = [signal.signal(number, signal.SIG_IGN) for number in numbers]
        for process in reversed(self.processes):
            stop(process, grace_s=3)
        for namespace in self.namespaces:
            call(['ip', 'netns', 'delete', namespace.path.name])
        for number, handler in zip(numbers, handlers):
            signal.signal(number, handler)

    def namespace(self, name):
        namespace = Namespace(self, name)
        self.namespaces.append(namespace)
        return namespace

    def veth(self, one, one_name, other, other_name):
        """A cable: interface `one_name` in namespace `one`, `other_name` in `other`."""
        one.run('ip', 'link', 'add', one_name, 'type', 'veth', 'peer', 'name', other_name, 'netns', other.path.name)
        for namespace, name in ((one, one_name), (other, other_name)):
            namespace.run('ip', 'link', 'set', name, 'up')

    def bridge(self, namespace, name, ports):
        """A switch with IGMP snooping and a querier (each set by itself: in one command, everything floods)."""
        namespace.run('ip', 'link', 'add', name, 'type', 'bridge', 'mcast_snooping', '1', 'mcast_igmp_version', '3',
                      'mcast_query_interval', '100', 'mcast_startup_query_interval', '100',
                      'mcast_query_response_interval', '50',
                      'mcast_last_member_interval', '25', 'mcast_membership_interval', '260',
                      'mcast_querier_interval', '250')
        namespace.run('ip', 'link', 'set', name, 'type', 'bridge', 'mcast_querier', '1')
        self._plug_in(namespace, name, ports)

    def hub(self, namespace, name, ports):
        """Sends everything to every port."""
        namespace.run('ip', 'link', 'add', name, 'type', 'bridge', 'mcast_snooping', '0')
        self._plug_in(namespace, name, ports)

    @staticmethod
    def _plug_in(namespace, name, ports):
        for port in ports:
            namespace.run('ip', 'link', 'set', port, 'master', name)
        namespace.run('ip', 'link', 'set', name, 'up')


def stop(process, grace_s=10):
    """Asks with SIGTERM, insists with SIGKILL; returns the exit status."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(grace_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return process.returncode


def wait_until(condition, timeout_s, what, interval_s=0.05):
    """Waits until condition() is true and returns its value; raises LabError after timeout_s."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise LabError(f'{what}: not within {timeout_s} s')
        time.sleep(interval_s)
    return value


def _remove_stale():
    """Namespaces of a demo or test that was killed (kill -9) go now."""
    if not NETNS_DIR.is_dir():
        return
    for path in NETNS_DIR.iterdir():
        match = re.fullmatch(rf'{PREFIX}-(\d+)-\w+', path.name)
        if match and not Path('/proc', match[1]).exists():
            call(['ip', 'netns', 'delete', path.name])
