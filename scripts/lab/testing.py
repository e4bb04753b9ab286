"""scripts/test: everything that can be checked on one machine, one step after another, counted case by case."""

import argparse
import concurrent.futures
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'scripts'))
from lab.network import SKIPPED_STATUS, why_no_namespaces  # pylint: disable=wrong-import-position

FUZZ_SECONDS = 3
FUZZ_BUILD = ('build-fuzz', ['-Dfuzz=true'], {'CC': 'clang', 'CXX': 'clang++'})
TAIL_LINES = 40


class Results:
    def __init__(self):
        self.passed = 0
        self.failed = []
        self.skipped = []

    def passes(self, count=1):
        self.passed += count

    def fails(self, name, log=''):
        self.failed.append(name)
        print(f'   FAILED: {name}')
        for line in log.splitlines()[-TAIL_LINES:]:
            print(f'   | {line}')

    def skips(self, name, reason):
        self.skipped.append((name, reason))
        print(f'   SKIPPED: {name}: {reason}')

    def closing_line(self):
        return f'{self.passed} passed, {len(self.failed)} failed, {len(self.skipped)} skipped'


def run(command, timeout_s, env=None):
    """(exit status, output) of a command; one that takes too long is ended, and has failed."""
    with tempfile.TemporaryFile('w+', errors='replace') as log:
        with subprocess.Popen([str(part) for part in command], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log,
                              stderr=subprocess.STDOUT, env={**os.environ, **(env or {})},
                              start_new_session=True) as process:
            try:
                status = process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                status = 124
            finally:
                end_group(process)
        log.seek(0)
        output = log.read()
    return status, output + (f'\ngiven up after {timeout_s} s' if status == 124 else '')


def end_group(process):
    """SIGTERM, time to clean up, SIGKILL: to the process and all that it started (its own session)."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def count_test_program(results, label, status, output):
    """A test program counts by its TAP lines or unittest's summary, or else as one case by its exit status."""
    cases = re.findall(r'^(ok|not ok)\b[ \d]*(?:- )?(.*?)(?:# SKIP(.*))?$((?:\n#.*)*)', output, flags=re.M)
    failed = len(results.failed)
    for verdict, name, reason, detail in cases:
        if verdict == 'not ok':
            results.fails(f'{label}: {name.strip()}', detail.strip())
        elif reason:
            results.skips(f'{label}: {name.strip()}', reason.strip())
        else:
            results.passes()
            for line in detail.split('\n#')[1:]:  # what it has to show
                print(f'   | {line.strip()}')
    ran = re.search(r'^Ran (\d+) tests? in', output, flags=re.M)
    if ran and not cases:
        names = re.findall(r'^(?:FAIL|ERROR): (.*)$', output, flags=re.M)
        results.passes(max(0, int(ran[1]) - len(set(names))))
        for name in sorted(set(names)):
            results.fails(f'{label}: {name}', output)
    elif status == SKIPPED_STATUS and not cases:
        results.skips(label, (output.strip().splitlines() or ['no reason given'])[-1])
    elif status == 0 and not cases:
        results.passes()
    if status not in (0, SKIPPED_STATUS) and len(results.failed) == failed:
        results.fails(f'{label} (status {status})', output)


def configure(results, directory, options, env=None):
    """Sets up a build directory; False where that fails. An earlier build of this tree is built upon."""
    status, output = 1, ''
    if (ROOT / directory).exists():
        status, output = run(['meson', 'setup', '--reconfigure', directory, *options], 120, env)
        if status != 0:
            shutil.rmtree(ROOT / directory)  # another tree's, or broken
    if status != 0:
        status, output = run(['meson', 'setup', directory, *options], 120, env)
    if status != 0:
        results.fails(f'configuring {directory}', output)
    return status == 0


def build(results, directory, options, env=None, targets=()):
    """Configures and builds; False where that fails."""
    if not configure(results, directory, options, env):
        return False
    status, output = run(['ninja', '-C', directory, *targets], 900)
    if status != 0:
        results.fails(f'building {directory}', output)
    return status == 0


def gtest_counts(directory, program, results):
    """Counts what a GoogleTest program reported; None where it left no report, else its number of failures."""
    reports = [path for path in directory.iterdir() if re.fullmatch(rf'{re.escape(program)}(_\d+)?\.json', path.name)]
    failures = None
    for path in reports:
        failures = failures or 0
        for suite in json.loads(path.read_text())['testsuites']:
            for case in suite['testsuite']:
                name = f'{program} {suite["name"]}.{case["name"]}'
                if case.get('failures'):
                    failures += 1
                    results.fails(name, '\n'.join(failure['failure'] for failure in case['failures']))
                elif case['result'] == 'SKIPPED':
                    results.skips(name, 'skips itself')
                elif case['status'] == 'RUN':
                    results.passes()
        path.unlink()
    return failures


