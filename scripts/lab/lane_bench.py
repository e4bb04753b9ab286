"""scripts/bench lane: what bench/lane_bench finds, and what it is measured against."""

import json
import subprocess
import tempfile

from lab import storm
from lab.programs import BUILD

MOST_QUERY_SHARE = 0.01  # of the lane's time, for a query a second with 2,000 groups joined
MOST_BYTES_PER_GROUP = 1024
# By their numbers in bench/stage_bench.cc.
STEPS = ('receive', 'parse', 'look-up', 'check', 'keep', 'number and seal', 'headers', 'transmit', 'checksum in software')
LOADS = (('load/50_percent', '50 %'), ('load/90_percent', '90 %'))


def run(report, pattern, repetitions, seconds):
    """Adds the benchmarks that match, in interleaved repetitions."""
    with tempfile.NamedTemporaryFile(suffix='.json') as out:
        subprocess.run(
            [BUILD / 'bench/lane_bench', f'--benchmark_filter={pattern}', f'--benchmark_repetitions={repetitions}',
             '--benchmark_enable_random_interleaving=true', f'--benchmark_min_time={seconds}',
             f'--benchmark_out={out.name}', '--benchmark_out_format=json'],
            check=True, stdout=subprocess.DEVNULL)
        rows = json.load(open(out.name, encoding='utf-8'))['benchmarks']
    runs, failures = {}, {}
    for row in rows:
        if row['run_type'] != 'iteration':
            continue
        name = row['run_name'].removesuffix('/manual_time')
        runs.setdefault(name, [])
        if row.get('error_occurred'):
            failures.setdefault(name, []).append(row['error_message'])
        else:
            runs[name].append({key: value for key, value in row.items() if isinstance(value, float) and key not in ('real_time', 'cpu_time')})
    # One that failed now and then met something else on this machine; one that failed each time is at fault.
    for name, why in failures.items():
        print(f'{name}: {len(why)} of {repetitions} runs failed: {why[0]}')
        if not runs[name]:
            report.fail(f'{name}: {why[0]}')
    for name in sorted(filter(runs.get, runs)):
        report.add_runs(name, runs[name])


def show_rates(report, names):
    width = max(map(len, names))
    print(f"\n{'benchmark':<{width}}  Mpps    cycles a packet")
    for name in names:
        row = report.figures[name]
        print(f"{name:<{width}}  {row['mpps']:<6.2f}  {row['cycles_per_packet']:.0f}")


def show_lane(report):
    print()
    for cipher in ('aes128', 'aes256'):
        report.ratio(f'lane/{cipher}', f'bare_gcm/{cipher}', 0.85)
    report.ratio('lane/aes128', 'bare_gcm/aes128/in_place')
    report.ratio('lane/aes128/software_checksum', 'bare_gcm/aes128')
    report.ratio('lane/aes128/2000_channels', 'lane/aes128/1_channel', 1.2, counter='cycles_per_packet', at_most=True,
                 what='cycles a packet with 2,000 channels / with 1, over as many kept frames')
    figures = report.figures
    lanes = figures['two_lanes/aes128']['mpps'] / figures['lane/aes128']['mpps']
    bare = figures['two_lanes/bare_gcm']['mpps'] / figures['bare_gcm/aes128']['mpps']
    report.check('bare GCM on two cores / on one', bare)
    report.check('two lanes / one', lanes, 1.8 if bare >= 1.9 else None)
    report.check('two lanes / one, over the same of bare GCM', lanes / bare, 1.8 / 1.9)
    report.check('hugepage memory of a kept packet, times the frame', figures['lane/aes128']['kept_to_frame'], 1.4, at_most=True)


def steps(report):
    """[(step, cycles a packet that it adds)] of the encrypted lane, the checksum left to the card; and the rest of the lane."""
    totals = [report.figures[f'stages/{number}']['cycles_per_packet'] for number in range(1, len(STEPS) + 1)]
    added = [(step, total - before) for step, total, before in zip(STEPS[:-1], totals, [0, *totals])]
    added.append(('the rest of the lane', report.figures['lane/aes128']['cycles_per_packet'] - totals[-2]))
    return added


def software_checksum(report):
    return report.figures['stages/9']['cycles_per_packet'] - report.figures['stages/8']['cycles_per_packet']


def show_steps(report):
    print('\ncycles a packet that each step of an encrypted lane adds (AES-128, 500 channels):')
    for step, cycles in steps(report):
        print(f'  {step:<22}{cycles:>6.0f}')
    print(f"  {'the lane as a whole':<22}{report.figures['lane/aes128']['cycles_per_packet']:>6.0f}")
    print(f"  {'checksum in software':<22}{software_checksum(report):>6.0f}  where the card does not do it")
    print(f"  {'bare AES-GCM':<22}{report.figures['bare_gcm/aes128']['cycles_per_packet']:>6.0f}  beside it")


def show_load(report):
    print('\n500 channels whose packets meet at random, at a share of what the lane can do; from arrival to the call that transmits:')
    storm.show_waits(report.figures, LOADS)
    print()
    for name, what in LOADS:
        report.check(f"dropped at the card's queue at {what} load", report.figures[name]['dropped_share'], 0.0001, at_most=True,
                     shown='{:.2%}')
    overload = report.figures['load/150_percent']
    print(f"\n150 % for 100 ms, then 50 %: {overload['dropped_share']:.1%} of all packets dropped, every one at the card's queue; packets in memory as before")
    report.check('the channel that was cut most got, of the average share', overload['least_share'], 0.85)
    report.check('from the end of the overload until no more than a burst waits, ms', overload['recovery_us'] / 1000, 1000,
                 at_most=True, shown='{:.3g}')


def show_hosts(report):
    print('\n2,000 groups joined, a general query every second, all answered within its second:')
    for version in ('v3', 'v2'):
        query, idle = report.figures[f'host/{version}/query'], report.figures[f'host/{version}/idle']
        report.check(f"IGMP{version}: share of the lane's time", query['share_of_lane'] - idle['share_of_lane'],
                     MOST_QUERY_SHARE, at_most=True, shown='{:.3%}')
        report.check(f'IGMP{version}: bytes a group', query['bytes_per_group'], MOST_BYTES_PER_GROUP, at_most=True, shown='{:.0f}')


def measure(report, repetitions, seconds):
    print("bench: 500 channels, 64,000 kept frames, 1316-byte payloads; medians of "
          f"{repetitions} interleaved runs", flush=True)
    run(report, '^(lane|bare_gcm|two_lanes|stages)/', repetitions, seconds)
    show_rates(report, [name for name in report.figures if not name.startswith('stages/')])
    show_lane(report)
    show_steps(report)
    run(report, '^load/', repetitions, min(seconds, 0.2))
    show_load(report)
    run(report, '^host/', repetitions, 0.001)
    show_hosts(report)
    run(report, '^(requests|live_delay)/', repetitions, min(seconds, 0.2))
    storm.show_requests(report)
    storm.show_delays(report.figures)
