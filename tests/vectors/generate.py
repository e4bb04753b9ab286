#!/usr/bin/python3
"""Writes vectors.json and the vectors' section of docs/protocol.md; with --check only tells whether both are
what it would write. Needs python3-cryptography."""

import argparse
import json
import pathlib
import sys

import document
import packets

HERE = pathlib.Path(__file__).resolve().parent
VECTORS = HERE / "vectors.json"
PROTOCOL = HERE.parent.parent / "docs" / "protocol.md"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check

    vectors = {"inputs": packets.INPUTS, "derived": packets.derived(), "packets": packets.packets(),
               "refused": packets.refused()}
    names = [v["name"] for part in ("packets", "refused") for v in vectors[part]]
    assert len(names) == len(set(names)), "two vectors of one name"
    wanted = {VECTORS: json.dumps(vectors, indent=1) + "\n"}
    wanted[PROTOCOL] = document.with_vectors(PROTOCOL.read_text(), vectors)

    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    for path in stale:
        if not check:
            path.write_text(wanted[path])
        print(f"{'stale' if check else 'wrote'} {path.name}")
    if check and stale:
        sys.exit("run tests/vectors/generate.py")


if __name__ == "__main__":
    main()
