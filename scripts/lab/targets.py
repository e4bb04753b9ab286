"""What a run of scripts/bench found, beside what it should: printed, gathered, and judged."""

import statistics

TOLERANCE = 0.1  # by which a target may be missed before the run fails


class Report:
    """Figures by name, targets with their verdicts, and what else goes into the JSON."""

    def __init__(self):
        self.figures = {}  # {benchmark: {counter: median}}
        self.spreads = {}  # {benchmark: {counter: half the range of the middle half, as a share of the median}}
        self.targets = []
        self.failures = []

    def add_runs(self, name, rows):
        """rows: {counter: value} of each repetition."""
        self.figures[name], self.spreads[name] = {}, {}
        for counter in rows[0]:
            values = sorted(row[counter] for row in rows)
            median = statistics.median(values)
            quartile = max(1, len(values) // 4)
            spread = (values[-quartile] - values[quartile - 1]) / 2
            self.figures[name][counter] = median
            self.spreads[name][counter] = spread / abs(median) if median else 0

    def check(self, what, value, target=None, *, at_most=False, shown='{:.2f}'):
        """Prints a figure and, where it has a target, whether it is met; returns that."""
        met = target is None or (value <= target if at_most else value >= target)
        far = not met and (value > target * (1 + TOLERANCE) if at_most else value < target * (1 - TOLERANCE))
        verdict = 'met' if met else 'MISSED' if far else f'MISSED, by less than {TOLERANCE:.0%}'
        words = '' if target is None else f'  target {"at most" if at_most else "at least"} {shown.format(target)}: {verdict}'
        print(f'{what}: {shown.format(value)}{words}', flush=True)
        self.targets.append({'what': what, 'value': value, 'target': target, 'at_most': at_most, 'met': met, 'far': far})
        return met

    def fail(self, what):
        """For what gives no figure at all."""
        self.failures.append(what)

    def ratio(self, name, against, target=None, *, counter='mpps', at_most=False, shown='{:.2f}', what=None):
        value = self.figures[name][counter] / self.figures[against][counter]
        return self.check(what or f'{name} / {against}', value, target, at_most=at_most, shown=shown)

    def passed(self):
        """False where a target is missed by more than the tolerance, or something gave no figure."""
        return not self.failures and not any(target['far'] for target in self.targets)

    def json(self):
        return {'figures': self.figures, 'spreads': self.spreads, 'targets': self.targets, 'failures': self.failures}
