"""scripts/simulate: runs the simulator over group sizes and losses, writes CSV, and plots it."""

import argparse
import csv
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / 'build/tests/sim/simulate'

SIZES = [10, 100, 1_000, 10_000, 100_000, 1_000_000]
GRID_SIZES = [1, 10, 100, 1_000, 10_000]
LOSSES = [0.0001, 0.001, 0.01, 0.05]
UNLIMITED = 100  # times the stream's rate: a budget that never bites
# What a loss that a million share may bring the sender: (repeaters every, mean, 95th percentile).
TARGETS = [(0, 5, 10), (1000, 3, None)]


class Simulator:
    """Runs the program, each run a part of a figure; says what it does."""

    def __init__(self, seed):
        self.seed = seed

    def rows(self, **options):
        """The figures of one run, a dictionary for each row. options: the program's, _ for -."""
        arguments = [f'--{name.replace("_", "-")}={",".join(map(str, value)) if isinstance(value, list) else value}'
                     for name, value in options.items()]
        print('simulate ' + ' '.join(arguments), flush=True)
        done = subprocess.run([PROGRAM, f'--seed={self.seed}', '--json', *arguments], stdout=subprocess.PIPE, text=True,
                              check=False)
        if done.returncode != 0:
            raise SystemExit(done.returncode)
        return json.loads(done.stdout)


