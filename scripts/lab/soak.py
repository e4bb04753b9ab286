"""scripts/soak: the demo's network for minutes or hours, under loss, reloads, new keys and floods. Does anything grow?"""

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
# pylint: disable=wrong-import-position
from lab.demo import CHANNELS, receiver_config
from lab.frames import write_capture
from lab.load_plan import garbage, read_contents, requests
from lab.media import write_noise
from lab.network import LabError, Network, call, wait_until
from lab.programs import LINECAST, Feeder, Headend, Receiver, new_keys
from lab.topology import SMART_PORT, SOURCE_ADDRESS, Channel, Topology, lineup

RECEIVERS = 2
ROUND_S = 20
FEED_S = 15
FLOOD_PER_SECOND, FLOOD_S = 1000, 2
PROBES_PER_SECOND = 50
PROBE = Channel('probe', 9, 'udp://239.71.1.9:5009', '239.72.1.9', 1_000_000, None, format='opaque')
EXTRA = Channel('extra', 10, 'udp://239.71.1.10:5010', '239.72.1.10', 8_000_000, 'aes-128-gcm')
FED = [channel for channel, _ in CHANNELS]
# What a headend drops although nothing is wrong with what it was sent; garbage and forgeries have their own names.
MUST_NOT_RISE = ('over_bitrate_cap', 'no_frame', 'transmit_full', 'no_control_packet', 'control_transmit_full', 'inbox_full',
                 'quiet_no_packet', 'repair_no_packet', 'report_queue_full', 'multi_segment', 'counter_used_up')
RECEIVERS_MUST_NOT_RISE = ('unrecovered', 'bad_tag', 'unknown_epoch', 'waiting_overflow', 'request_overflow', 'no_memory',
                           'hop_overflow', 'output_dropped')
# From the first settled round to the last ones.
MOST_GROWTH = 0.02
LEAST_GROWTH_KB = 2048
MOST_PACKETS_GONE = 64
MOST_DELAY_RATIO, SPARE_DELAY_US = 2.0, 1000.0


def resident_kb(process):
    """Of the program, whose process nsenter has become."""
    for line in Path(f'/proc/{process.pid}/status').read_text().splitlines():
        if line.startswith('VmRSS:'):
            return int(line.split()[1])
    raise LabError(f'process {process.pid} is gone')


