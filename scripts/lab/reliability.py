"""scripts/bench reliability: what stays lost at a given loss, with librist's own sender and receiver beside it."""

import argparse
import json
import os
import re
import signal
import sys
import tempfile
import time
from pathlib import Path

from lab.network import LabError, Network, wait_until
from lab.programs import BUILD, Headend, Program, Receiver, new_keys
from lab.topology import HEADEND_IN, HEADEND_OUT, SMART_PORT, Channel, Topology, lineup

NUMBERED_STREAM = BUILD / 'bench/numbered_stream'
RATE = 10_000  # packets a second
PAYLOAD_BYTES = 1316
BUFFER_MS = 1000
# Fed before and after those that count: both systems get to know the path first, and the stream goes on behind them.
LEAD, TAIL = 2 * RATE, RATE
FEED_PORT, PLAYED_PORT = 5000, 6000
RECEIVER_ADDRESS = '10.72.0.11'
# Loss in percent: the most that may stay unrecovered, as a share.
TARGETS = {10: 0.0, 30: 1e-5, 50: 1e-3}
# At 50 % loss every packet needs one repair on average: a budget of 100 % would be used up by every second burst.
BUDGET_PERCENT = 200
# librist sends no repairs beyond its bandwidth, which by default (100 Mbit/s) is less than the stream itself.
LIBRIST_KBPS = 1_000_000


class RepairedChannel(Channel):
    def lineup(self):
        return f'{super().lineup()}    retransmit: {{window_ms: {BUFFER_MS}, budget_percent: {BUDGET_PERCENT}}}\n'


class Linecast:
    name = 'linecast'

    def __init__(self, directory, topology):
        self.channel = RepairedChannel('bench', 1, f'udp://{HEADEND_IN}:{FEED_PORT}', '239.72.1.1',
                                       round(RATE * PAYLOAD_BYTES * 8 * 1.1), 'aes-128-gcm')
        new_keys(directory, {self.channel.name: self.channel.cipher})
        (directory / 'state').mkdir()
        (directory / 'lineup.yaml').write_text(lineup([self.channel], sorted(os.sched_getaffinity(0))[:2]))
        self.receiver = Receiver(
            topology.receivers[0], 'receiver', directory, '--channel', self.channel.name,
            '--group', f'{self.channel.group}:{SMART_PORT}', '--source', HEADEND_OUT, '--interface', 'eth0',
            '--key', directory / f'{self.channel.name}.key', '--trust', directory / 'signing.key.pub',
            '--buffer-ms', BUFFER_MS, '--out', f'udp://127.0.0.1:{PLAYED_PORT}')
        self.sender = Headend(topology.headend, directory, directory / 'lineup.yaml')
        self.sender.wait_ready()

    def figures(self):
        sender = self.sender.channels()[self.channel.name]
        receiver = self.receiver.channels()[self.channel.name]
        return {'taken_in': sender['packets_in'], 'repaired': receiver['repaired'], 'sender': sender, 'sender_drops': self.sender.drops(), 'receiver': receiver}


class Librist:
    """Debian's ristsender and ristreceiver: main profile, AES-128, all else by default but the bandwidth."""
    name = 'librist'

    def __init__(self, directory, topology):
        # The headend's namespace has DPDK's ports otherwise, and no addresses.
        topology.headend.address('in0', f'{HEADEND_IN}/24', multicast_route=False)
        topology.headend.address('out0', f'{HEADEND_OUT}/24', multicast_route=False)
        common = ('-p', 1, '-b', BUFFER_MS, '-e', 128, '-s', 'reliability', '-S', 1000)
        self.receiver = Program(
            topology.receivers[0], 'receiver', directory, 'ristreceiver', *common,
            '-i', f'rist://@{RECEIVER_ADDRESS}:{SMART_PORT}?bandwidth={LIBRIST_KBPS}',
            '-o', f'udp://127.0.0.1:{PLAYED_PORT}')
        self.sender = Program(
            topology.headend, 'sender', directory, 'ristsender', *common,
            '-i', f'udp://@{HEADEND_IN}:{FEED_PORT}',
            '-o', f'rist://{RECEIVER_ADDRESS}:{SMART_PORT}?bandwidth={LIBRIST_KBPS}')
        wait_until(lambda: self.sender.check_running() and 'new status is 0' in self.sender.log.read_text(),
                   10, 'ristsender finds no ristreceiver')

    def figures(self):
        def values(program, name):
            return [int(value) for value in re.findall(rf'"{name}":(\d+)', program.log.read_text())]
        totals = {name: sum(values(self.sender, name))
                  for name in ('sent', 'retransmitted', 'bandwidth_skipped', 'bloat_skipped', 'retransmit_skipped')}
        return {'repaired': values(self.receiver, 'recovered')[-1],  # this one counts from the start
                'sender': totals}


