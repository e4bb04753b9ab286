"""How long repairs take while the control lcore has everything against it: part of scripts/bench control."""

import contextlib
import socket
import sqlite3
import tempfile
import time
from pathlib import Path

from lab import repair_asker, tunnel_asker
from lab.network import LabError, Network, stop, wait_until
from lab.topology import HEADEND_OUT, SMART_PORT
from lab.tunnel_beds import ASKED_A_SECOND, CONTROL_CPU, GROUP, NETWORK, FedBed

FED_A_SECOND = 400
REPAIRS_A_SECOND = 40
STEP = FED_A_SECOND // REPAIRS_A_SECOND
BACK = 100  # packets, of what is asked for, behind the newest: a quarter of a second
SLOW_CLIENTS = 4  # of the control socket
REPORTS_A_SECOND = 200

# JOIN and LEAVE in turn, so many a second, from a hundred addresses, until it is ended: a record each time.
REPORTER = '''import itertools, socket, struct, sys, time
hop, port, group, a_second, addresses = sys.argv[1], int(sys.argv[2]), socket.inet_aton(sys.argv[3]), float(sys.argv[4]), sys.argv[5:]
sockets = []
for address in addresses:
    sockets.append((address, socket.socket(socket.AF_INET, socket.SOCK_DGRAM)))
    sockets[-1][1].bind((address, 0))
start = time.monotonic()
for number in itertools.count():
    address, s = sockets[number // 2 % len(sockets)]
    s.sendto(struct.pack("!BBH4s4s", 0, 0x42 + number % 2, 12, group, socket.inet_aton(address)), (hop, port))
    time.sleep(max(0.0, start + (number + 1) / a_second - time.monotonic()))
'''


def delays(bed, seconds):
    """Of repairs asked for all that time: their delays, and which share came."""
    count = round(seconds * REPAIRS_A_SECOND)
    # Before all else that shares its processor: what it sends is not to wait.
    asking = bed.run_far(repair_asker.__file__, HEADEND_OUT, SMART_PORT, GROUP, f'{NETWORK}.0.2',
                         bed.program.channels()['tunnelled']['next_sequence'] - BACK, STEP, REPAIRS_A_SECOND, count, realtime=True)
    found = bed.answers(asking)
    took = sorted(found['took_ns'])
    if not took:
        return {'came': 0.0}
    return {'came': len(took) / found['asked'], 'p50_us': took[len(took) // 2] / 1e3, 'p99_us': took[len(took) * 99 // 100] / 1e3,
            'most_us': took[-1] / 1e3}


@contextlib.contextmanager
def everything_against(bed, seconds):
    """The database is locked and records come; clients of the control socket ask and do not read; tunnels are asked for."""
    usage = bed.directory / 'state/usage/usage.sqlite'
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(contextlib.closing(sqlite3.connect(usage, isolation_level=None)))
        database.execute('BEGIN IMMEDIATE')
        for _ in range(SLOW_CLIENTS):
            client = stack.enter_context(socket.socket(socket.AF_UNIX))
            client.connect(str(bed.directory / 'control.sock'))
            client.send(b'{"show": ')
        addresses = sorted({tunnel_asker.address(NETWORK, number) for number in range(10_000)})
        reporter = bed.far.start('taskset', '-c', CONTROL_CPU, '/usr/bin/python3', '-c', REPORTER, HEADEND_OUT, SMART_PORT, GROUP,
                                 REPORTS_A_SECOND, *addresses)
        asking = bed.ask(round(ASKED_A_SECOND * (seconds + 2)))
        time.sleep(1)
        yield
        stop(reporter)
        bed.answers(asking)
        database.execute('ROLLBACK')


def measure(report, rounds, seconds):
    rows = {'control/repairs_calm': [], 'control/repairs_storm': []}
    with tempfile.TemporaryDirectory(prefix='linecast-bench-') as name, Network() as network:
        bed = FedBed(Path(name), network,
                     f'retransmit: {{window_ms: 1000, budget_percent: 100, to: unicast, unicast_prefixes: [{NETWORK}.0.0/16]}}')
        bed.feed(FED_A_SECOND)
        wait_until(lambda: bed.program.channels()['tunnelled']['packets_sent'] > 4 * BACK, 10, 'nothing is fed')
        for _ in range(rounds):
            rows['control/repairs_calm'].append(delays(bed, seconds))
            with everything_against(bed, seconds):
                rows['control/repairs_storm'].append(delays(bed, seconds))
                _, database = bed.program.usage()['sinks']
                if database['failing_s'] is None:
                    raise LabError('the database does not fail')
                waiting = database['waiting']
        bed.stop()
    for what, found in rows.items():
        report.add_runs(what, found)
    print(f'\nrepairs, {REPAIRS_A_SECOND} asked for a second, from the request to the repair at the far end of the wire:')
    for what, text in (('control/repairs_calm', 'in calm'), ('control/repairs_storm', 'in the storm')):
        row = report.figures[what]
        print(f"  {text}: p50 {row['p50_us']:.0f} us, p99 {row['p99_us']:.0f} us, longest {row['most_us']:.0f} us")
        report.check(f'came, {text}', row['came'], 1, shown='{:.2%}')
    print(f'  the storm: {ASKED_A_SECOND:,} tunnels asked for and {REPORTS_A_SECOND} reports a second, {SLOW_CLIENTS} clients of the control socket '
          f'that do not go on, the database locked ({waiting:,} records waited at the end)')
