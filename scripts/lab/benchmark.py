"""scripts/bench: runs the benchmarks and sets their figures beside what they are measured against, from one run."""

import argparse
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
# pylint: disable=wrong-import-position
from lab import compare, control, devices, instructions, lane_bench, peers, performance, reliability
from lab.network import LabError, why_no_namespaces
from lab.targets import Report


def add_report_arguments(parser):
    parser.add_argument("--json", metavar="FILE", help="write all figures to FILE")
    parser.add_argument("--against", metavar="FILE", help="say what is slower than in FILE, which --json wrote")


def add_lane_arguments(parser):
    parser.add_argument("--repetitions", type=int, default=9, metavar="N", help="of each benchmark, interleaved (9)")
    parser.add_argument("--seconds", type=float, default=0.5, metavar="S", help="least time of one repetition (0.5)")


def finish(report, options):
    """Writes and compares; returns whether all is as it should be."""
    slower = compare.show(report, options.against) if options.against else False
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(report.json(), indent=2) + "\n", encoding="utf-8")
    return report.passed() and not slower


def run_lane(options):
    report = Report()
    lane_bench.measure(report, options.repetitions, options.seconds)
    return finish(report, options)


def run_rounds(part):
    """Of a part that takes its measures in rounds, over networks of its own."""
    def run(options):
        require_namespaces(part)
        report = Report()
        part.measure(report, options.rounds, options.seconds)
        return finish(report, options)
    return run


def require_namespaces(*parts):
    reason = why_no_namespaces() or next(filter(None, (part.missing() for part in parts)), "")
    if reason:
        raise LabError(reason)


def run_instructions(options):
    report = Report()
    instructions.measure(report)
    return finish(report, options)


def run_all(options):
    require_namespaces(peers, devices)
    report = Report()
    lane_bench.measure(report, options.repetitions, options.seconds)
    print()
    devices.measure(report, options.rounds, 3)
    print()
    peers.measure(report, options.rounds, 2)
    missed = [target for target in report.targets if not target["met"]]
    for what in report.failures:
        print(f"FAILED: {what}")
    print(f"\n{len([t for t in report.targets if t['target'] is not None])} targets, {len(missed)} missed"
          + "".join(f"\n  {target['what']}: {target['value']:.3g}, target {target['target']:g}" for target in missed))
    good = finish(report, options)
    if options.docs:
        performance.write(report)
    return good


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description="Measures, and says which targets are met; without a COMMAND: all.",
        epilog="Examples: scripts/bench --json now.json --against before.json; scripts/bench reliability --packets 20000 --loss 10. "
               "Exit code: 0 done, 1 a target missed by more than 10 %, something slower, or a failure, 2 wrong usage.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    everything = commands.add_parser(
        "all", help="lane, devices and peers; root, ten minutes",
        description="lane, devices and peers in one run. Nothing else should run on the machine meanwhile.",
        epilog="Example: scripts/bench all --json now.json --against before.json")
    add_report_arguments(everything)
    add_lane_arguments(everything)
    everything.add_argument("--rounds", type=int, default=5, metavar="N", help="of devices and peers (5)")
    everything.add_argument("--docs", action="store_true", help="put figures and plots into docs/performance.md")
    everything.set_defaults(run=run_all)
    lane = commands.add_parser(
        "lane", help="the headend's lane, its steps, load and overload, and a storm of requests on it, on ports in memory; three minutes",
        description="The headend lane beside bare ipsec-mb AES-GCM, what each of its steps costs, how long packets wait in it, what "
                    "overload, hosts and requests for repairs do to it; on ports in memory.",
        epilog="Example: scripts/bench lane --json lane.json")
    add_report_arguments(lane)
    add_lane_arguments(lane)
    lane.set_defaults(run=run_lane)
    for name, part, text in (
            ("devices", devices, "the headend beside testpmd, on the same virtual devices; root, two minutes"),
            ("control", control, "what the control lcore keeps up with: usage records, and requests for tunnels; root, four minutes"),
            ("peers", peers, "packets for a second of processor time, beside librist and the kernel; root, two minutes")):
        rounds = commands.add_parser(name, help=text, description=part.__doc__.partition(": ")[2],
                                     epilog=f"Example: scripts/bench {name} --rounds 3")
        add_report_arguments(rounds)
        part.add_arguments(rounds)
        rounds.set_defaults(run=run_rounds(part))
    counted = commands.add_parser(
        "instructions", help="instructions a packet of a lane, by callgrind: for changes too small for a noisy machine; two minutes",
        description="Instructions a packet of a lane, by callgrind. The same on any machine and under any load; says nothing of memory.",
        epilog="Example: scripts/bench instructions --against before.json")
    add_report_arguments(counted)
    counted.set_defaults(run=run_instructions)
    losses = commands.add_parser(
        "reliability", help="what stays lost over a lossy network, with librist beside it; root, twelve minutes",
        description="A headend and a receiver over veth with random loss, then librist's sender and receiver on the same path: "
                    "how many packets are never recovered? Encrypted, 10,000 packets a second, 1000 ms buffer.",
        epilog="Example: scripts/bench reliability --packets 20000 --loss 10")
    reliability.add_arguments(losses)
    losses.set_defaults(run=reliability.run)
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in ("-h", "--help")):
        arguments = ["all", *arguments]
    options = parser.parse_args(arguments)
    if getattr(options, "repetitions", 2) < 2:
        parser.error("--repetitions: at least 2, as medians are shown")
    if getattr(options, "rounds", 1) < 1:
        parser.error("--rounds: at least 1")
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
