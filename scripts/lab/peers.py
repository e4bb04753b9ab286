"""scripts/bench peers: packets for a second of processor time, beside librist and the kernel's own senders."""

import json
import os
import shutil
import tempfile
import time
from pathlib import Path

from lab import lane_bench
from lab.network import Network, wait_until
from lab.programs import BUILD, Headend, Program, Receiver, new_keys
from lab.reliability import NUMBERED_STREAM, kernel_drops, lose, lost_on_the_way
from lab.topology import HEADEND_IN, HEADEND_OUT, SMART_PORT, Channel, Topology, lineup

RATE = 20_000  # packets a second through the receivers, and out of librist's sender
PAYLOAD_BYTES = 1316
BUFFER_MS = 300
FEED_PORT, PLAYED_PORT = 5000, 6000
RECEIVER_ADDRESS = '10.72.0.11'
LIBRIST_KBPS = 1_000_000  # it sends no repairs beyond this
LIBRIST_OPTIONS = f'bandwidth={LIBRIST_KBPS}&buffer={BUFFER_MS}&secret=reliability&aes-type=128'
# How many times as many packets a lane is to send.
SENDERS = (('peer/librist/sender', 'librist', 40), ('peer/sendmmsg', 'kernel, sendmmsg and the same AES-GCM', 12),
           ('peer/gso', 'kernel, UDP GSO and the same AES-GCM', 1.5))
LEAST_OF_RECEIVER = 3

# A player that never reads: the kernel drops what does not fit, at the same small cost for all.
SINK = '''
import socket, time
sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sink.bind(("127.0.0.1", {port}))
time.sleep(3600)
'''


def cpu_seconds(process):
    """Of all threads, user and system, to the nanosecond."""
    return sum(int((task / 'schedstat').read_text().split()[0]) for task in Path(f'/proc/{process.pid}/task').iterdir()) / 1e9


def per_cpu_second(text):
    found = json.loads(text)
    return {'packets_per_cpu_second': found['packets'] / found['cpu_seconds']}


def kernel_sender(how, seconds):
    """Over veth; what arrives at its other end is dropped at once."""
    with Network() as network:
        sender, far = network.namespace('sender'), network.namespace('far')
        network.veth(sender, 'out0', far, 'eth0')
        sender.address('out0', f'{HEADEND_OUT}/24')
        lose(far, 90)
        return per_cpu_second(sender.run(BUILD / 'bench/socket_sender', how, '--from', HEADEND_OUT, '--seconds', seconds))


class LinecastReceiver:
    """A headend, and linecast-receive behind it."""

    def __init__(self, directory, topology):
        channel = Channel('bench', 1, f'udp://{HEADEND_IN}:{FEED_PORT}', '239.72.1.1', round(RATE * PAYLOAD_BYTES * 8 * 1.5),
                          'aes-128-gcm')
        new_keys(directory, {channel.name: channel.cipher})
        (directory / 'state').mkdir()
        text = lineup([channel], sorted(os.sched_getaffinity(0))[:2])
        (directory / 'lineup.yaml').write_text(f'{text}    retransmit: {{window_ms: {BUFFER_MS}}}\n')
        self.receiver = Receiver(
            topology.receivers[0], 'receiver', directory, '--channel', channel.name,
            '--group', f'{channel.group}:{SMART_PORT}', '--source', HEADEND_OUT, '--interface', 'eth0',
            '--key', directory / f'{channel.name}.key', '--trust', directory / 'signing.key.pub',
            '--buffer-ms', BUFFER_MS, '--out', f'udp://127.0.0.1:{PLAYED_PORT}')
        self.sender = Headend(topology.headend, directory, directory / 'lineup.yaml')
        self.sender.wait_ready()
        self.feed = ('--address', HEADEND_IN, '--port', FEED_PORT)

    def start_sender(self, topology, directory, packets):
        Program(topology.source, 'feeder', directory, NUMBERED_STREAM, 'send', *self.feed, '--packets', packets, '--rate', RATE)


