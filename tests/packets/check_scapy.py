#!/usr/bin/python3
"""Builds every frame of the table with Scapy and compares: the builder's bytes must be another's bytes too."""

import logging
import subprocess
import sys

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.all import *  # noqa: E402,F403


def main():
    rows = subprocess.run([sys.argv[1]], check=True, capture_output=True, text=True).stdout.splitlines()
    wrong = 0
    for row in rows:
        name, ours, expression = row.split("\t")
        theirs = eval(expression).hex()
        if ours != theirs:
            wrong += 1
            print(f"{name}: {expression}\n  ours   {ours}\n  Scapy's {theirs}")
    print(f"{len(rows)} frames, {wrong} unlike Scapy's")
    return 1 if wrong or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
