"""What tunnels and requests for them cost a lane: part of scripts/bench control."""

import re
import tempfile
import time
from pathlib import Path

from lab import devices, lane_bench
from lab.network import Network, stop, wait_until
from lab.topology import HEADEND_IN, HEADEND_OUT
from lab.tunnel_beds import (ASKED_A_SECOND, FEED, GRANTS, HEADEND, MOST_TUNNELS, Bed, FedBed, RepeaterBed, channel, from_feed, port,
                             write_lineup)

PACKETS_A_SECOND = 1_500
TUNNELS = 1_000
PACKETS_TO_ALL = 50
PACKETS_TO_ALL_A_SECOND = 10
SETTLE_S = 1.0
ETHERNET_HEADER = 14


def into_tunnels(seconds):
    """One packet to a thousand tunnels; then as many frames of that size from testpmd, by AF_XDP to the same end of a veth pair."""
    with tempfile.TemporaryDirectory(prefix='linecast-bench-') as name, Network() as network:
        bed = FedBed(Path(name), network)
        bed.grant(TUNNELS)
        feeder = bed.feed(PACKETS_A_SECOND)
        wait_until(lambda: bed.tunnelled()[0] > 10 * TUNNELS, 10, 'nothing comes by tunnel')
        found = {'control/into_1000_tunnels': devices.busiest_thread(bed.program.process, seconds, bed.arrived)}
        stop(feeder)
        packets, ip_bytes = bed.tunnelled()
        bed.stop()
        found['control/txonly'] = devices.testpmd(bed.hop, bed.directory, (devices.XDP_DEVICE,), 'txonly', seconds, bed.arrived,
                                                  ip_bytes // packets + ETHERNET_HEADER)
        return found


def most_tunnels(kind):
    """So many tunnels are asked for at a rate; then each is to get every packet. kind: of bed."""
    with tempfile.TemporaryDirectory(prefix='linecast-bench-') as name, Network() as network:
        bed = kind(Path(name), network)
        asked = bed.grant(MOST_TUNNELS)
        before, began = bed.tunnelled()[0], time.monotonic()
        bed.feed(PACKETS_TO_ALL_A_SECOND, PACKETS_TO_ALL).wait(60)
        wanted = PACKETS_TO_ALL * MOST_TUNNELS

        def carried():
            return bed.program.channels()['tunnelled']['tunnel_packets']
        wait_until(lambda: carried() >= wanted, 30, 'not all is sent into the tunnels')
        took_s = time.monotonic() - began
        row = bed.program.channels()['tunnelled']
        resident = int(re.search(r'VmRSS:\s+(\d+)', Path(f'/proc/{bed.program.process.pid}/status').read_text())[1])
        found = {'asked_a_second': MOST_TUNNELS / asked['asked_s'], 'arrived_share': (bed.tunnelled()[0] - before) / wanted,
                 'packets_a_second': wanted / took_s, 'behind': float(row['dropped'].get('tunnel_behind', 0)), 'resident_kib': float(resident)}
        bed.stop()
        return found


MOST = (('control/10000_tunnels', 'headend', FedBed), ('control/10000_tunnels_of_a_repeater', 'repeater', RepeaterBed))


def storm(seconds, pairs):
    """What a lane that is flat out does while tunnels are asked for, and while none are: [(calm, storm)]."""
    with tempfile.TemporaryDirectory(prefix='linecast-bench-') as name, Network() as network:
        directory = Path(name)
        devices.write_feed(directory / 'feed.pcap')
        bed = Bed(directory, network)
        others = devices.channel_rows(False, 'sink')
        bed.start(write_lineup(directory / 'lineup.yaml', HEADEND,
                               port('in', devices.IN_DEVICE.format(directory=directory), HEADEND_IN)
                               + port('sink', devices.NULL_DEVICE, '10.73.0.1') + port('out', devices.XDP_DEVICE, HEADEND_OUT),
                               others + channel(from_feed(*FEED)), GRANTS))
        rows = []
        for _ in range(pairs):
            calm = devices.busiest_thread(bed.program.process, seconds, bed.program.transmitted)
            asking = bed.ask(round(ASKED_A_SECOND * (seconds + SETTLE_S)))
            time.sleep(SETTLE_S / 2)
            stormy = devices.busiest_thread(bed.program.process, seconds, bed.program.transmitted)
            answers = bed.answers(asking)
            rows.append((calm, {**stormy, 'granted_a_second': answers['granted'] / answers['answered_s']}))
        bed.stop()
        return rows


def on_ports_in_memory(report):
    lane_bench.run(report, '^into_tunnels/', 3, 0.2)
    print('one packet to so many tunnels, on ports in memory, million frames a second:')
    for segments, what in ((1, 'by reference, of two segments'), (0, 'by copy')):
        found = [report.figures[f'into_tunnels/tunnels:{tunnels}/segments:{segments}']['items_per_second'] / 1e6
                 for tunnels in (1, TUNNELS, MOST_TUNNELS)]
        print(f'  {what}: ' + ', '.join(f'{tunnels:,}: {rate:.2f}' for tunnels, rate in zip((1, TUNNELS, MOST_TUNNELS), found)))
    print()


def measure(report, rounds, seconds):
    on_ports_in_memory(report)
    print(f'tunnels: one packet to {TUNNELS:,} of them beside testpmd, by AF_XDP on veth; medians of {rounds} rounds', flush=True)
    rows = {}
    for _ in range(rounds):
        for what, found in into_tunnels(seconds).items():
            rows.setdefault(what, []).append(found)
    for calm, stormy in storm(seconds, rounds):
        rows.setdefault('control/calm', []).append(calm)
        rows.setdefault('control/storm', []).append(stormy)
    for what, _, kind in MOST:
        rows[what] = [most_tunnels(kind)]
    for what, found in rows.items():
        report.add_runs(what, found)
    figures = report.figures
    for what, text in (('control/into_1000_tunnels', 'a lane into a thousand tunnels, packets for a second of its processor time'),
                       ('control/txonly', 'testpmd txonly, frames of the same size')):
        report.check(text, figures[what]['packets_per_cpu_second'], shown='{:,.0f}')
    report.ratio('control/into_1000_tunnels', 'control/txonly', 0.6, counter='packets_per_cpu_second',
                 what='a lane into a thousand tunnels / testpmd txonly')
    print(f'\n{ASKED_A_SECOND:,} tunnels asked for a second, beside a lane that is flat out:')
    report.check('granted a second', figures['control/storm']['granted_a_second'], 0.9 * ASKED_A_SECOND, shown='{:,.0f}')
    report.ratio('control/storm', 'control/calm', 0.98, counter='packets_per_cpu_second', shown='{:.3f}',
                 what='packets of the lane meanwhile / in calm')
    for name, what, _ in MOST:
        print(f'\n{MOST_TUNNELS:,} tunnels of one channel, granted by a {what}:')
        most = figures[name]
        report.check('asked for, and all granted, a second', most['asked_a_second'], shown='{:,.0f}')
        report.check(f'of {PACKETS_TO_ALL} packets to each, arrived', most['arrived_share'], 1, shown='{:.2%}')
        report.check('resident memory without hugepages, MiB', most['resident_kib'] / 1024, shown='{:.0f}')


def missing():
    return devices.missing()
