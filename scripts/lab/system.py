"""What a system test is made of: `run(test, ...)` calls each test with a Lab of its own, and prints TAP.

A test may return lines worth reading, which are printed with its result.
"""

import os
import signal
import sys
import tempfile
import traceback
from pathlib import Path

from lab.network import LabError, Network, skip_without_namespaces
from lab.programs import Feeder, Headend, Receiver, new_keys
from lab.topology import HEADEND_OUT, SMART_PORT, SOURCE_ADDRESS, Topology, lineup


class Lab:
    """A directory, a network with one receiver namespace or more, and programs in it."""

    def __init__(self, directory, topology):
        self.directory = directory
        self.topology = topology
        self.headend = None
        self.started = {}  # how often a program of that name

    def name_of(self, kind):
        self.started[kind] = self.started.get(kind, 0) + 1
        return f'{kind}{self.started[kind]}'

    def write_lineup(self, channels, input_port=None, sections='', gateway=None):
        """lineup.yaml of these channels, and what it refers to. sections: more of it, as YAML."""
        new_keys(self.directory, {channel.name: channel.cipher for channel in channels if channel.cipher})
        (self.directory / 'state').mkdir(exist_ok=True)
        path = self.directory / 'lineup.yaml'
        path.write_text(lineup(channels, sorted(os.sched_getaffinity(0))[:2], input_port, gateway=gateway) + sections)
        return path

    def start_headend(self, channels, input_port=None, sections='', gateway=None):
        self.headend = Headend(self.topology.headend, self.directory, self.write_lineup(channels, input_port, sections, gateway))
        self.headend.wait_ready()
        return self.headend

    def start_receiver(self, channel, out, *more, number=1, key=None, source=HEADEND_OUT):
        """linecast-receive of one channel in namespace receiver<number>; source None joins it from any sender."""
        keys = ['--clear']
        if channel.cipher:
            new_keys(self.directory, {channel.name: channel.cipher})
            keys = ['--key', key or self.directory / f'{channel.name}.key',
                    '--trust', self.directory / 'signing.key.pub']
        return Receiver(self.topology.receivers[number - 1], self.name_of('receive'), self.directory,
                        '--channel', channel.name, '--group', f'{channel.group}:{SMART_PORT}',
                        *(['--source', source] if source else []), '--interface', 'eth0', *keys, '--out', out, *more)

    def start_feed(self, *feeds):
        """(file, channel) pairs, live."""
        return Feeder(self.topology.source, self.directory, '--interface', SOURCE_ADDRESS,
                      *(f'{file}={channel.source}' for file, channel in feeds))


def run(*tests, receivers=1, topology=Topology):
    skip_without_namespaces()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    failed = False
    for number, test in enumerate(tests, 1):
        name = test.__name__.replace('_', ' ')
        with tempfile.TemporaryDirectory(prefix='linecast-system-') as directory:
            try:
                with Network() as network:
                    notes = test(Lab(Path(directory), topology(network, receivers))) or []
                print('\n#   '.join([f'ok {number} - {name}', *notes]), flush=True)
            except (AssertionError, LabError):
                failed = True
                print(f'not ok {number} - {name}')
                details = traceback.format_exc().splitlines()
                for log in sorted(Path(directory).glob('*.log')):
                    details += [f'{log.name}:', *log.read_text(errors='replace').splitlines()[-15:]]
                for line in details:
                    print(f'#   {line}', flush=True)
    print(f'1..{len(tests)}')
    sys.exit(1 if failed else 0)
