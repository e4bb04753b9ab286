"""scripts/bench instructions: how many instructions a lane takes for a packet, which no other load on the machine changes."""

import re
import subprocess
import tempfile
from pathlib import Path

from lab.programs import BUILD

LANES = ('lane/aes128', 'lane/aes256', 'lane/aes128/software_checksum', 'lane/clear')
TURN = 'linecast::app::Lane::poll(long)'
PACKETS_A_TURN = 32
SHOWN = 12  # functions


def callgrind(name, directory):
    """Runs one benchmark once, and returns what callgrind wrote: of the lane's turns alone."""
    out = directory / 'callgrind.out'
    done = subprocess.run(
        ['valgrind', '--tool=callgrind', f'--callgrind-out-file={out}', f'--toggle-collect={TURN}', '--compress-strings=no',
         '--compress-pos=no', BUILD / 'bench/lane_bench', '--ordinary-pages', f'--benchmark_filter=^{name}/manual_time',
         '--benchmark_min_time=1e-9'], capture_output=True, text=True, check=False)
    if done.returncode != 0 or not out.exists():
        raise SystemExit(f'bench: valgrind: {done.stderr.strip()[-500:]}')
    return out.read_text(encoding='utf-8', errors='replace')


def parse(text):
    """({(library or program, function): its own instructions}, turns)."""
    own, turns, binary, function, called = {}, 0, None, None, None
    skip_cost = False
    for line in text.splitlines():
        if line.startswith('ob='):
            binary = line.rpartition('/')[2]
        elif line.startswith('fn='):
            function = (binary, line[3:])
        elif line.startswith('cfn='):
            called = line[4:]
        elif line.startswith('calls='):
            if called == TURN:
                turns += int(line[6:].split()[0])
            skip_cost = True  # the next line is what the call cost, not this function
        elif re.match(r'[\d+*-]', line):
            if not skip_cost:
                own[function] = own.get(function, 0) + int(line.split()[1])
            skip_cost = False
    return own, turns


def measure(report):
    print('bench: instructions a packet, counted by callgrind (which has no AVX-512: AES-GCM takes its AVX2 path here)', flush=True)
    for name in LANES:
        with tempfile.TemporaryDirectory(prefix='linecast-bench-') as directory:
            own, turns = parse(callgrind(name, Path(directory)))
        packets = turns * PACKETS_A_TURN
        if not packets:
            raise SystemExit(f'bench: {name}: callgrind saw no turn of the lane')
        sealing = sum(count for (binary, _), count in own.items() if is_sealing(binary))
        total = sum(own.values())
        report.add_runs(f'instructions/{name}', [{'instructions_per_packet': total / packets, 'without_aes_gcm': (total - sealing) / packets}])
        print(f'\n{name}: {total / packets:.0f} instructions a packet, {(total - sealing) / packets:.0f} of them outside of AES-GCM')
        others = {}
        for (binary, function), count in own.items():
            if not is_sealing(binary):
                place = f'in {binary}' if function.startswith('0x') else function.partition('(')[0]  # no symbols
                others[place] = others.get(place, 0) + count
        for place, count in sorted(others.items(), key=lambda item: -item[1])[:SHOWN]:
            print(f'  {count / packets:>7.1f}  {place}')


def is_sealing(binary):
    return binary.startswith('libIPSec_MB')
