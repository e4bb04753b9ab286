"""scripts/bench control: what the control lcore has to keep up with."""

import json
import subprocess
import tempfile
from pathlib import Path

from lab.programs import BUILD

# (benchmark, figure, what it is, target, whether more is better)
USAGE_FIGURES = (
    ('usage/table', 'reports_a_second', 'JOINs taken into the accounts of a million receivers', None, True),
    ('usage/table', 'bytes_per_receiver', 'bytes of state a receiver', 100, False),
    ('usage/journal', 'records_a_second', 'records a second into the journal, on the disk', None, True),
    ('usage/sqlite', 'records_a_second', 'records a second from there into SQLite, in batches of 10,000', 100_000, True),
    ('usage/json', 'records_a_second', 'records a second from there into JSON lines', None, True),
)


def measure(program):
    """{benchmark: its figures} of a program of Google Benchmark's; its files are written below build/."""
    with tempfile.NamedTemporaryFile(suffix='.json') as out:
        subprocess.run([BUILD / 'bench' / program, f'--benchmark_out={out.name}', '--benchmark_out_format=json'],
                       check=True, stdout=subprocess.DEVNULL, cwd=BUILD)
        with open(out.name, encoding='utf-8') as file:
            rows = json.load(file)['benchmarks']
    for row in rows:
        if row.get('error_occurred'):
            raise SystemExit(f'bench: {row["name"]}: {row["error_message"]}')
    return {row['run_name'].split('/iterations')[0]: row for row in rows}


def show(figures, wanted):
    """Prints the figures beside their targets; returns whether all are met."""
    met = True
    for benchmark, figure, what, target, more in wanted:
        value = figures[benchmark][figure]
        good = target is None or (value >= target if more else value < target)
        met = met and good
        verdict = '' if target is None else f'  target {"" if more else "below "}{target:,}: {"met" if good else "MISSED"}'
        print(f'{what}: {value:,.0f}{verdict}', flush=True)
    return met


def run(options):
    """Returns whether every target was met."""
    figures = measure('usage_bench')
    print('usage, a million receivers and a million records:')
    met = show(figures, USAGE_FIGURES)
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=2) + '\n', encoding='utf-8')
    return met


def add_arguments(parser):
    parser.add_argument('--json', metavar='FILE', help='write all figures to FILE')
