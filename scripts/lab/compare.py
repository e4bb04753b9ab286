"""scripts/bench --against FILE: what has become slower since a result was stored."""

import json
import pathlib

# What is compared, and whether more of it is better.
COUNTERS = {'mpps': True, 'mrps': True, 'packets_per_cpu_second': True, 'p50_us': False,
            'instructions_per_packet': False}
# Machines differ from run to run, mostly in what else they do: rates are compared as shares of these, of the same run.
YARDSTICK = ('bare_gcm/aes128', 'mpps')
LEAST_CHANGE = 0.03  # that is told


def load(path):
    try:
        stored = json.loads(pathlib.Path(path).read_text(encoding='utf-8'))
        return stored['figures'], stored['spreads']
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SystemExit(f'bench: {path}: {error}: give --against a file that scripts/bench --json wrote') from None


def show(report, path):
    """Prints each figure that both runs have and that differs; returns whether any is slower."""
    stored, stored_spreads = load(path)
    benchmark, counter = YARDSTICK
    scale = 1
    if benchmark in stored and benchmark in report.figures:
        scale = stored[benchmark][counter] / report.figures[benchmark][counter]
        print(f'\nbeside {path}: {benchmark} ran at {1 / scale:.2f} times the speed of then; rates below are freed of that')
    else:
        print(f'\nbeside {path}:')
    slower, compared = [], 0
    for name in sorted(stored.keys() & report.figures.keys()):
        for counter_name, more_is_better in COUNTERS.items():
            if counter_name not in stored[name] or counter_name not in report.figures[name]:
                continue
            was, now = stored[name][counter_name], report.figures[name][counter_name]
            if was <= 0 or now <= 0:
                continue
            compared += 1
            ratio = now / was
            if counter_name in ('mpps', 'mrps'):
                ratio *= scale
            elif counter_name == 'p50_us':
                ratio /= scale
            # How far medians are from one another by chance: what the runs spread by, of both.
            noise = max(LEAST_CHANGE, stored_spreads[name].get(counter_name, 0) + report.spreads[name].get(counter_name, 0))
            if abs(ratio - 1) <= noise:
                continue
            worse = (ratio < 1) == more_is_better
            if worse:
                slower.append(name)
            print(f"  {name} {counter_name}: {was:.4g} -> {now:.4g}, {ratio - 1:+.1%} (noise {noise:.1%}): {'SLOWER' if worse else 'faster'}")
    print(f'  {compared} figures compared, {len(slower)} slower' if compared else '  nothing in common')
    return bool(slower)
