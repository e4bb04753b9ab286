"""The programs under test, as processes in a namespace."""

import json
import subprocess
from pathlib import Path

from lab.network import LabError, call, stop, wait_until

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / 'build'
LINECAST = BUILD / 'app/linecast/linecast'
RECEIVE = BUILD / 'app/receive/linecast-receive'
FEED_TS = ROOT / 'scripts/feed-ts'


def linecast():
    """The program of this tree where it is built, or else that in PATH: for commands that an operator runs."""
    return str(LINECAST) if LINECAST.exists() else 'linecast'


class Program:
    """A process whose standard output and error go to files in a directory."""

    def __init__(self, namespace, name, directory, *command):
        self.name = name
        self.output = directory / f'{name}.out'
        self.log = directory / f'{name}.log'
        with open(self.output, 'wb') as output, open(self.log, 'wb') as log:
            self.process = namespace.start(*command, stdin=subprocess.DEVNULL, stdout=output, stderr=log)

    def check_running(self):
        if self.process.poll() is not None:
            raise LabError(f'{self.name} ended with status {self.process.returncode}; the end of its log:\n'
                           + '\n'.join(self.log.read_text(errors='replace').splitlines()[-15:]))
        return True

    def stop(self):
        """Ends it with SIGTERM, which must be clean; returns nothing, raises LabError."""
        self.check_running()
        if (status := stop(self.process)) != 0:
            raise LabError(f'{self.name} did not stop cleanly (status {status}): see {self.log}')


class Headend(Program):
    def __init__(self, namespace, directory, lineup, role='headend', name='headend'):
        self.lineup = lineup
        super().__init__(namespace, name, directory, LINECAST, role, '--lineup', lineup)

    def wait_ready(self, timeout_s=20):
        wait_until(lambda: self.check_running() and 'running' in self.log.read_text(errors='replace'),
                   timeout_s, f'{self.name} does not say that it is running')

    def show(self, what):
        """The rows of `linecast show WHAT`."""
        shown = json.loads(call([str(LINECAST), 'show', what, '--json', '--lineup', str(self.lineup)]))
        return shown['interfaces' if what == 'igmp' else what]

    def tunnels(self):
        """All that `linecast show tunnels` tells."""
        return json.loads(call([str(LINECAST), 'show', 'tunnels', '--json', '--lineup', str(self.lineup)]))

    def usage(self):
        """All that `linecast show usage` tells, with the channels by name."""
        shown = json.loads(call([str(LINECAST), 'show', 'usage', '--json', '--lineup', str(self.lineup)]))
        return {**shown, 'channels': {channel['name']: channel for channel in shown['channels']}}

    def channels(self):
        """{name: counters}"""
        return {channel['name']: channel for channel in self.show('channels')}

    def transmitted(self):
        """Frames, by the first lane."""
        return self.show('lanes')[0]['transmitted']

    def drops(self):
        """{name: count} of the lanes and channels together."""
        found = {}
        for row in [*self.show('lanes'), *self.show('channels')]:
            for name, count in row['dropped'].items():
                found[name] = found.get(name, 0) + count
        return found


class Repeater(Headend):
    def __init__(self, namespace, name, directory, lineup):
        super().__init__(namespace, directory, lineup, 'repeater', name)


class Receiver(Program):
    def __init__(self, namespace, name, directory, *arguments):
        super().__init__(namespace, name, directory, RECEIVE, '--stats', *arguments)

    def channels(self):
        """{name: its last statistics}, as far as whole lines have been written."""
        latest = {}
        for line in self.output.read_text().splitlines(keepends=True):
            if line.endswith('\n'):
                statistics = json.loads(line)
                latest[statistics['channel']] = statistics
        return latest


class Feeder(Program):
    """scripts/feed-ts; feeds are FILE=udp://... or FILE=rtp://..."""

    def __init__(self, namespace, directory, *feeds):
        super().__init__(namespace, 'feeder', directory, FEED_TS, *feeds)

    def done(self):
        if (status := self.process.poll()) not in (None, 0):
            raise LabError(f'the feeder failed (status {status}): {self.log.read_text().strip()}')
        return status == 0


def new_keys(directory, channel_ciphers):
    """Makes DIRECTORY/NAME.key for each {name: cipher} and signing.key with signing.key.pub, where they are not there."""
    for name, cipher in channel_ciphers.items():
        if not (directory / f'{name}.key').exists():
            call([str(LINECAST), 'key', 'new', 'group', str(directory / f'{name}.key'), '--cipher', cipher])
    if not (directory / 'signing.key').exists():
        call([str(LINECAST), 'key', 'new', 'signing', str(directory / 'signing.key')])