class Soak:
    def __init__(self, network, directory, loss):
        self.directory = directory
        self.topology = Topology(network, RECEIVERS)
        new_keys(directory, {channel.name: channel.cipher for channel in (*FED, EXTRA) if channel.cipher})
        (directory / 'state').mkdir()
        self.write_lineup(FED, PROBE)
        for channel, picture in CHANNELS:
            write_noise(directory / f'{channel.name}.ts', FEED_S, picture.rate_bps)
        for namespace in self.topology.receivers:
            namespace.lose('eth0', loss, [channel.group for channel in FED], SMART_PORT)
        self.receivers = [self.start_receiver(number, namespace) for number, namespace in enumerate(self.topology.receivers, 1)]
        self.headend = Headend(self.topology.headend, directory, directory / 'lineup.yaml')
        self.headend.wait_ready()
        self.fed = {channel.name: 0 for channel in FED}  # datagrams
        self.start_probe()
        self.make_floods()

    def write_lineup(self, channels, *more):
        lcores = sorted(os.sched_getaffinity(0))[:2]
        if len(lcores) < 2:
            raise LabError('the headend needs two processor cores: one for control, one for its lane')
        (self.directory / 'lineup.yaml').write_text(lineup([*channels, *more], lcores))

    def start_receiver(self, number, namespace):
        nowhere = self.directory / f'receiver{number}'  # hours of streams: each channel's own way to /dev/null
        nowhere.mkdir()
        for channel in FED:
            (nowhere / channel.name).symlink_to('/dev/null')
        config = self.directory / f'receiver{number}.yaml'
        config.write_text(receiver_config(lambda channel: nowhere / channel))
        return Receiver(namespace, f'receiver{number}', self.directory, '--config', config)

    def start_probe(self):
        program = ['/usr/bin/python3', Path(__file__).with_name('probe.py')]
        self.delays = self.directory / 'delays'
        quiet = {'stdin': subprocess.DEVNULL, 'stdout': subprocess.DEVNULL}
        self.topology.receivers[0].start(*program, 'measure', self.delays, PROBE.group, SMART_PORT, '10.72.0.11', **quiet)
        address, port = PROBE.source.partition('://')[2].split(':')
        self.topology.source.start(*program, 'send', address, port, SOURCE_ADDRESS, PROBES_PER_SECOND, **quiet)

    def make_floods(self):
        contents = read_contents(self.headend.lineup)
        write_capture(self.directory / 'requests.pcap', requests(contents, 'out', FLOOD_PER_SECOND).frames)
        write_capture(self.directory / 'garbage.pcap', garbage(contents, 'in', FLOOD_PER_SECOND).frames)

    def flood(self, kind, namespace, interface):
        replay = namespace.start('/usr/bin/python3', Path(__file__).with_name('frames.py'), 'replay',
                                 self.directory / f'{kind}.pcap', interface, FLOOD_PER_SECOND, FLOOD_PER_SECOND * FLOOD_S)
        if replay.wait(60) != 0:
            raise LabError(f'the flood of {kind} could not be sent')

    def linecast(self, command, *arguments):
        call([str(LINECAST), command, *arguments, '--lineup', str(self.headend.lineup)])

    def run_round(self):
        """A feed, and in its time a reload, both floods, the reload back, and a new key."""
        began = time.monotonic()
        feeder = Feeder(self.topology.source, self.directory, '--interface', SOURCE_ADDRESS,
                        *(f'{self.directory / channel.name}.ts={channel.source}' for channel in FED))
        time.sleep(1)
        self.write_lineup([*reversed(FED), EXTRA], PROBE)
        self.linecast('reload')
        self.flood('requests', self.topology.switch, 'up0')
        self.flood('garbage', self.topology.source, 'src0')
        self.write_lineup(FED, PROBE)
        self.linecast('reload')
        self.linecast('rekey', FED[0].name)
        wait_until(feeder.done, FEED_S + 30, 'the feed does not end', 0.2)
        for channel, feed in zip(FED, json.loads(feeder.output.read_text())['feeds']):
            self.fed[channel.name] += feed['datagrams']
        time.sleep(max(2.0, began + ROUND_S - time.monotonic()))  # repairs and play-out end
        return began

    def sample(self, began):
        for program in (self.headend, *self.receivers):
            program.check_running()
        channels = self.headend.channels()
        shown = json.loads(call([str(LINECAST), 'show', 'lanes', '--json', '--lineup', str(self.headend.lineup)]))
        # Of what stays: the extra channel's frames come and go.
        first_frames = min((pool['name'] for pool in shown['pools'] if pool['name'].startswith('frames')), default='')
        pools = {pool['name']: pool['free'] for pool in shown['pools']
                 if not pool['name'].startswith('frames') or pool['name'] == first_frames}
        heard = [receiver.channels() for receiver in self.receivers]
        delays = sorted(int(line.split()[1]) for line in self.delays.read_text().splitlines()
                        if line.count(' ') == 1 and int(line.split()[0]) >= began * 1e9)
        if len(delays) < PROBES_PER_SECOND:
            raise LabError(f'only {len(delays)} probes came through in a round')
        return {
            'headend_kb': resident_kb(self.headend.process),
            'receivers_kb': [resident_kb(receiver.process) for receiver in self.receivers],
            'pools': pools,
            'delay_p50_us': delays[len(delays) // 2] / 1000,
            'delay_p99_us': delays[len(delays) * 99 // 100] / 1000,
            'longest_turn_us': max(lane['longest_turn_ns'] for lane in shown['lanes']) / 1000,
            'drops': self.headend.drops(),
            'not_taken': {name: fed - taken(channels[name]) for name, fed in self.fed.items()},
            'not_sent': {name: taken(channels[name]) - channels[name]['packets_sent'] for name in self.fed},
            'receivers': {name: sum(channel[name] for receiver in heard for channel in receiver.values())
                          for name in ('lost', 'repaired', *RECEIVERS_MUST_NOT_RISE)},
        }


def taken(channel):
    """Datagrams that came in, without the garbage among them."""
    return channel['packets_in'] - sum(channel['dropped'].get(name, 0) for name in ('payload_format', 'payload_size'))


def faults_of(sample):
    """What must not be after any round."""
    for name, count in sample['not_taken'].items():
        if count:
            yield f'{count} of the datagrams fed to {name} were not taken in'
    for name, count in sample['not_sent'].items():
        if count:
            yield f'{count} of the datagrams that came for {name} were not sent'
    for name in MUST_NOT_RISE:
        if sample['drops'].get(name):
            yield f'the headend counts {name}: {sample["drops"][name]}'
    for name in RECEIVERS_MUST_NOT_RISE:
        if sample['receivers'][name]:
            yield f'receivers count {name}: {sample["receivers"][name]}'


def growth_of(samples):
    """What has grown from the first settled round to the last one."""
    first, last = samples[1], samples[-1]
    sizes = [('the headend', first['headend_kb'], last['headend_kb'])]
    sizes += [(f'receiver {number}', before, after) for number, (before, after)
              in enumerate(zip(first['receivers_kb'], last['receivers_kb']), 1)]
    for what, before, after in sizes:
        if after - before > max(LEAST_GROWTH_KB, before * MOST_GROWTH):
            yield f'the memory of {what} grew from {before} to {after} KB'
    if first['pools'].keys() != last['pools'].keys():
        yield f'the pools are others: {sorted(first["pools"])}, {sorted(last["pools"])}'
    for name, free in last['pools'].items():
        if first['pools'].get(name, free) - free > MOST_PACKETS_GONE:
            yield f'packets are gone from pool {name}: {first["pools"][name]} were free, and {free} are'
    third = max(1, len(samples) // 3)
    before, after = (statistics.median(sample['delay_p50_us'] for sample in part)
                     for part in (samples[:third], samples[-third:]))
    if after > before * MOST_DELAY_RATIO + SPARE_DELAY_US:
        yield f'the median delay grew from {before:.0f} to {after:.0f} us'


def print_row(number, sample):
    pools = ' '.join(f'{name} {free}' for name, free in sample['pools'].items())
    received = sample['receivers']
    print(f'{number:>5}  {sample["headend_kb"]:>10}  {"+".join(map(str, sample["receivers_kb"])):>13}  '
          f'{sample["delay_p50_us"]:>7.0f}  {sample["delay_p99_us"]:>7.0f}  {received["lost"]:>7}  {received["repaired"]:>8}  '
          f'{received["unrecovered"]:>11}  {pools}', flush=True)


def run(arguments, directory):
    rounds = max(3, round(arguments.minutes * 60 / ROUND_S))
    print(f'{rounds} rounds of {ROUND_S} s, {arguments.loss:g} % loss: in each a feed, two reloads, a new key, forged requests, '
          f'garbage\n{"round":>5}  {"headend KB":>10}  {"receivers KB":>13}  {"p50 us":>7}  {"p99 us":>7}  {"lost":>7}  '
          f'{"repaired":>8}  {"unrecovered":>11}  packets free in pools')
    samples, faults = [], []
    with Network() as network:
        soak = Soak(network, directory, arguments.loss)
        for number in range(1, rounds + 1):
            samples.append(soak.sample(soak.run_round()))
            print_row(number, samples[-1])
            if faults := list(faults_of(samples[-1])):
                break
        for program in (*soak.receivers, soak.headend):
            program.stop()
    return samples, faults or list(growth_of(samples))


def parse_arguments():
    parser = argparse.ArgumentParser(prog='scripts/soak', description=__doc__)
    parser.add_argument('--minutes', type=float, default=10, metavar='N', help='(default 10)')
    parser.add_argument('--loss', type=float, default=5, metavar='PERCENT', help='random loss to each receiver (default 5)')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write what each round showed to FILE')
    arguments = parser.parse_args()
    if not 1 <= arguments.minutes <= 10_000 or not 0 <= arguments.loss <= 10:
        parser.error('--minutes: 1 to 10000; --loss: 0 to 10')
    return arguments


def main():
    arguments = parse_arguments()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(130))
    directory = Path(tempfile.mkdtemp(prefix='linecast-soak-'))
    samples, faults = [], []
    try:
        samples, faults = run(arguments, directory)
    except (LabError, OSError) as error:
        faults.append(str(error))
    finally:
        if not faults:
            shutil.rmtree(directory)
    if arguments.json:
        arguments.json.write_text(json.dumps({'minutes': arguments.minutes, 'loss_percent': arguments.loss,
                                              'rounds': samples, 'faults': faults}, indent=2) + '\n')
    for fault in faults:
        print(f'FAILED: {fault}')
    print(f'logs are kept in {directory}' if faults else 'OK: nothing grew, nothing was lost for good')
    return 1 if faults else 0


if __name__ == '__main__':
    sys.exit(main())
