"""scripts/demo: three live channels through a headend, over a lossy network, to two receivers; or, with --topology repeaters, one
through two repeaters to six, natively and by tunnel. Are they bit-exact?"""

import argparse
import dataclasses
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
# pylint: disable=wrong-import-position
from lab import demo_repeaters, distribution
from lab.capture import Capture
from lab.media import Picture, sha256, take_picture
from lab.network import LabError, Network
from lab.programs import ROOT, Feeder, Headend, Receiver, new_keys
from lab.topology import HEADEND_IN, HEADEND_OUT, SMART_PORT, Channel, Topology, lineup

BUFFER_MS = 1000
RECEIVERS = 2

CHANNELS = [
    (Channel('news', 1, 'udp://239.71.1.1:5000', '239.72.1.1', 4_000_000, 'aes-128-gcm'),
     Picture('testsrc', 640, 360, 25, 330, 3_000_000)),
    (Channel('film', 2, 'rtp://239.71.1.2:5000', '239.72.1.2', 6_500_000, 'aes-128-gcm', source_specific=True,
             format='rtp'),
     Picture('gradients', 1280, 720, 25, 440, 5_000_000)),
    (Channel('sport', 3, f'udp://{HEADEND_IN}:5003', '239.72.1.3', 10_000_000, 'aes-256-gcm'),
     Picture('testsrc2', 1280, 720, 50, 550, 8_000_000)),
]


class Screen:
    """Finished lines, and below them on a terminal one that is rewritten (elsewhere: a line every five seconds)."""

    def __init__(self):
        self.terminal = sys.stdout.isatty()
        self.last_s = time.monotonic()

    def colour(self, code, text):
        return f'\033[{code}m{text}\033[0m' if self.terminal else text

    def say(self, text):
        print(('\r\033[K' if self.terminal else '') + text, flush=True)

    def live(self, text):
        now = time.monotonic()
        if self.terminal:
            print('\r\033[K' + text[:shutil.get_terminal_size().columns - 1], end='', flush=True)
        elif now - self.last_s >= 5:
            self.last_s = now
            print(text, flush=True)


def shortest(path):
    """The path as a person here would type it."""
    return os.path.relpath(path) if path.resolve().is_relative_to(Path.cwd()) else path


def receiver_config(out_of):
    """linecast-receive's YAML: all channels in one process, each to the file out_of(its name)."""
    channels = ''.join(f'''
  - name: {channel.name}
    group: {channel.group}
    port: {SMART_PORT}
    source: {HEADEND_OUT}
    interface: eth0
    key: {channel.name}.key
    trust: [signing.key.pub]
    buffer_ms: {BUFFER_MS}
    out: {out_of(channel.name)}
''' for channel, _ in CHANNELS)
    return f'channels:{channels}'


def encode(screen, directory, seconds, channels):
    for channel, picture in channels:
        def progress(share, channel=channel):
            if screen.terminal:
                screen.live(f'  encoding {channel.name}: {share:4.0%}')
        picture.encode(directory / f'{channel.name}.ts', seconds, progress)
        screen.say(f'  {channel.name:6} {picture.width}x{picture.height} at {picture.frames_per_s}/s, '
                   f'{picture.rate_bps / 1e6:g} Mbit/s, {channel.source.split(":")[0].upper()}, '
                   f'{channel.cipher.upper()}')


def lose_on_the_way(topology, percent):
    for receiver in topology.receivers:
        receiver.lose('eth0', percent, [channel.group for channel, _ in CHANNELS], SMART_PORT)


def watch(screen, feeder, receivers, seconds, fed_bytes):
    """Shows how it goes until everything fed in is played, or the receivers' buffers must be empty."""
    started = time.monotonic()
    ended = None
    while True:
        for program in receivers:
            program.check_running()
        statistics = [channel for receiver in receivers for channel in receiver.channels().values()]
        total = {name: sum(channel[name] for channel in statistics)
                 for name in ('lost', 'repaired', 'unrecovered', 'played_bytes')}
        now = time.monotonic()
        screen.live(f'  {min(now - started, seconds):3.0f} of {seconds} s   lost {total["lost"]}   repaired '
                    f'{total["repaired"]}   unrecovered {total["unrecovered"]}   '
                    f'played {total["played_bytes"] / 1e6:.1f} of {fed_bytes / 1e6:.1f} MB')
        if ended is None and feeder.done():
            ended = now
        if ended is not None and (total['played_bytes'] >= fed_bytes or now - ended > BUFFER_MS / 1000 + 5):
            return
        if now - started > seconds + 60:
            raise LabError('the feeder does not come to its end')
        time.sleep(0.5)


