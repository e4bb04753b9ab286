"""scripts/bench control: what the control lcore keeps up with, and what tunnels cost the lanes."""

import json
import subprocess
import tempfile

from lab import repair_delays, tunnel_storm
from lab.programs import BUILD

# (benchmark, figure, what it is, target, whether at most)
USAGE_FIGURES = (
    ('usage/table', 'reports_a_second', 'JOINs a second taken into the accounts of a million receivers', None, False),
    ('usage/table', 'bytes_per_receiver', 'bytes of state a receiver', 100, True),
    ('usage/journal', 'records_a_second', 'records a second into the journal, on the disk', None, False),
    ('usage/sqlite', 'records_a_second', 'records a second from there into SQLite, in batches of 10,000', 100_000, False),
    ('usage/json', 'records_a_second', 'records a second from there into JSON lines', None, False),
)


def usage(report):
    """Its files are written below build/."""
    with tempfile.NamedTemporaryFile(suffix='.json') as out:
        subprocess.run([BUILD / 'bench/usage_bench', f'--benchmark_out={out.name}', '--benchmark_out_format=json'],
                       check=True, stdout=subprocess.DEVNULL, cwd=BUILD)
        with open(out.name, encoding='utf-8') as file:
            rows = json.load(file)['benchmarks']
    print('usage, a million receivers and a million records:')
    for row in rows:
        name = row['run_name'].split('/iterations')[0]
        if row.get('error_occurred'):
            print(f'{name}: {row["error_message"]}')
            report.fail(f'{name}: {row["error_message"]}')
        else:
            report.add_runs(name, [{key: value for key, value in row.items() if isinstance(value, float)}])
    for name, figure, what, target, at_most in USAGE_FIGURES:
        if name in report.figures:
            report.check(what, report.figures[name][figure], target, at_most=at_most, shown='{:,.0f}')


def measure(report, rounds, seconds):
    usage(report)
    print()
    tunnel_storm.measure(report, rounds, seconds)
    repair_delays.measure(report, rounds, seconds)


missing = tunnel_storm.missing


def add_arguments(parser):
    parser.add_argument('--rounds', type=int, default=5, metavar='N', help='of what is compared, one after the other (5)')
    parser.add_argument('--seconds', type=float, default=2, metavar='S', help='that each of them takes (2)')