def lose(namespace, percent):
    """Drops `percent` of all datagrams that come in, at random, whatever they are; see `lost_on_the_way`."""
    drop = f'meta l4proto udp numgen random mod 10000 < {round(percent * 100)} counter name lost drop;'
    namespace.run('nft', '-f', '-', stdin=f'''
        table netdev loss {{
          counter arrived {{}}
          counter lost {{}}
          chain ingress {{
            type filter hook ingress device "eth0" priority 0;
            meta l4proto udp counter name arrived;
            {drop if percent else ''}
          }}
        }}''')


def lost_on_the_way(namespace):
    """How many datagrams arrived at the end of the path, and how many of them were dropped there."""
    listed = json.loads(namespace.run('nft', '-j', 'list', 'counters', 'table', 'netdev', 'loss'))['nftables']
    return {item['counter']['name']: item['counter']['packets'] for item in listed if 'counter' in item}


def kernel_drops(system):
    """What the kernel dropped because a program was too slow, by socket."""
    found = {'input': 0, 'sender': 0, 'receiver': 0, 'checker': 0}
    ports = {FEED_PORT: 'input', PLAYED_PORT: 'checker'}
    for role, program in (('sender', system.sender), ('receiver', system.receiver)):
        for line in Path(f'/proc/{program.process.pid}/net/udp').read_text().splitlines()[1:]:
            fields = line.split()
            found[ports.get(int(fields[1].rpartition(':')[2], 16), role)] += int(fields[-1])
    return found


def cpu_seconds(program):
    """User and system time, of all threads."""
    fields = Path(f'/proc/{program.process.pid}/stat').read_text().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def measure(system_type, loss, packets):
    """Feeds the stream through one system, and returns everything that was found."""
    with tempfile.TemporaryDirectory(prefix='linecast-bench-') as name, Network() as network:
        directory = Path(name)
        topology = Topology(network, 1)
        receiver_host = topology.receivers[0]
        lose(receiver_host, loss)
        checker = Program(receiver_host, 'checker', directory, NUMBERED_STREAM, 'check', '--port', PLAYED_PORT,
                          '--first', LEAD, '--packets', packets)
        system = system_type(directory, topology)
        time.sleep(1)  # the bridge has learnt who listens
        programs = {'sender': system.sender, 'receiver': system.receiver}
        cpu_before = {role: cpu_seconds(program) for role, program in programs.items()}
        started = time.monotonic()
        fed = LEAD + packets + TAIL
        feeder = Program(topology.source, 'feeder', directory, NUMBERED_STREAM, 'send', '--address', HEADEND_IN,
                         '--port', FEED_PORT, '--packets', fed, '--rate', RATE)
        while feeder.process.poll() is None:
            for program in (*programs.values(), checker):
                program.check_running()
            if time.monotonic() - started > 2 * fed / RATE + 10:
                raise LabError(f'the machine is too slow to feed {RATE} packets a second')
            time.sleep(0.2)
        seconds = time.monotonic() - started
        cpu = {role: (cpu_seconds(program) - cpu_before[role]) / seconds for role, program in programs.items()}
        if feeder.process.returncode != 0:
            raise LabError(f'the feeder failed: {feeder.log.read_text().strip()}')
        time.sleep(BUFFER_MS / 1000 + 1.5)  # all is played, and the last statistics are written
        path = lost_on_the_way(receiver_host)
        drops = kernel_drops(system)
        figures = system.figures()
        checker.stop()
        checked = json.loads(checker.output.read_text())
        fed_report = json.loads(feeder.output.read_text())
    unrecovered = packets - checked['received']
    # librist's sender does not say how much it took in, but its socket does; a DPDK port has no socket.
    not_taken_in = fed - figures.get('taken_in', fed - drops['input'])
    target = TARGETS.get(loss) if system_type is Linecast else None
    return {'system': system.name, 'loss_percent': loss, 'packets': packets, 'unrecovered': unrecovered,
            'not_taken_in': not_taken_in, 'target_share': target,
            'met': None if target is None else unrecovered <= target * packets and checked['altered'] == 0,
            'datagrams_on_the_way': path['arrived'], 'lost_on_the_way': path['lost'], 'repaired': figures['repaired'],
            'cpu_share': cpu, 'kernel_drops': drops, 'checked': checked, 'feeder': fed_report, 'fed': fed,
            'figures': figures}


