#!/usr/bin/python3
"""Checks that the tree keeps its own rules; prints TAP. Each check yields what breaks the rule, as FILE:LINE: WHAT."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOP_LEVEL = {'meson.build', 'meson_options.txt', 'README.md', 'LICENSE',
             'app', 'lib', 'drivers', 'config', 'scripts', 'tests', 'bench', 'docs'}
CODE_FOLDERS = ('lib', 'drivers', 'app', 'tests', 'bench')
MAX_LINES = 500
IGNORED = ('build*', '.git', '.ci', '.cache', '__pycache__')  # no source text of the project's own

CHECKS = {}


def check(name):
    def register(function):
        CHECKS[name] = function
        return function
    return register


def files(*folders, suffixes=('.h', '.cc')):
    return sorted(path for folder in folders for path in (ROOT / folder).rglob('*')
                  if path.is_file() and path.suffix in suffixes and '__pycache__' not in path.parts)


def all_text_files():
    for path in sorted(ROOT.rglob('*')):
        relative = path.relative_to(ROOT)
        if path.is_file() and not any(relative.match(name) or Path(relative.parts[0]).match(name) for name in IGNORED):
            try:
                yield path, path.read_text()
            except UnicodeDecodeError:
                pass  # a picture or a capture


def lines_matching(pattern, paths, strip=False):
    for path in paths:
        text = path.read_text()
        for number, line in enumerate((without_comments(text) if strip else text).splitlines(), 1):
            if re.search(pattern, line):
                yield f'{path.relative_to(ROOT)}:{number}: {line.strip()}'


def without_comments(text):
    """C++ without what comments and string literals say; lines stay where they are."""
    def blank(match):
        return re.sub(r'[^\n]', ' ', match[0])
    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:[^"\\\n]|\\.)*"', blank, text, flags=re.S)


@check('the top level is exactly as laid out')
def top_level():
    there = {path.name for path in ROOT.iterdir() if not path.name.startswith('.') and not path.match('build*')}
    yield from (f'{name}: does not belong at the top level' for name in sorted(there - TOP_LEVEL))
    yield from (f'{name}: is missing' for name in sorted(TOP_LEVEL - there))


@check('only drivers/ spells rte_')
def no_dpdk_outside_drivers():
    every = tuple(path.suffix for path in ROOT.rglob('*') if path.suffix)
    yield from lines_matching(r'rte_', files('lib', 'app', suffixes=every))


@check('lib/ reads no clock and has no global random state')
def no_clock_in_lib():
    yield from lines_matching(
        r'\b(clock_gettime|gettimeofday|(steady|system|high_resolution)_clock|random_device|s?rand(om)?\s*\()|'
        r'\btime\s*\(\s*(0|NULL|nullptr)\s*\)', files('lib'), strip=True)


@check(f'no source file is over {MAX_LINES} lines')
def short_files():
    for path in files(*CODE_FOLDERS):
        if (count := len(path.read_text().splitlines())) > MAX_LINES:
            yield f'{path.relative_to(ROOT)}: {count} lines'


@check('source files are named in snake_case, and headers are guarded')
def file_conventions():
    for path in files(*CODE_FOLDERS):
        if not re.fullmatch(r'[a-z0-9]+(_[a-z0-9]+)*', path.stem):
            yield f'{path.relative_to(ROOT)}: not snake_case'
        if path.suffix == '.h' and '#pragma once' not in path.read_text():
            yield f'{path.relative_to(ROOT)}: no #pragma once'


@check('nothing is left to do')
def nothing_left_to_do():
    pattern = '|'.join(('TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X:', 'HA' + 'CK:'))
    for path, text in all_text_files():
        for number, line in enumerate(text.splitlines(), 1):
            if re.search(rf'\b({pattern})', line):
                yield f'{path.relative_to(ROOT)}:{number}: {line.strip()}'


@check('every source file is built')
def every_source_is_built():
    for path in files(*CODE_FOLDERS, suffixes=('.cc',)):
        # By its name, or without the suffix where a meson.build loops over a list.
        spelled = {f"'{path.name}'", f"'{path.stem}'", f"'{path.stem.removesuffix('_fuzz')}'"}
        above = [folder / 'meson.build' for folder in path.parents if folder != ROOT and ROOT in folder.parents]
        spelled |= {f"'{path.relative_to(build.parent)}'" for build in above}
        if not any(build.is_file() and any(name in build.read_text() for name in spelled) for build in above):
            yield f'{path.relative_to(ROOT)}: no meson.build names it'


@check('clang-format agrees')
def formatted():
    done = subprocess.run(['clang-format', '--dry-run', '--Werror', *map(str, files(*CODE_FOLDERS))],
                          capture_output=True, text=True, check=False)
    found = re.findall(r'^(.*?:\d+):\d+: error', done.stderr, flags=re.M)
    yield from (os.path.relpath(place, ROOT) for place in found)
    if done.returncode != 0 and not found:
        yield done.stderr.strip()


@check('scripts parse, and are executable where they are commands')
def scripts_parse():
    for path in [*files('scripts', 'tests', suffixes=('', '.py', '.sh')), ROOT / '.ci/run']:
        text = path.read_text()
        relative = path.relative_to(ROOT)
        if text.startswith('#!') and not os.access(path, os.X_OK):
            yield f'{relative}: not executable'
        if path.suffix == '.py' or text.startswith('#!/usr/bin/python3'):
            try:
                compile(text, str(relative), 'exec')
            except SyntaxError as error:
                yield f'{relative}:{error.lineno}: {error.msg}'
        elif text.startswith('#!/bin/bash'):
            done = subprocess.run(['bash', '-n', str(path)], capture_output=True, text=True, check=False)
            if done.returncode != 0:
                yield done.stderr.strip()


@check('links in the documents lead somewhere')
def links_lead_somewhere():
    for path in [ROOT / 'README.md', *files('docs', suffixes=('.md',))]:
        for target in re.findall(r'\]\(([^)#\s]+)[^)]*\)', path.read_text()):
            if '://' not in target and not (path.parent / target).exists():
                yield f'{path.relative_to(ROOT)}: {target} is not there'


def main():
    failed = False
    for number, (name, function) in enumerate(CHECKS.items(), 1):
        faults = list(function())
        failed |= bool(faults)
        print(f'{"not ok" if faults else "ok"} {number} - {name}')
        for fault in faults:
            print(f'#   {fault}')
    print(f'1..{len(CHECKS)}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
