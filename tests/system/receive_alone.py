#!/usr/bin/python3
"""linecast-receive alone: against a small sender of the tests' own, over loopback, with loss made by the sender."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'scripts'))
# pylint: disable=wrong-import-position
from lab import datagrams
from lab.media import sha256
from lab.network import LabError, Network, skip_without_namespaces, wait_until
from lab.programs import RECEIVE, ROOT, new_keys

SENDER = ROOT / 'build/tests/system/receive_sender'
GROUP = '239.73.0.1'
ADDRESS = '10.73.0.1'  # of the sender
RTP_HEADER = 12


class Bench:
    """A namespace with nothing but loopback, a directory with keys, and the programs."""

    def __init__(self, network, directory):
        self.namespace = network.namespace('loopback')
        self.namespace.run('ip', 'link', 'set', 'lo', 'multicast', 'on')
        self.namespace.address('lo', f'{ADDRESS}/32')
        self.directory = directory
        new_keys(directory, {'test': 'aes-128-gcm', 'other': 'aes-128-gcm'})

    def path(self, name):
        return self.directory / name

    def keys(self):
        return ['--key', self.path('test.key'), '--trust', self.path('signing.key.pub')]

    def start(self, *command, **options):
        return self.namespace.start(*command, stdin=subprocess.DEVNULL, **options)

    def receive(self, *arguments, name='receive'):
        """A receiver with --stats; its standard output and error go to NAME.out and NAME.log."""
        with open(self.path(f'{name}.out'), 'wb') as out, open(self.path(f'{name}.log'), 'wb') as log:
            return self.start(RECEIVE, '--stats', *arguments, stdout=out, stderr=log)

    def channel(self, *arguments, keys=None, name='receive'):
        return self.receive('--channel', 'test', '--group', GROUP, *(self.keys() if keys is None else keys), *arguments,
                            name=name)

    def collect(self, name, port):
        self.start('/usr/bin/python3', datagrams.__file__, 'collect', self.path(name), port)
        wait_until(self.path(name).exists, 5, 'the collector does not begin')
        return self.path(name)

    def joined(self, count=1):
        def all_joined():
            return self.namespace.run('ip', 'maddress', 'show', 'dev', 'lo').count('239.73.') >= count
        wait_until(all_joined, 10, 'the receiver does not join')
        time.sleep(0.3)  # other receivers of the same group

    def send(self, *arguments, clear=False):
        """Runs the sender to its end; returns what it fed in."""
        keys = [] if clear else ['--key', self.path('test.key'), '--signing-key', self.path('signing.key')]
        with open(self.path('sender.log'), 'wb') as log:
            sender = self.start(SENDER, '--group', GROUP, '--from', ADDRESS, '--fed', self.path('fed'), *keys,
                                *arguments, stdout=log, stderr=log)
        assert sender.wait(60) == 0, self.path('sender.log').read_text()
        assert 'refused' not in self.path('sender.log').read_text(), 'the sender refused requests'
        return self.path('fed')

    def statistics(self, name='receive', file='out'):
        """{channel: its last line}"""
        lines = self.path(f'{name}.{file}').read_text(errors='replace').splitlines()
        return {line['channel']: line for line in map(json.loads, (text for text in lines if text.startswith('{')))}


def ended(process, status=0, seconds=10):
    assert process.wait(seconds) == status, f'ended with {process.returncode}'


def stop(*processes):
    for process in processes:
        process.send_signal(signal.SIGTERM)
    for process in processes:
        ended(process)


def check_counts(line):
    assert line['lost'] > 100 and line['repaired'] == line['lost'] and line['unrecovered'] == 0, line
    assert line['played_packets'] == line['received'] + line['repaired'], line
    assert line['requests'] > 50 and line['bad_tag'] == 0 and line['late'] == 0, line
    assert line['joins'] == 1 and line['leaves'] == 1 and line['error_reports'] + line['problem_reports'] == 0, line


def every_output_is_bit_exact(bench):
    udp, rtp = bench.collect('udp.collected', 6000), bench.collect('rtp.collected', 6002)
    receivers = [bench.channel('--out', out, name=name) for name, out in (
        ('to-file', bench.path('file.ts')), ('to-stdout', '-'), ('to-udp', 'udp://127.0.0.1:6000'),
        ('to-rtp', 'rtp://127.0.0.1:6002'))]
    bench.joined()
    fed = bench.send()
    stop(*receivers)
    assert sha256(bench.path('file.ts')) == sha256(fed), 'to a file'
    assert sha256(bench.path('to-stdout.out')) == sha256(fed), 'to standard output'
    assert b''.join(datagrams.read(udp)) == fed.read_bytes(), 'to UDP'
    packets = list(datagrams.read(rtp))
    assert b''.join(packet[RTP_HEADER:] for packet in packets) == fed.read_bytes(), 'to RTP'
    assert all(packet[:2] == b'\x80\x21' for packet in packets), 'RTP headers'
    for name, file in (('to-file', 'out'), ('to-stdout', 'log'), ('to-udp', 'out'), ('to-rtp', 'out')):
        check_counts(bench.statistics(name, file)['test'])


def rtp_channels(bench):
    udp, rtp = bench.collect('udp.collected', 6000), bench.collect('rtp.collected', 6002)
    multicast = 'udp://239.74.0.1:6000?ttl=2&interface=lo'
    receivers = [bench.channel('--out', out, name=name) for name, out in (
        ('to-file', f'file:{bench.path("file.ts")}'), ('to-udp', 'udp://127.0.0.1:6000'),
        ('to-rtp', 'rtp://127.0.0.1:6002'), ('to-group', multicast))]
    bench.joined()
    fed = bench.send('--format', 'rtp')
    stop(*receivers)
    assert sha256(bench.path('file.ts')) == sha256(fed), 'to a file'
    assert b''.join(datagrams.read(udp)) == fed.read_bytes(), 'to UDP'
    packets = list(datagrams.read(rtp))
    assert b''.join(packet[RTP_HEADER:] for packet in packets) == fed.read_bytes(), 'to RTP'
    assert [int.from_bytes(packet[2:4], 'big') for packet in packets[:600]] == [
        (65000 + number) % 65536 for number in range(600)], 'RTP passes through unchanged'
    check_counts(bench.statistics('to-group')['test'])
    assert bench.statistics('to-group')['test']['output_dropped'] == 0


def clear_and_opaque(bench):
    receiver = bench.channel('--out', bench.path('file'), keys=['--clear'])
    bench.joined()
    fed = bench.send('--format', 'opaque', clear=True)
    stop(receiver)
    assert sha256(bench.path('file')) == sha256(fed)
    check_counts(bench.statistics()['test'])


def many_channels_in_one_process(bench):
    count = 30  # more than the 20 memberships that the kernel allows a socket
    bench.path('receive.yaml').write_text('channels:\n' + ''.join(f'''
  - name: test{number}
    group: 239.73.0.{number + 1}
    source: {ADDRESS}
    interface: lo
    key: test.key
    trust: [signing.key.pub]
    out: test{number}.ts
''' for number in range(count)))
    receiver = bench.receive('--config', bench.path('receive.yaml'))
    bench.joined(count)
    fed = bench.send('--channels', count, '--packets', 500, '--packets-a-second', 100)
    stop(receiver)
    statistics = bench.statistics()
    assert len(statistics) == count
    for number in range(count):
        assert sha256(bench.path(f'test{number}.ts')) == sha256(fed), f'channel {number}'
    assert sum(line['repaired'] for line in statistics.values()) > 500


def a_reader_that_goes_ends_it_well(bench):
    with open(bench.path('receive.log'), 'wb') as log:
        receiver = bench.start(RECEIVE, '--channel', 'test', '--group', GROUP, *bench.keys(), '--out', '-',
                               '--buffer-ms', 200, stdout=subprocess.PIPE, stderr=log)
    bench.joined()
    sender = bench.start(SENDER, '--group', GROUP, '--from', ADDRESS, '--fed', bench.path('fed'), '--key',
                         bench.path('test.key'), '--signing-key', bench.path('signing.key'), stdout=subprocess.DEVNULL)
    assert len(receiver.stdout.read(100_000)) == 100_000
    receiver.stdout.close()
    ended(receiver, 0, 3)
    sender.terminate()


def a_signal_plays_what_is_held(bench):
    receiver = bench.channel('--out', bench.path('file.ts'), '--buffer-ms', 20_000)
    bench.joined()
    fed = bench.send('--loss', 0.05)
    assert bench.path('file.ts').stat().st_size == 0
    start = time.monotonic()
    stop(receiver)
    assert time.monotonic() - start < 3
    assert sha256(bench.path('file.ts')) == sha256(fed)


def it_ends_after_its_duration(bench):
    ended(bench.channel('--out', bench.path('file.ts'), '--duration', 5.5), 0, 10)
    lines = bench.path('receive.out').read_text().splitlines()
    assert 6 <= len(lines) <= 7
    assert {'time', 'channel', 'rate_bps', 'received', 'malformed_truncated', 'kernel_drops'} <= set(json.loads(lines[0]))
    assert bench.path('receive.log').read_text().count(f'nothing has come to {GROUP}:47100 yet') == 1


def silence_is_told_each_time(bench):
    receiver = bench.channel('--out', bench.path('file.ts'))
    log = bench.path('receive.log')
    bench.joined()
    for count in (1, 2):
        bench.send('--packets', 200)
        wait_until(lambda: log.read_text().count(f'nothing has come to {GROUP}:47100 for 5 s') == count, 10,
                   'silence is not told')  # pylint: disable=cell-var-from-loop
        assert log.read_text().count('datagrams come now') == count - 1
    stop(receiver)


def what_is_wrong_is_told(bench):
    receiver = bench.channel('--out', bench.path('file.ts'),
                             keys=['--key', bench.path('other.key'), '--trust', bench.path('signing.key.pub')])
    bench.joined()
    bench.send('--packets', 500)
    stop(receiver)
    log = bench.path('receive.log').read_text()
    assert log.count('packets do not open: is the group key file') == 1, log
    assert bench.path('file.ts').stat().st_size == 0


def faulty_files_are_refused(bench):
    config = bench.path('receive.yaml')
    config.write_text('''channels:
  - name: news
    group: 10.0.0.1
    key: missing.key
    trust: signing.key.pub
    out: ftp://x
  - name: film
    grup: 239.1.1.1
    clear: true
    buffer_ms: 5
    out: a.ts
''')
    done = subprocess.run([RECEIVE, '--config', config], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    for place, word in (('3:12', 'multicast group'), ('4:10', 'missing.key'), ('6:10', 'ftp://x'), ('8:5', 'grup'),
                        ('7:5', 'group'), ('10:16', 'buffer_ms')):
        assert any(line.startswith(f'{config}:{place}: error:') and word in line
                   for line in done.stderr.splitlines()), (place, done.stderr)
    for arguments in ([], ['--channel', 'x'], ['--config', config, '--clear'], ['--config', 'none.yaml'],
                      ['--channel', 'x', '--group', '232.1.1.1', '--clear', '--out', '-'],
                      ['--channel', 'x', '--group', '239.1.1.1', '--out', '-'],
                      ['--channel', 'x', '--group', '239.1.1.1', '--clear', '--key', 'k', '--out', '-'],
                      ['--channel', 'x', '--group', '239.1.1.1', '--clear', '--out', 'udp://127.0.0.1']):
        done = subprocess.run([RECEIVE, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 2 and len(done.stderr) > 20, (arguments, done)
    cannot_open = ['--channel', 'x', '--group', '239.1.1.1', '--clear', '--out', '/nonexistent/x.ts']
    done = subprocess.run([RECEIVE, *cannot_open], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and '/nonexistent/x.ts' in done.stderr


def main(*tests):
    skip_without_namespaces()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    chosen = [test for test in tests if len(sys.argv) < 2 or test.__name__ in sys.argv[1:]]
    failed = False
    for number, test in enumerate(chosen, 1):
        name = test.__name__.replace('_', ' ')
        with tempfile.TemporaryDirectory(prefix='linecast-receive-') as directory, Network() as network:
            try:
                test(Bench(network, Path(directory)))
                print(f'ok {number} - {name}', flush=True)
            except (AssertionError, LabError, subprocess.TimeoutExpired):
                failed = True
                details = traceback.format_exc().splitlines()
                for log in sorted(Path(directory).glob('*.log')):
                    details += [f'{log.name}:', *log.read_text(errors='replace').splitlines()[-15:]]
                print(f'not ok {number} - {name}', *(f'#   {line}' for line in details), sep='\n', flush=True)
    print(f'1..{len(chosen)}')
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    os.chdir(ROOT)
    main(every_output_is_bit_exact, rtp_channels, clear_and_opaque, many_channels_in_one_process,
         a_reader_that_goes_ends_it_well, a_signal_plays_what_is_held, it_ends_after_its_duration,
         silence_is_told_each_time, what_is_wrong_is_told,
         faulty_files_are_refused)