def notes(result):
    """What a reader of the table must know of a measurement that was not as it should be."""
    where = f'{result["loss_percent"]:g} %, {result["system"]}'
    drops = result['kernel_drops']
    for role in ('sender', 'receiver', 'checker'):
        if drops[role]:
            yield f'{where}: datagrams that the kernel dropped at the {role}, which was too slow for a moment: {drops[role]}'
    if result['feeder']['refused']:
        yield f'{where}: {result["feeder"]["refused"]} packets could not be fed'
    if result['feeder']['latest_ms'] > BUFFER_MS / 10:
        yield f'{where}: the feed stood still for up to {result["feeder"]["latest_ms"]:.0f} ms: this machine is busy'
    for what in ('altered', 'twice', 'out_of_order'):
        if result['checked'][what]:
            yield f'{where}: packets that came out {what.replace("_", " ")}: {result["checked"][what]}'


def target_text(result):
    if result['target_share'] is None:
        return ''
    most = result['target_share']
    words = f'1 in {1 / most:,.0f}' if most else 'none'
    return f'{words}: {"met" if result["met"] else "MISSED"}'


def print_table(results):
    heads = ('loss', 'system', 'unrecovered', 'share', 'at most', 'not taken in', 'lost on the way', 'repaired', 'sent per packet',
             'CPU sender', 'CPU receiver')
    rows = [heads]
    for result in results:
        rows.append((
            f'{result["loss_percent"]:g} %', result['system'], f'{result["unrecovered"]:,}',
            f'{result["unrecovered"] / result["packets"]:.1e}' if result['unrecovered'] else '0', target_text(result),
            f'{result["not_taken_in"]:,}',
            f'{result["lost_on_the_way"]:,} ({result["lost_on_the_way"] / max(1, result["datagrams_on_the_way"]):.1%})',
            f'{result["repaired"]:,}', f'{result["datagrams_on_the_way"] / result["fed"]:.2f}',
            f'{result["cpu_share"]["sender"]:.0%}', f'{result["cpu_share"]["receiver"]:.0%}'))
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    print()
    for row in rows:
        print('  '.join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    dropped = sum(sum(result['kernel_drops'].values()) for result in results)
    print(f'\nDropped by the kernel at sockets: {dropped:,}. Unrecovered: of the {results[0]["packets"]:,} packets that count. '
          f'All else: with the {LEAD + TAIL:,} before and after them.')


def positive(text):
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError('at least 1')
    return number


def percentage(text):
    if not 0 <= (number := float(text)) <= 90:
        raise argparse.ArgumentTypeError('between 0 and 90')
    return number


def add_arguments(parser):
    parser.add_argument('--packets', type=positive, default=1_000_000, metavar='N',
                        help='that count, for each system and loss, at 10,000 a second (1000000)')
    parser.add_argument('--loss', type=percentage, nargs='+', default=list(TARGETS), metavar='PERCENT',
                        help='random loss towards the receiver (10 30 50)')
    parser.add_argument('--only', choices=[Linecast.name, Librist.name], help='measure this one alone')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write everything found to FILE')


def run(options):
    """Returns whether every target was met."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
    try:
        # For all that is started here: what else this machine does would make losses of its own.
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        print('bench: no real-time priority here: run nothing else meanwhile')
    systems = [system for system in (Linecast, Librist) if options.only in (None, system.name)]
    seconds = (LEAD + options.packets + TAIL) / RATE
    print(f'bench: {options.packets:,} packets of {PAYLOAD_BYTES} bytes, {RATE:,} a second, AES-128, {BUFFER_MS} ms buffer; '
          f'{len(systems) * len(options.loss)} runs of {seconds:.0f} s each', flush=True)
    results = []
    for loss in options.loss:
        for system in systems:
            results.append(measure(system, loss, options.packets))
            print(f'  {loss:g} % loss, {system.name}: {results[-1]["unrecovered"]:,} unrecovered', flush=True)
    print_table(results)
    for result in results:
        for note in notes(result):
            print(note)
    met = all(result['met'] is not False for result in results)
    if options.json:
        options.json.write_text(json.dumps({
            'rate': RATE, 'payload_bytes': PAYLOAD_BYTES, 'buffer_ms': BUFFER_MS, 'results': results, 'ok': met},
            indent=2) + '\n', encoding='utf-8')
    return met