def repetitions(receivers, quick):
    """Of a loss that all share: fewer where each takes seconds."""
    return 50 if quick else max(25, min(500, 5_000_000 // receivers))


def requests(simulator, quick):
    rows = []
    for every in (0, 1000):
        for receivers in SIZES[:4] if quick else SIZES:
            if receivers > every:
                rows += [{'repeaters_every': every, **row} for row in
                         simulator.rows(scenario='shared-loss', receivers=receivers, repeaters_every=every,
                                        repetitions=repetitions(receivers, quick))]
    return rows


def grid(simulator, quick):
    rows = []
    for receivers in GRID_SIZES[:3] if quick else GRID_SIZES:
        # Small groups for longer, so that they lose as much; and none of which each packet is lost by hundreds.
        rows += simulator.rows(scenario='stream', receivers=receivers,
                               loss=[loss for loss in LOSSES if receivers * loss <= 100], budget=[0.25, UNLIMITED],
                               rate=200, seconds=max(2, min(30 if quick else 100, 20_000 // receivers)))
    return rows


def independent(simulator, quick):
    rows = []
    for every in (0, 1000, 100, 25):
        rows += [{'repeaters_every': every, **row} for row in
                 simulator.rows(scenario='stream', receivers=1_000 if quick else 10_000, loss=0.01,
                                repeaters_every=every, budget=[0.25, UNLIMITED], rate=100, seconds=5)]
    return rows


def bursts(simulator, quick):
    rows = []
    for spell in (0, 4, 16, 64):
        rows += simulator.rows(scenario='stream', receivers=100, loss=[0.001, 0.01], spell=spell, budget=[1], rate=1000,
                               seconds=10 if quick else 60)
    return rows


FIGURES = {
    'requests': (requests, 'requests that reach the sender for a loss that all share, over group size'),
    'grid': (grid, 'repairs, requests, what stays unrecovered and delay, over group size and independent loss'),
    'independent': (independent, '1 % independent loss, with and without repeaters'),
    'bursts': (bursts, 'loss in spells (Gilbert-Elliott) beside random loss'),
}


# --- tables and verdicts ---------------------------------------------------------------------------------------------

COLUMNS = {
    'requests': ('receivers', 'repeaters_every', 'losses', 'requests_mean', 'requests_p95', 'requests_max',
                 'round_trip_ms', 'quiet_mean', 'delay_mean_ms', 'delay_p95_ms', 'unrecovered_share'),
    'grid': ('receivers', 'loss', 'budget', 'repair_share', 'requests_per_s', 'over_budget_per_s', 'unrecovered_share',
             'delay_mean_ms', 'delay_p95_ms', 'delay_max_ms'),
    'independent': ('receivers', 'repeaters_every', 'budget', 'repair_share', 'requests_per_s', 'repeater_repair_share',
                    'repeater_requests_per_s', 'unrecovered_share', 'delay_mean_ms', 'delay_p95_ms'),
    'bursts': ('loss', 'spell', 'repair_share', 'requests_per_s', 'unrecovered_share', 'delay_mean_ms',
               'delay_p95_ms', 'delay_max_ms'),
}


def table(name, rows):
    lines = [COLUMNS[name]] + [[f'{row[column]:.4g}' if row[column] % 1 else f'{row[column]:.0f}'
                                for column in COLUMNS[name]] for row in rows]
    widths = [max(len(line[k]) for line in lines) for k in range(len(lines[0]))]
    return '\n'.join('  '.join(cell.rjust(width) for cell, width in zip(line, widths)) for line in lines)


def verdicts(rows):
    """(line, whether the target is met) for each target that the rows tell of."""
    for every, mean, p95 in TARGETS:
        for row in rows:
            if row['receivers'] != 1_000_000 or row['repeaters_every'] != every:
                continue
            where = f'a million receivers, {f"repeaters every {every:,}" if every else "one hop"}'
            yield f'{where}: mean {row["requests_mean"]:.2f} requests (target {mean})', row['requests_mean'] <= mean
            if p95 is not None:
                yield f'{where}: 95th percentile {row["requests_p95"]:.0f} (target {p95})', row['requests_p95'] <= p95


# --- plots -----------------------------------------------------------------------------------------------------------

def plots(name, rows):
    """{file name: figure}"""
    import matplotlib  # pylint: disable=import-outside-toplevel
    matplotlib.use('Agg')
    from matplotlib import pyplot  # pylint: disable=import-outside-toplevel

    def axes(title, y_label, **scales):
        figure, drawn = pyplot.subplots(figsize=(6.4, 3.8), layout='constrained')
        drawn.set_title(title, fontsize=10)
        drawn.set_xlabel('receivers')
        drawn.set_ylabel(y_label)
        drawn.set_xscale('log')
        drawn.set_yscale(scales.get('yscale', 'linear'))
        drawn.grid(alpha=0.3)
        return figure, drawn

    def over_size(drawn, chosen, column, **style):
        drawn.plot([row['receivers'] for row in chosen], [row[column] for row in chosen], marker='o', markersize=3,
                   **style)

    if name == 'requests':
        figure, drawn = axes('A loss that all receivers share: requests that reach the sender', 'requests')
        for every, color in ((0, 'tab:blue'), (1000, 'tab:orange')):
            chosen = [row for row in rows if row['repeaters_every'] == every]
            label = f'repeaters every {every:,}' if every else 'one hop'
            over_size(drawn, chosen, 'requests_mean', color=color, label=f'{label}, mean')
            over_size(drawn, chosen, 'requests_p95', color=color, linestyle='--', label=f'{label}, 95th percentile')
        drawn.axhline(5, color='grey', linewidth=0.8, linestyle=':')
        drawn.set_ylim(bottom=0)
        drawn.legend(fontsize=8)
        return {'requests': figure}

    if name == 'grid':
        figures = {}
        for file, column, title, y_label, budget in (
                ('repairs', 'repair_share', 'Independent loss: repairs, no budget', 'repairs / originals', UNLIMITED),
                ('unrecovered', 'unrecovered_share', 'Independent loss: unrecovered, budget 25 %', 'share of packets',
                 0.25),
                ('delay', 'delay_p95_ms', 'Independent loss: delay of what was recovered, budget 25 %',
                 'ms, 95th percentile', 0.25)):
            figure, drawn = axes(title, y_label, yscale='linear' if file == 'delay' else 'log')
            for loss in LOSSES:
                chosen = [row for row in rows if row['loss'] == loss and row['budget'] == budget and row[column] > 0]
                over_size(drawn, chosen, column, label=f'loss {100 * loss:g} %')
            if file == 'repairs':
                drawn.axhline(0.25, color='grey', linewidth=0.8, linestyle=':')
            drawn.legend(fontsize=8)
            figures[file] = figure
        return figures
    return {}


def main():
    if sys.argv[1:2] == ['run']:
        os.execv(PROGRAM, ['simulate', *sys.argv[2:]])
    parser = argparse.ArgumentParser(
        prog='scripts/simulate', formatter_class=argparse.RawDescriptionHelpFormatter,
        description='Senders, receivers and repeaters on simulated time and links: tables, CSV and plots.',
        epilog='figures:\n' + '\n'.join(f'  {name:<12} {text}' for name, (_, text) in FIGURES.items()) + '''

examples:
  scripts/simulate --quick             all figures, smaller and with fewer repetitions: a minute
  scripts/simulate requests            the million-receiver figure, and whether it meets its targets
  scripts/simulate requests --docs     that, and the plot in docs/simulation.md made again
  scripts/simulate run --help          the simulator itself: any scenario, one row at a time

Exit code: 0 done and every target that was looked at met (of a million receivers, without --quick), 1 one missed, 2 wrong usage.''')
    parser.add_argument('figures', nargs='*', metavar='FIGURE', help=f'{", ".join(FIGURES)} (all)')
    parser.add_argument('--quick', action='store_true', help='smaller groups and fewer repetitions')
    parser.add_argument('--seed', type=int, default=1, metavar='N', help='the same seed gives the same figures (1)')
    parser.add_argument('--out', type=Path, default=ROOT / 'build/simulation', metavar='DIR',
                        help='for CSV and PNG (build/simulation)')
    parser.add_argument('--docs', action='store_true', help='write the plots to docs/ too')
    options = parser.parse_args()
    if unknown := [name for name in options.figures if name not in FIGURES]:
        parser.error(f'no figure {unknown[0]}: choose from {", ".join(FIGURES)}')

    try:
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        print(f'simulate: {options.out}: {error.strerror}: give --out a directory that you may write to', file=sys.stderr)
        return 2
    simulator = Simulator(options.seed)
    met = True
    for name in options.figures or FIGURES:
        rows = FIGURES[name][0](simulator, options.quick)
        with open(options.out / f'{name}.csv', 'w', encoding='utf-8', newline='') as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
        print(f'\n{FIGURES[name][1]}:\n{table(name, rows)}\n', flush=True)
        if name == 'requests':
            for line, good in verdicts(rows):
                met = met and good
                print(f'{line}: {"met" if good else "MISSED"}')
        for file, figure in plots(name, rows).items():
            for path in [options.out / f'{file}.png'] + [ROOT / f'docs/simulation-{file}.png'] * options.docs:
                figure.savefig(path, dpi=90)
                print(path)
    return 0 if met else 1


if __name__ == '__main__':
    sys.exit(main())
