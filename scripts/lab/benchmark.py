"""scripts/bench: runs the benchmarks and sets their figures beside what they are measured against, from one run."""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
# pylint: disable=wrong-import-position
from lab import control, reliability, storm
from lab.network import LabError
from lab.programs import ROOT

# What is divided by what (packets a second), and the least that it must come to.
RATIOS = (
    ("lane/aes128", "bare_gcm/aes128", 0.6),
    ("lane/aes256", "bare_gcm/aes256", 0.6),
    ("lane/aes128", "bare_gcm/aes128/in_place", None),
    ("lane/aes128/software_checksum", "bare_gcm/aes128", None),
)
MOST_KEPT_TO_FRAME = 1.4
MOST_QUERY_SHARE = 0.01  # of the lane's time, for a query a second with 2,000 groups joined
MOST_BYTES_PER_GROUP = 1024


def run(pattern, repetitions, seconds):
    """{benchmark: medians}"""
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        subprocess.run(
            [ROOT / "build/bench/lane_bench", f"--benchmark_filter={pattern}", f"--benchmark_repetitions={repetitions}",
             "--benchmark_enable_random_interleaving=true", f"--benchmark_min_time={seconds}",
             f"--benchmark_out={out.name}", "--benchmark_out_format=json"],
            check=True, stdout=subprocess.DEVNULL)
        report = json.load(open(out.name, encoding="utf-8"))
    figures = {}
    for row in report["benchmarks"]:
        if row.get("error_occurred"):
            raise SystemExit(f"bench: {row['name']}: {row['error_message']}")
        if row.get("aggregate_name") == "median":
            name = row["run_name"].removesuffix("/manual_time")
            figures[name] = {key: value for key, value in row.items() if isinstance(value, float)}
    return figures


def add_arguments(parser):
    parser.add_argument("--json", metavar="FILE", help="write all figures to FILE")
    parser.add_argument("--repetitions", type=int, default=9, metavar="N", help="of each benchmark, interleaved (9)")
    parser.add_argument("--seconds", type=float, default=0.5, metavar="S", help="least time of one repetition (0.5)")


def run_lane(options):
    """Returns whether every target was met."""
    print("bench: 500 channels, 64,000 kept frames, 1316-byte payloads; medians of "
          f"{options.repetitions} interleaved runs", flush=True)
    figures = run("^(lane|bare_gcm)/", options.repetitions, options.seconds)
    width = max(map(len, figures))
    print(f"\n{'benchmark':<{width}}  Mpps   cycles a packet")
    for name, row in figures.items():
        print(f"{name:<{width}}  {row['mpps']:<5.2f}  {row['cycles_per_packet']:.0f}")

    met = True
    ratios = []
    print()
    for name, against, target in RATIOS:
        ratio = figures[name]["mpps"] / figures[against]["mpps"]
        ratios.append({"benchmark": name, "against": against, "ratio": ratio, "target": target})
        verdict = "" if target is None else f"  target {target}: {'met' if ratio >= target else 'MISSED'}"
        met = met and (target is None or ratio >= target)
        print(f"{name} / {against}: {ratio:.2f}{verdict}")
    lane = figures["lane/aes128"]
    kept = lane["kept_to_frame"]
    met = met and kept <= MOST_KEPT_TO_FRAME
    print(f"hugepage memory of a kept packet: {lane['bytes_per_kept_packet']:.0f} bytes, {kept:.2f} times the frame"
          f"  target {MOST_KEPT_TO_FRAME}: {'met' if kept <= MOST_KEPT_TO_FRAME else 'MISSED'}")
    hosts = run("^host/", options.repetitions, 0.001)
    print("\n2,000 groups joined, a general query every second, all answered within its second:")
    for version in ("v3", "v2"):
        share = hosts[f"host/{version}/query"]["share_of_lane"] - hosts[f"host/{version}/idle"]["share_of_lane"]
        memory = hosts[f"host/{version}/query"]["bytes_per_group"]
        good = share < MOST_QUERY_SHARE and memory < MOST_BYTES_PER_GROUP
        met = met and good
        print(f"IGMP{version}: {100 * share:.3f} % of the lane's time, {memory:.0f} bytes a group"
              f"  targets {100 * MOST_QUERY_SHARE:.0f} %, {MOST_BYTES_PER_GROUP}: {'met' if good else 'MISSED'}")
    storm_figures = run("^(requests|live_delay)/", options.repetitions, min(options.seconds, 0.2))
    met = storm.show_requests(storm_figures) and met
    storm.show_delays(storm_figures)
    figures |= hosts | storm_figures
    if options.json:
        pathlib.Path(options.json).write_text(
            json.dumps({"figures": figures, "ratios": ratios}, indent=2) + "\n", encoding="utf-8")
    return met


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description="Measures, and says which targets are met; without a COMMAND what is quick: lane.",
        epilog="Examples: scripts/bench --json lane.json; scripts/bench reliability --packets 20000 --loss 10. "
               "Exit code: 0 every target met, 1 one missed or a failure, 2 wrong usage.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    lane = commands.add_parser(
        "lane", help="the headend's lane, and a storm of requests on it, on ports in memory; two minutes",
        description="The headend lane beside bare ipsec-mb AES-GCM, what its hosts cost it, how many requests for repairs it takes, and "
                    "how long live packets wait beside repairs; on ports in memory.",
        epilog="Example: scripts/bench lane --json lane.json")
    add_arguments(lane)
    lane.set_defaults(run=run_lane)
    tasks = commands.add_parser(
        "control", help="what the control lcore keeps up with: usage records; a minute",
        description="How fast a million receivers' reports are accounted, and a million records of them written; on the disk "
                    "that build/ is on.",
        epilog="Example: scripts/bench control --json control.json")
    control.add_arguments(tasks)
    tasks.set_defaults(run=control.run)
    losses = commands.add_parser(
        "reliability", help="what stays lost over a lossy network, with librist beside it; root, twelve minutes",
        description="A headend and a receiver over veth with random loss, then librist's sender and receiver on the same path: "
                    "how many packets are never recovered? Encrypted, 10,000 packets a second, 1000 ms buffer.",
        epilog="Example: scripts/bench reliability --packets 20000 --loss 10")
    reliability.add_arguments(losses)
    losses.set_defaults(run=reliability.run)
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in ("-h", "--help")):
        arguments = ["lane", *arguments]
    options = parser.parse_args(arguments)
    if getattr(options, "repetitions", 2) < 2:
        parser.error("--repetitions: at least 2, as medians are shown")
    if not getattr(options, "seconds", 1) > 0:
        parser.error("--seconds: above 0")
    return options


def main():
    options = parse_arguments(sys.argv[1:])
    try:
        return 0 if options.run(options) else 1
    except subprocess.CalledProcessError as error:  # which has said why
        raise SystemExit(f"bench: {error.cmd[0].name} failed") from None
    except (LabError, OSError) as error:
        raise SystemExit(f"bench: {error}") from None
    except KeyboardInterrupt:
        raise SystemExit("bench: interrupted") from None


if __name__ == "__main__":
    sys.exit(main())
