"""scripts/bench all --docs: the figures and plots of docs/performance.md, made again."""

import os
import re

from lab import lane_bench
from lab.programs import ROOT

PAGE = ROOT / 'docs/performance.md'
# On the wire: a sealed frame of seven TS packets, and preamble, check sequence and gap.
FRAME_BYTES = 1390
WIRE_BYTES = FRAME_BYTES + 24
CARDS_GBPS = (10, 25, 100)
QUIET_LOAD = 4
LONGEST = 3  # times the target: a bar's end
LANES = (('lane/aes128', 'AES-128'), ('lane/aes256', 'AES-256'), ('lane/aes128/software_checksum', 'AES-128, checksum in software'),
         ('lane/clear', 'not encrypted'))


def table(heads, rows):
    lines = ['| ' + ' | '.join(heads) + ' |', '|' + '---|' * len(heads)]
    return '\n'.join(lines + ['| ' + ' | '.join(map(str, row)) + ' |' for row in rows])


def machine():
    model = re.search(r'^model name\s*:\s*(.+)$', open('/proc/cpuinfo', encoding='utf-8').read(), re.M)
    load = os.getloadavg()[1]
    warning = '' if load < QUIET_LOAD else (' **Other programs ran meanwhile: these are not the machine\'s own figures. Make them again when it is '
                                            'quiet.**')
    return (f'{model[1] if model else "unknown processor"}, {len(os.sched_getaffinity(0))} cores; load over the last 5 minutes of the run: '
            f'{load:.1f}, of which the run itself makes 2 to 3.{warning}')


def targets(report):
    rows = []
    for target in report.targets:
        if target['target'] is None:
            continue
        relation = 'at most' if target['at_most'] else 'at least'
        rows.append((target['what'], f"{target['value']:.3g}", f"{relation} {target['target']:.3g}", 'met' if target['met'] else '**missed**'))
    return table(('what', 'measured', 'target', ''), rows)


def rates(report):
    names = [name for name in report.figures if re.match(r'(lane|bare_gcm|two_lanes)/', name)]
    return table(('benchmark', 'million packets a second', 'cycles a packet', 'spread of the runs'),
                 [(name, f"{report.figures[name]['mpps']:.2f}", f"{report.figures[name]['cycles_per_packet']:.0f}",
                   f"{report.spreads[name]['cycles_per_packet']:.1%}") for name in names])


def steps(report):
    rows = [(step, f'{cycles:.0f}') for step, cycles in lane_bench.steps(report)]
    rows += [('**the lane as a whole**', f"**{report.figures['lane/aes128']['cycles_per_packet']:.0f}**"),
             ('checksum in software, where the card does not do it', f'{lane_bench.software_checksum(report):.0f}'),
             ('bare AES-GCM over the same memory', f"{report.figures['bare_gcm/aes128']['cycles_per_packet']:.0f}")]
    return table(('step', 'cycles a packet'), rows)


def waits(report):
    return table(('load', 'p50, us', 'p99, us', 'p99.9, us', 'longest, us'),
                 [(what, *(f'{report.figures[name][key]:.1f}' for key in ('p50_us', 'p99_us', 'p999_us', 'most_us')))
                  for name, what in lane_bench.LOADS])


def packets_a_second(gbps):
    return gbps * 1e9 / 8 / WIRE_BYTES


def scaling(report):
    rows = []
    for name, what in LANES:
        rate = report.figures[name]['mpps'] * 1e6
        rows.append((what, f'{rate * WIRE_BYTES * 8 / 1e9:.1f}', *(f'{packets_a_second(gbps) / rate:.2f}' for gbps in CARDS_GBPS)))
    return table(('lane', 'Gbit/s of one lane', *(f'lanes for {gbps} Gbit/s' for gbps in CARDS_GBPS)), rows)


SECTIONS = {'machine': lambda _: machine(), 'targets': targets, 'rates': rates, 'steps': steps, 'waits': waits, 'scaling': scaling,
            'peers': lambda report: table(('sender or receiver', 'packets for a second of processor time'),
                                          [(name, f"{row['packets_per_cpu_second']:,.0f}") for name, row in report.figures.items()
                                           if 'packets_per_cpu_second' in row])}


def write_page(report):
    text = PAGE.read_text(encoding='utf-8')
    for name, make in SECTIONS.items():
        text, found = re.subn(rf'(<!-- figures: {name} -->\n).*?(<!-- end -->)', lambda m, made=make(report): f'{m[1]}{made}\n{m[2]}', text,
                              flags=re.S)
        if found != 1:
            raise SystemExit(f'bench: {PAGE} has {found} places for "{name}"')
    PAGE.write_text(text, encoding='utf-8')


