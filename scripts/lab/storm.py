"""What a storm of replacement requests costs a lane, from lane_bench's figures; and how long packets wait in it."""

LEAST_REQUESTS = 2.0  # million a second

STORMS = (
    ('requests/clear', 'clear channel, 1,000 receivers'),
    ('requests/cmac/100_receivers', 'CMAC, 100 receivers'),
    ('requests/cmac/10000_receivers', 'CMAC, 10,000 receivers, whose keys are derived each time'),
)
DELAYS = (
    ('live_delay/no_requests', 'no requests'),
    ('live_delay/repairs', '25,000 requests a second, each repaired'),
    ('live_delay/storm', '2,000,000 requests a second, 20,000 of them repaired'),
)


def show_requests(report):
    print('\nREPLACEMENT messages beside live packets, 31 in 32 of them; one is answered, 30 ask for it again; million a second:')
    for name, what in STORMS:
        if name not in report.figures:
            continue  # said already
        report.check(f"{what}, {report.figures[name]['cycles_per_request']:.0f} cycles each", report.figures[name]['mrps'],
                     LEAST_REQUESTS, shown='{:.1f}')


def show_delays(figures):
    print('\n100,000 live packets a second on an encrypted channel, from arrival to the call that transmits them:')
    show_waits(figures, DELAYS)


def show_waits(figures, rows):
    """How long packets wait in the lane, as percentiles and as a histogram. rows: (benchmark, what it is)."""
    rows = [(name, what) for name, what in rows if name in figures]
    width = max(len(what) for _, what in rows)
    print(f"{'':<{width}}{'p50':>9}{'p99':>9}{'p99.9':>9}{'longest':>9}  (us)")
    for name, what in rows:
        row = figures[name]
        print(f"{what:<{width}}{row['p50_us']:>9.1f}{row['p99_us']:>9.1f}{row['p999_us']:>9.1f}{row['most_us']:>9.1f}")
    edges = sorted({key for name, _ in rows for key, share in figures[name].items()
                    if key.startswith('below_') and share > 0}, key=lambda key: int(key.split('_')[1]))
    print('\nshare of packets that waited less, and no less than the row above:')
    print(f"{'us':>10}  " + ''.join(f"{name.split('/')[1]:>14}" for name, _ in rows))
    for edge in edges:
        shares = ''.join(f'{100 * figures[name][edge]:>12.3f} %' for name, _ in rows)
        print(f"{int(edge.split('_')[1]) / 1000:>10.3f}  {shares}")