class LibristReceiver:
    """Debian's ristreceiver, main profile, AES-128, behind librist's sender."""

    def __init__(self, directory, topology):
        # The headend's namespace has DPDK's port otherwise, and no address.
        topology.headend.address('out0', f'{HEADEND_OUT}/24', multicast_route=False)
        self.receiver = Program(
            topology.receivers[0], 'receiver', directory, 'ristreceiver', '-p', 1, '-b', BUFFER_MS, '-e', 128,
            '-s', 'reliability', '-i', f'rist://@{RECEIVER_ADDRESS}:{SMART_PORT}?bandwidth={LIBRIST_KBPS}',
            '-o', f'udp://127.0.0.1:{PLAYED_PORT}')
        self.sender = None

    def start_sender(self, topology, directory, packets):
        self.sender = Program(
            topology.headend, 'sender', directory, BUILD / 'bench/rist_sender',
            f'rist://{RECEIVER_ADDRESS}:{SMART_PORT}?{LIBRIST_OPTIONS}', '--rate', RATE, '--packets', packets,
            '--lead-seconds', 0)


def receiver(receiver_type, seconds):
    """{role: figures} of a stream without loss; librist's sender comes along."""
    with tempfile.TemporaryDirectory(prefix='linecast-bench-') as name, Network() as network:
        directory = Path(name)
        topology = Topology(network, 1)
        host = topology.receivers[0]
        lose(host, 0)
        Program(host, 'sink', directory, '/usr/bin/python3', '-c', SINK.format(port=PLAYED_PORT))
        system = receiver_type(directory, topology)
        time.sleep(1)  # the bridge has learnt who listens
        system.start_sender(topology, directory, round(RATE * (seconds + 3)))
        wait_until(lambda: lost_on_the_way(host)['arrived'] > RATE, 20, 'no stream arrives')
        processes = {'receiver': system.receiver.process, 'sender': system.sender.process}
        arrived = lost_on_the_way(host)['arrived']
        spent = {role: cpu_seconds(process) for role, process in processes.items()}
        time.sleep(seconds)
        system.receiver.check_running()
        system.sender.check_running()
        spent = {role: cpu_seconds(process) - spent[role] for role, process in processes.items()}
        arrived = lost_on_the_way(host)['arrived'] - arrived
        if system_drops := kernel_drops(system)['receiver']:
            print(f'  {receiver_type.__name__}: the kernel dropped {system_drops} datagrams at the receiver')
        return {role: {'packets_per_cpu_second': arrived / seconds_spent} for role, seconds_spent in spent.items()}


def add_arguments(parser):
    parser.add_argument('--rounds', type=int, default=5, metavar='N', help='of each, one after the other (5)')
    parser.add_argument('--seconds', type=float, default=2, metavar='S', help='that each round of each takes (2)')


def measure(report, rounds, seconds):
    print(f'bench: 1316-byte payloads, AES-128, medians of {rounds} rounds in which each has its turn. The lane sends by ports in memory, '
          'as to a card; the kernel and librist over veth.', flush=True)
    rows = {}
    for number in range(rounds):
        for how in ('sendmmsg', 'gso'):
            rows.setdefault(f'peer/{how}', []).append(kernel_sender(how, min(seconds, 1)))
        librist = receiver(LibristReceiver, seconds)
        rows.setdefault('peer/librist/sender', []).append(librist['sender'])
        rows.setdefault('peer/librist/receiver', []).append(librist['receiver'])
        rows.setdefault('receiver', []).append(receiver(LinecastReceiver, seconds)['receiver'])
        lane_bench.run(round_report := type(report)(), '^lane/aes128/manual_time', 2, 0.3)
        rows.setdefault('lane', []).append({'packets_per_cpu_second': round_report.figures['lane/aes128']['mpps'] * 1e6})
        print(f'  round {number + 1} of {rounds}', flush=True)
    for name, found in rows.items():
        report.add_runs(name, found)
    print()
    lane = report.figures['lane']['packets_per_cpu_second']
    report.check('packets a second of processor time: a lane', lane, shown='{:,.0f}')
    for name, what, times in SENDERS:
        other = report.figures[name]['packets_per_cpu_second']
        report.check(f'{what}', other, shown='{:,.0f}')
        report.check(f'a lane / {what}', lane / other, times, shown='{:.1f}')
    ours, theirs = (report.figures[name]['packets_per_cpu_second'] for name in ('receiver', 'peer/librist/receiver'))
    report.check(f'linecast-receive, {RATE:,} packets a second, played to UDP', ours, shown='{:,.0f}')
    report.check("librist's receiver, the same", theirs, shown='{:,.0f}')
    report.check("linecast-receive / librist's receiver", ours / theirs, LEAST_OF_RECEIVER, shown='{:.1f}')


def missing():
    """What the machine lacks for this."""
    if not (BUILD / 'bench/rist_sender').exists():
        return 'librist was not there when this was built: run scripts/setup bench'
    return '' if shutil.which('ristreceiver') else 'ristreceiver is not there: run scripts/setup bench'