def meson_tests(results, directory, selection=(), env=None):
    with tempfile.TemporaryDirectory(prefix='linecast-gtest-') as reports:
        status, output = run(['meson', 'test', '-C', directory, '--no-rebuild', '--print-errorlogs', *selection], 600,
                             {**(env or {}), 'GTEST_OUTPUT': f'json:{reports}/'})
        log = ROOT / directory / 'meson-logs/testlog.json'
        programs = [json.loads(line) for line in log.read_text().splitlines()] if log.is_file() else []
        before = len(results.failed)
        for program in programs:
            failures = gtest_counts(Path(reports), Path(program['command'][0]).name, results)
            if program['result'] == 'SKIP':
                results.skips(program['name'], program.get('stdout', '').strip())
            elif program['result'] != 'OK' and not failures:  # a crash, a sanitizer, a time-out, no GoogleTest
                results.fails(f'{directory} {program["name"]}: {program["result"]}',
                              program.get('stdout', '') + program.get('stderr', ''))
            elif program['result'] == 'OK' and failures is None:
                ran = re.search(r'^Ran (\d+) tests? in', program.get('stdout', '') + program.get('stderr', ''), re.M)
                results.passes(int(ran[1]) if ran else 1)  # Python's unittest, or one case
    if not programs or (status != 0 and len(results.failed) == before):
        results.fails(f'meson test -C {directory} (status {status})', output)


# --- the steps ------------------------------------------------------------------------------------------------------

def structure(results):
    for script in executables('tests/structure'):
        count_test_program(results, script.name, *run([script], 120))


def release_tests(results):
    meson_tests(results, 'build', ['--no-suite', 'core'])  # which the sanitized build runs


def sanitizer_tests(results):
    if build(results, 'build-asan', ['-Dcore_only=true', '-Db_sanitize=address,undefined', '-Dbuildtype=debug',
                                     '-Doptimization=0']):
        meson_tests(results, 'build-asan', env={'UBSAN_OPTIONS': 'halt_on_error=1:print_stacktrace=1',
                                                'ASAN_OPTIONS': 'detect_stack_use_after_return=1'})


def fuzz(results):
    if not build(results, *FUZZ_BUILD):
        return

    def one(source):
        target = ROOT / 'build-fuzz/tests/fuzz' / source.stem
        with tempfile.TemporaryDirectory(prefix='linecast-fuzz-') as corpus:
            return source, run([target, f'-max_total_time={FUZZ_SECONDS}', '-timeout=5', '-rss_limit_mb=2048',
                                f'-artifact_prefix={ROOT}/build-fuzz/', '-print_final_stats=1', corpus],
                               FUZZ_SECONDS + 60)

    sources = sorted((ROOT / 'tests/fuzz').glob('*_fuzz.cc'))
    with concurrent.futures.ThreadPoolExecutor(cores()) as pool:
        for source, (status, output) in pool.map(one, sources):
            if status == 0:
                results.passes()
            else:
                results.fails(f'{source.stem} (status {status})', output)
    if not sources:
        results.fails('no fuzz target was found')


def tidy(results):
    if not configure(results, *FUZZ_BUILD):
        return
    directories = {}  # of each source, the one that knows how it is compiled
    for directory in ('build-fuzz', 'build'):
        for entry in json.loads((ROOT / directory / 'compile_commands.json').read_text()):
            directories[os.path.relpath(ROOT / directory / entry['file'], ROOT)] = directory
    sources = sorted(directories)

    def one(source):
        return source, run(['clang-tidy', '-p', directories[source], '--quiet', source], 300)

    with concurrent.futures.ThreadPoolExecutor(cores()) as pool:
        for done, (source, (status, output)) in enumerate(pool.map(one, sources), 1):
            if status == 0:
                results.passes()
            else:
                results.fails(f'clang-tidy {source}', output)
            if sys.stdout.isatty():
                print(f'\r   {done} of {len(sources)}', end='\r', flush=True)
    if not sources:
        results.fails('clang-tidy: no source was found')


def system_tests(results):
    def one(script):
        started = time.monotonic()
        return script, *run([script], 450), time.monotonic() - started

    # Several at once: most of their time goes by in waiting for the timers of switches and routers.
    with concurrent.futures.ThreadPoolExecutor(cores()) as pool:
        for script, status, output, seconds in pool.map(one, executables('tests/system')):
            count_test_program(results, script.name, status, output)
            print(f'   {script.name}: {seconds:.0f} s', flush=True)