def axes(pyplot, title, **size):
    figure, drawn = pyplot.subplots(figsize=(size.get('width', 6.4), size.get('height', 3.4)), layout='constrained')
    drawn.set_title(title, fontsize=10)
    drawn.grid(alpha=0.3)
    drawn.set_axisbelow(True)
    return figure, drawn


def plot_steps(pyplot, report):
    figure, drawn = axes(pyplot, 'Cycles a packet by step: AES-128, 500 channels, checksum by the card', height=2.6)
    left = 0
    for number, (step, cycles) in enumerate(lane_bench.steps(report)):
        drawn.barh('lane', max(cycles, 0), left=left, label=step, color=pyplot.get_cmap('tab10')(number))
        left += max(cycles, 0)
    drawn.barh('bare AES-GCM', report.figures['bare_gcm/aes128']['cycles_per_packet'], color='lightgrey')
    drawn.invert_yaxis()
    drawn.set_xlabel('cycles of the time stamp counter')
    drawn.legend(fontsize=7, ncols=5, loc='upper center', bbox_to_anchor=(0.5, -0.35))
    return figure


def plot_targets(pyplot, report):
    judged = [target for target in report.targets if target['target']]
    figure, drawn = axes(pyplot, 'Measured beside the target (1 = met; longer is better)', width=8, height=0.28 * len(judged) + 1)
    shares = [target['value'] / target['target'] for target in judged]
    shares = [(1 / share if share > 0 else LONGEST) if target['at_most'] else share for share, target in zip(shares, judged)]
    drawn.barh([target['what'] for target in judged], [min(max(share, 0), LONGEST) for share in shares],
               color=['tab:green' if target['met'] else 'tab:red' for target in judged])
    drawn.axvline(1, color='black', linewidth=0.8)
    drawn.set_xlim(0, LONGEST)
    drawn.tick_params(axis='y', labelsize=7)
    drawn.invert_yaxis()
    return figure


def plot_waits(pyplot, report):
    figure, drawn = axes(pyplot, 'How long packets wait in a lane: 500 channels that meet at random')
    for name, what in lane_bench.LOADS:
        row = report.figures[name]
        buckets = sorted((int(key.split('_')[1]), share) for key, share in row.items() if key.startswith('below_'))
        ends = [end / 1000 for end, _ in buckets]
        drawn.stairs([share for _, share in buckets], [ends[0] / 2, *ends], fill=True, alpha=0.5,
                     label=f"{what} load: p50 {row['p50_us']:.1f}, p99 {row['p99_us']:.1f}, p99.9 {row['p999_us']:.1f} us")
    drawn.set_xscale('log')
    drawn.set_xlabel('us from arrival to the call that transmits')
    drawn.set_ylabel('share of packets')
    drawn.legend(fontsize=8)
    return figure


def plot_scaling(pyplot, report):
    figure, drawn = axes(pyplot, 'What lanes can send, beside what cards can')
    # As the second lane adds, so do the others: they share nothing but memory.
    step = report.figures['two_lanes/aes128']['mpps'] / report.figures['lane/aes128']['mpps'] - 1
    counts = range(1, 9)
    for name, what in LANES:
        one = report.figures[name]['mpps'] * 1e6 * WIRE_BYTES * 8 / 1e9
        drawn.plot(counts, [one * (1 + step * (count - 1)) for count in counts], marker='o', markersize=3, label=what)
    for gbps in CARDS_GBPS:
        drawn.axhline(gbps, color='grey', linewidth=0.8, linestyle='--')
        drawn.text(8, gbps, f'{gbps} Gbit/s', fontsize=8, ha='right', va='bottom')
    drawn.set_yscale('log')
    drawn.set_xlabel('lanes, each a core of its own')
    drawn.set_ylabel('Gbit/s on the wire')
    drawn.legend(fontsize=8)
    return figure


PLOTS = {'steps': plot_steps, 'targets': plot_targets, 'waits': plot_waits, 'scaling': plot_scaling}


def write(report):
    import matplotlib  # pylint: disable=import-outside-toplevel
    matplotlib.use('Agg')
    from matplotlib import pyplot  # pylint: disable=import-outside-toplevel
    for name, plot in PLOTS.items():
        path = ROOT / f'docs/performance-{name}.png'
        plot(pyplot, report).savefig(path, dpi=90)
        print(path)
    write_page(report)
    print(PAGE)