def compare(directory, topology, receivers, headend_channels):
    """One entry a channel, with one a receiver, of what was sent, lost, repaired and played."""
    report = []
    for channel, _ in CHANNELS:
        fed = directory / f'{channel.name}.ts'
        fed_hash = sha256(fed)
        entry = {'channel': channel.name, 'fed_bytes': fed.stat().st_size, 'fed_sha256': fed_hash,
                 'headend': headend_channels[channel.name], 'receivers': []}
        for namespace, receiver in zip(topology.receivers, receivers):
            statistics = receiver.channels()[channel.name]
            played = directory / f'{receiver.name}-{channel.name}.ts'
            played_hash = sha256(played)
            path = namespace.losses()[channel.group]
            entry['receivers'].append({
                'receiver': receiver.name, 'sent': entry['headend']['packets_sent'],
                'lost': path['lost_original'], 'repairs_lost': path['lost_repair'],
                'repaired': statistics['repaired'], 'unrecovered': statistics['unrecovered'],
                'played_bytes': played.stat().st_size, 'sha256': played_hash,
                'sha256_match': played_hash == fed_hash, 'statistics': statistics})
        report.append(entry)
    return report


def print_table(screen, report):
    screen.say('')
    screen.say(screen.colour('1', f'{"channel":9} {"receiver":10} {"sent":>7} {"lost on the way":>16} {"repaired":>9} '
                                  f'{"unrecovered":>12}  SHA-256'))
    for entry in report:
        for row in entry['receivers']:
            share = row['lost'] / max(1, row['sent'])
            verdict = screen.colour('32', 'match') if row['sha256_match'] else screen.colour('31', 'DIFFERENT')
            unrecovered = f'{row["unrecovered"]:>12}'
            if row['unrecovered']:
                unrecovered = screen.colour('31', unrecovered)
            screen.say(f'{entry["channel"]:9} {row["receiver"]:10} {row["sent"]:>7} '
                       f'{row["lost"]:>8} {share:>7.1%} {row["repaired"]:>9} {unrecovered}  '
                       f'{verdict} {row["sha256"][:12]}')
    screen.say('')


def run(arguments, screen, directory):
    new_keys(directory, {channel.name: channel.cipher for channel, _ in CHANNELS})
    lcores = sorted(os.sched_getaffinity(0))[:2]
    if len(lcores) < 2:
        raise LabError('the headend needs two processor cores: one for control, one for its lane')
    (directory / 'state').mkdir()
    # Two receivers' losses at 30 % take repairs of three quarters of a channel; the default is one quarter.
    budget = 200 if arguments.loss > 10 else None
    channels = [dataclasses.replace(channel, repair_budget_percent=budget) for channel, _ in CHANNELS]
    (directory / 'lineup.yaml').write_text(lineup(channels, lcores))

    with Network() as network:
        topology = Topology(network, RECEIVERS)
        lose_on_the_way(topology, arguments.loss)
        receivers = []
        for number, namespace in enumerate(topology.receivers, 1):
            name = f'receiver{number}'
            config = directory / f'{name}.yaml'
            config.write_text(receiver_config(lambda channel, name=name: directory / f'{name}-{channel}.ts'))
            receivers.append(Receiver(namespace, name, directory, '--config', config))
        capture = None
        if arguments.pcap:
            capture = Capture(topology.switch, 'up0', arguments.pcap, 'udp or igmp')
        headend = Headend(topology.headend, directory, directory / 'lineup.yaml')
        headend.wait_ready()
        time.sleep(1)  # the bridge has learnt who listens, and each receiver its keys
        screen.say(f'the headend is running; feeding live, {arguments.loss:g} % random loss on the way to each receiver')

        feeder = Feeder(topology.source, directory, '--interface', '10.71.0.2',
                        *(f'{directory / channel.name}.ts={channel.source}' for channel, _ in CHANNELS))
        fed_bytes = sum((directory / f'{channel.name}.ts').stat().st_size for channel, _ in CHANNELS)
        watch(screen, feeder, receivers, arguments.seconds, fed_bytes * RECEIVERS)
        for receiver in receivers:
            receiver.stop()
        headend_channels = headend.channels()
        headend.stop()
        if capture:
            capture.stop()
        return compare(directory, topology, receivers, headend_channels)