def demo(results):
    exact, well_formed = 'the demo is bit-exact', "tshark decodes all of the demo's traffic"
    behind_repeaters = 'the demo is bit-exact behind repeaters'
    if reason := why_no_namespaces():
        for name in (exact, well_formed, behind_repeaters):
            results.skips(name, reason)
        return
    with tempfile.TemporaryDirectory(prefix='linecast-test-') as directory:
        capture = Path(directory, 'demo.pcap')

        def is_exact(name, *options):
            status, output = run([sys.executable, ROOT / 'scripts/lab/demo.py', *options, '--json', Path(directory, 'demo.json'),
                                  '--png', Path(directory, 'demo.png')], 180)
            print('\n'.join(f'   | {line}' for line in output.splitlines()))
            if status == 0:
                results.passes()
            else:
                results.fails(f'{name} (status {status})')

        is_exact(exact, '--seconds', '6', '--pcap', capture)
        if faults := dissection_faults(capture):
            results.fails(well_formed, '\n'.join(faults))
        else:
            results.passes()
        is_exact(behind_repeaters, '--topology', 'repeaters')


def dissection_faults(capture):
    """What the dissector finds wrong in the demo's traffic, or does not find at all."""
    fields = ['smart.type', 'smart.data_cmd', 'smart.message_cmd', 'smart.replacement_cmd', 'smart.fault',
              '_ws.malformed', '_ws.expert.message']
    status, output = run(['tshark', '-n', '-r', capture, '-X', f'lua_script:{ROOT}/scripts/wireshark/smart.lua',
                          '-Y', 'udp.port == 47100', '-T', 'fields', '-E', 'separator=|',
                          *(part for field in fields for part in ('-e', field))], 120)
    rows = [line.split('|') for line in output.splitlines() if line.count('|') == len(fields) - 1]
    faults = sorted({' '.join(row) for row in rows if any(row[4:])})[:20]
    if status != 0:
        faults.append(f'tshark ended with {status}: {output[-500:]}')
    seen = {tuple(row[:4]) for row in rows}
    kinds = {'data': ('0', '0', '', ''), 'repairs': ('0', '1', '', ''), 'heartbeats': ('0', '3', '', ''),
             'KEY_ANNOUNCE': ('1', '', '0x20', ''), 'SENDER_STATUS': ('1', '', '0x21', ''),
             'REPLACEMENT': ('2', '', '', '0x01')}
    return faults + [f'no {name} in the capture' for name, kind in kinds.items() if kind not in seen]


STEPS = {
    'structure': ('structure checks', structure),
    'release': ('packet tables, virtual devices, programs\' parts', release_tests),
    'core': ('unit tests of the core, under ASan and UBSan', sanitizer_tests),
    'fuzz': (f'fuzz targets, {FUZZ_SECONDS} s each', fuzz),
    'tidy': ('clang-tidy', tidy),
    'system': ('system tests in network namespaces', system_tests),
    'demo': ('the demo, in a short form, and behind repeaters', demo),
}


ON_REQUEST = {'tidy'}  # minutes, and nothing that the others would not show to be broken


def executables(folder):
    return sorted(path for path in (ROOT / folder).iterdir() if path.is_file() and os.access(path, os.X_OK))


def cores():
    return len(os.sched_getaffinity(0))


def main():
    parser = argparse.ArgumentParser(prog='scripts/test', description=__doc__)
    parser.add_argument('steps', nargs='*', metavar='STEP', help=f'only these: {", ".join(STEPS)}; without any, all but {", ".join(ON_REQUEST)}')
    arguments = parser.parse_args()
    if unknown := set(arguments.steps) - set(STEPS):
        parser.error(f'no such step: {", ".join(sorted(unknown))}')
    chosen = [STEPS[name] for name in STEPS
              if (name in arguments.steps if arguments.steps else name not in ON_REQUEST)]

    results = Results()
    begun = time.monotonic()
    for number, (title, function) in enumerate(chosen, 1):
        print(f'== {number}/{len(chosen)} {title}', flush=True)
        started, passed = time.monotonic(), results.passed
        try:
            function(results)
        except Exception as error:  # a broken step is a failed test, and no reason to leave the others out
            results.fails(f'{title}: {type(error).__name__}: {error}')
        print(f'   {results.passed - passed} passed in {time.monotonic() - started:.0f} s', flush=True)
    print(f'== {time.monotonic() - begun:.0f} s in all')
    for name in results.failed:
        print(f'FAILED: {name}')
    for name, reason in results.skipped:
        print(f'SKIPPED: {name}: {reason}')
    print(results.closing_line())
    return 1 if results.failed else 0


if __name__ == '__main__':
    sys.exit(main())
