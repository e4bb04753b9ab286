#!/usr/bin/python3
"""Checks in the compiled headend that a lane, in all that one turn of it can call, does nothing it must not: no
allocation, lock, system call, log or exception. Prints TAP. Follows direct calls, through lib/ and drivers/ too; not
virtual calls, which a lane has only into DPDK's drivers, and from GroupFollower into what does nothing."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / 'build/app/linecast/linecast'

# Lane::run() sleeps where a lane is idle and the lineup allows it; one turn of it does not.
ROOTS = [r'linecast::app::Lane::poll\(', r'std::_Function_handler<.*linecast::app::Lane.*::_M_invoke\(']

FORBIDDEN = {
    'allocates': r'operator new|operator delete|(m|c|re)alloc$|free$|posix_memalign|aligned_alloc|'
                 r'rte_(m|z|c|re)alloc|rte_free|rte_mempool_create|rte_memzone',
    'locks': r'pthread_|sem_|mtx_|std::(mutex|condition_variable)|std::__atomic_wait|__cxa_guard|futex',
    'calls the system': r'(read|write|send|recv)(v|to|from|msg|mmsg)?$|poll$|p?select$|epoll|ioctl|mmap|munmap|'
                        r'(nano|u)?sleep$|clock_|gettimeofday|time$|getrandom|syscall|open(at)?(64)?$|close$',
    'logs': r'fmt::|rte_log|rte_vlog|f?(printf|puts|write|putc)|std::(basic_)?ostream|syslog|std::cout',
    # An empty std::function throws; a lane is given none.
    'throws': r'__cxa_throw|__cxa_allocate_exception|std::__throw_(?!bad_function_call)',
}


def call_graph(program):
    """{function: functions it calls or jumps to}, by demangled name without "@plt" and the like."""
    listing = subprocess.run(['objdump', '--disassemble', '--demangle', '--no-show-raw-insn', str(program)],
                             capture_output=True, text=True, check=True).stdout
    graph, calls = {}, set()
    for line in listing.splitlines():
        if header := re.fullmatch(r'[0-9a-f]+ <(.+)>:', line):
            calls = graph.setdefault(header[1], set())
        elif target := re.search(r'\s(?:call|j[a-z]+)\s+[^<]*<(.+?)(\+0x[0-9a-f]+)?>$', line):
            calls.add(target[1].split('@')[0])
    return {name.split('@')[0]: targets for name, targets in graph.items()}


def reached(graph):
    """{function: the one that calls it}, for all that the roots reach."""
    callers = {name: None for name in graph if any(re.match(root, name) for root in ROOTS)}
    queue = list(callers)
    for name in queue:
        for target in graph.get(name, ()):
            if target not in callers:
                callers[target] = name
                queue.append(target)
    return callers


def way_to(name, callers):
    way = []
    while name is not None:
        way.append(name)
        name = callers[name]
    return ' <- '.join(way)


def main():
    program = Path(sys.argv[1]) if len(sys.argv) > 1 else PROGRAM
    callers = reached(call_graph(program))
    failed = False
    own = [name for name in callers if name.startswith('linecast::')]
    # Fewer would mean that the names have changed, and nothing is checked any more.
    checks = {'a lane\'s turn is found in the program': [] if len(own) >= 10 else [f'only {own}']}
    for what, pattern in FORBIDDEN.items():
        checks[f'a lane never {what}'] = [way_to(name, callers) for name in callers if re.match(pattern, name)]
    for number, (name, faults) in enumerate(checks.items(), 1):
        failed |= bool(faults)
        print(f'{"not ok" if faults else "ok"} {number} - {name}')
        for fault in faults:
            print(f'#   {fault}')
    print(f'1..{len(checks)}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