def verdict_of(report, loss):
    """What is not as it must be, in words."""
    faults = []
    for entry in report:
        for row in entry['receivers']:
            where = f'{entry["channel"]} at {row["receiver"]}'
            if not row['sha256_match']:
                faults.append(f'{where} is not what was fed in ({row["played_bytes"]} of {entry["fed_bytes"]} bytes)')
            if row['unrecovered']:
                faults.append(f'{where} has {row["unrecovered"]} unrecovered packets')
            if loss > 0 and row['lost'] == 0:
                faults.append(f'{where} lost nothing: the loss was not made')
    return faults


def parse_arguments():
    parser = argparse.ArgumentParser(prog='scripts/demo', description=__doc__)
    parser.add_argument('--topology', choices=('direct', 'repeaters'), default='direct',
                        help='receivers on the headend\'s own network, or behind routers and two repeaters (default direct)')
    parser.add_argument('--loss', type=float, metavar='PERCENT',
                        help='random loss, up to 50 (default 10); above 10 channels have a repair budget of 200 %% instead of 25. With repeaters: '
                        f'on every link, up to 3 (default {demo_repeaters.LOSS_PERCENT})')
    parser.add_argument('--seconds', type=int, metavar='N', help=f'of live feed (default 20; with repeaters {distribution.SECONDS})')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write everything found to FILE')
    parser.add_argument('--png', type=Path, metavar='FILE', default=ROOT / 'build/demo.png',
                        help='the picture decoded from what a receiver got (default build/demo.png)')
    parser.add_argument('--pcap', type=Path, metavar='FILE', help="capture the headend's output port (needs tcpdump)")
    parser.add_argument('--keep', action='store_true', help='keep the files: feeds, keys, lineup, logs, output')
    arguments = parser.parse_args()
    repeaters = arguments.topology == 'repeaters'
    if arguments.loss is None:
        arguments.loss = demo_repeaters.LOSS_PERCENT if repeaters else 10
    if arguments.seconds is None:
        arguments.seconds = distribution.SECONDS if repeaters else 20
    most_loss, least_seconds = (3, distribution.SECONDS) if repeaters else (50, 3)
    if not 0 <= arguments.loss <= most_loss:
        parser.error(f'--loss: between 0 and {most_loss}')
    if not least_seconds <= arguments.seconds <= 3600:
        parser.error(f'--seconds: between {least_seconds} and 3600')
    return arguments


def main():
    arguments = parse_arguments()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(130))
    screen = Screen()
    repeaters = arguments.topology == 'repeaters'
    channels = demo_repeaters.CHANNELS if repeaters else CHANNELS
    picture_of = f'{demo_repeaters.PICTURE_OF}.ts' if repeaters else f'receiver1-{CHANNELS[-1][0].name}.ts'
    form = demo_repeaters if repeaters else sys.modules[__name__]
    directory = Path(tempfile.mkdtemp(prefix='linecast-demo-'))
    faults, report = [], []
    keep = True
    try:
        screen.say(f'encoding {arguments.seconds} s of {"one channel" if repeaters else "three channels"}')
        encode(screen, directory, arguments.seconds, channels)
        report = form.run(arguments, screen, directory)
        form.print_table(screen, report)
        faults = form.verdict_of(report, arguments.loss)
        take_picture(directory / picture_of, arguments.png, arguments.seconds / 2)
        screen.say(f'a picture that a receiver got: {shortest(arguments.png)}')
        keep = arguments.keep or bool(faults)
    except LabError as error:
        faults.append(str(error))
    except KeyboardInterrupt:
        keep = arguments.keep
        faults.append('interrupted')
    except SystemExit:
        keep = arguments.keep
        raise
    finally:
        if keep:
            screen.say(f'files kept in {directory}')
        else:
            shutil.rmtree(directory)
    if arguments.json:
        arguments.json.write_text(json.dumps({
            'topology': arguments.topology, 'loss_percent': arguments.loss, 'seconds': arguments.seconds, 'channels': report,
            'faults': faults, 'ok': not faults}, indent=2) + '\n')
    for fault in faults:
        screen.say(screen.colour('31', 'FAILED: ') + fault)
    if not faults:
        screen.say(screen.colour('32', 'OK: ') + 'every channel is bit-exact at every receiver')
    return 1 if faults else 0


if __name__ == '__main__':
    sys.exit(main())
