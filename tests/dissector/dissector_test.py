#!/usr/bin/python3
"""scripts/wireshark/smart.lua against tests/vectors/vectors.json: every field of every packet, every fault.
Needs tshark."""

import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "vectors"))
import smart  # noqa: E402

VECTORS = json.loads((ROOT / "tests" / "vectors" / "vectors.json").read_text())
PORT = 47100
CONTAINERS = {"iv", "pair", "trailer"}  # nodes with nothing but fields below them
LISTS = {"blank", "pair.seq", "pair.mask", "pair.named"}


def datagram(vector):
    return bytes.fromhex(vector["datagram"])


def resized(packet):
    return packet[:2] + struct.pack(">H", len(packet)) + packet[4:]


class DissectorTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="linecast-dissector-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.capture = pathlib.Path(cls.folder.name) / "smart.pcap"
        lines = [line.split("\t") for line in cls.tshark("-G", "fields").splitlines()]
        # abbreviation -> type of all of the dissector's fields
        cls.registered = {line[2]: line[3] for line in lines if line[0] == "F" and line[2].startswith("smart.")}

    @classmethod
    def tshark(cls, *arguments):
        command = ["tshark", *arguments, "-X", f"lua_script:{ROOT}/scripts/wireshark/smart.lua"]
        env = os.environ | {"HOME": cls.folder.name, "XDG_CONFIG_HOME": cls.folder.name, "LC_ALL": "C.UTF-8"}
        run = subprocess.run(command, capture_output=True, text=True, env=env, timeout=120)
        if run.returncode != 0 or "Lua: Error" in run.stderr:
            raise RuntimeError(f"{' '.join(command)}: {run.stderr}")
        return run.stdout

    def write(self, datagrams, port=PORT, snap_length=65535):
        """A capture of raw IPv4 (link type 101), a packet each."""
        with self.capture.open("wb") as out:
            out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))
            for number, payload in enumerate(datagrams):
                packet = smart.udp_packet("192.0.2.10", "239.1.2.3", port, port, payload)
                kept = packet[:snap_length]
                out.write(struct.pack("<IIII", 1700000000, number, len(kept), len(packet)) + kept)

    def rows(self, *fields):
        """Of each packet a list of the values of `fields`, in text."""
        arguments = [a for name in fields for a in ("-e", name)]
        out = self.tshark("-n", "-r", str(self.capture), "-T", "fields", "-E", "separator=/t", *arguments)
        return [line.split("\t") for line in out.split("\n")[:-1]]

    def trees(self):
        return ElementTree.fromstring(self.tshark("-n", "-r", str(self.capture), "-T", "pdml")).findall("packet")

    def shown_fields(self, proto):
        """The fields of a <proto name="smart"> as vectors.json has them."""
        fields = {}
        for field in proto.iter("field"):
            name = field.get("name").removeprefix("smart.")
            if not field.get("name").startswith("smart.") or name in CONTAINERS:
                continue
            kind, value = self.registered[field.get("name")], field.get("show")
            if kind.startswith("FT_UINT"):
                value = int(value, 0)
            elif kind == "FT_BYTES":
                value = value.replace(":", "")
            if name in LISTS:
                fields.setdefault(name, []).append(value)
            else:
                self.assertNotIn(name, fields, "shown twice")
                fields[name] = value
        return fields

    def test_every_field_of_every_packet(self):
        self.write([datagram(v) for v in VECTORS["packets"]])
        trees = self.trees()
        self.assertEqual(len(trees), len(VECTORS["packets"]))
        seen = set()
        for vector, tree in zip(VECTORS["packets"], trees):
            with self.subTest(vector["name"]):
                protos = tree.findall("proto[@name='smart']")
                self.assertEqual(self.shown_fields(protos[0]), vector["fields"])
                seen |= {f.get("name") for f in protos[0].iter("field")}
                self.assertFalse([f.get("name") for f in tree.iter() if "malformed" in (f.get("name") or "")])
                self.assertFalse([f for f in tree.iter("field") if f.get("name") == "_ws.expert"])
                self.assertEqual(len(protos), 2 if vector["name"] == "tunnel-data" else 1)
        faults = {name for name in self.registered if name.startswith("smart.fault")}
        faults -= {"smart.fault_count", "smart.fault_first_seq"}
        self.assertEqual(set(self.registered) - faults - seen, set(), "fields that no vector shows")

    def test_inner_packet_goes_to_the_ip_dissector(self):
        by_name = {v["name"]: v for v in VECTORS["packets"]}
        self.write([datagram(by_name["tunnel-data"])])
        tree = self.trees()[0]
        inner = tree.findall("proto[@name='smart']")[1]
        self.assertEqual(self.shown_fields(inner), by_name["data-sealed-opaque"]["fields"])
        self.assertEqual([p.get("name") for p in tree.findall("proto")
                          if p.get("name") != "fake-field-wrapper"][-4:], ["smart", "ip", "udp", "smart"])
        self.assertEqual(self.rows("ip.dst", "udp.dstport"), [["239.1.2.3,239.1.2.3", f"{PORT},{PORT}"]])

    def test_refused_datagrams_are_malformed(self):
        self.write([datagram(v) for v in VECTORS["refused"]])
        rows = self.rows("smart.fault", "_ws.expert.group", "_ws.expert.severity")
        for vector, (fault, group, severity) in zip(VECTORS["refused"], rows, strict=True):
            with self.subTest(vector["name"]):
                self.assertEqual(fault, vector["fault"])
                self.assertEqual((int(group), int(severity)), (0x07000000, 0x00800000))  # malformed, error

    def test_other_lengths_and_sizes_are_malformed(self):
        broken, expected = [], []
        for vector in VECTORS["packets"]:
            good = datagram(vector)
            for size in (len(good) - 1, len(good) + 1):
                broken.append(good[:2] + struct.pack(">H", size) + good[4:])
                expected.append("size_mismatch")
            for cut in range(1, len(good)):
                broken.append(good[:cut])
                expected.append("truncated" if cut < (8 if good[1:2] and cut > 3 and good[1] >> 6 == 0 else 4)
                                else "size_mismatch")
            any_length = good[1] >> 6 == 0 and vector["fields"]["data_cmd"] != 3 or vector["name"] == "tunnel-data"
            if not any_length:
                broken += [resized(good[:-1]), resized(good + b"\0")]
                expected += ["bad_length"] * 2
        self.write(broken)
        for packet, fault, (shown,) in zip(broken, expected, self.rows("smart.fault"), strict=True):
            self.assertEqual(shown, fault, packet.hex())

    def test_contradicting_numbers_are_malformed(self):
        by_name = {v["name"]: datagram(v) for v in VECTORS["packets"]}
        sealed, beat, clear_beat = (bytearray(by_name[name]) for name in
                                    ("data-sealed-ts", "heartbeat-sealed", "heartbeat-clear"))
        sealed[15] ^= 1  # the IV's counter is no longer PACKET_NUMBER
        beat[8] ^= 0x80  # a heartbeat whose IV is of data
        clear_beat[15] ^= 1
        self.write([sealed, beat, clear_beat])
        self.assertEqual(self.rows("smart.fault"), [["number_mismatch"]] * 3)

    def test_no_length_breaks_the_dissector(self):
        self.write([resized(good[:cut]) for good in map(datagram, VECTORS["packets"])
                    for cut in range(4, len(good))])
        for error, in self.rows("_ws.lua.error"):
            self.assertEqual(error, "")

    def test_captures_cut_by_their_snap_length(self):
        good = [datagram(v) for v in VECTORS["packets"]]
        for kept in (1, 4, 12, 30):
            self.write(good, snap_length=28 + kept)
            for packet, (fault, error, number) in zip(good, self.rows("smart.fault", "_ws.lua.error", "smart.seq"),
                                                      strict=True):
                self.assertEqual((fault, error), ("", ""), packet.hex())
                data_header = packet[1] >> 6 == 0 and kept >= 8
                self.assertEqual(number, str(int.from_bytes(packet[4:6], "big")) if data_header else "")

    def test_info_column(self):
        expected = {
            "data-clear-ts": "ORIGINAL seq=65530 MPEG-TS len=188",
            "data-sealed-wrapped": "ORIGINAL seq=5 opaque sealed sender=258 full=65541 len=12",
            "heartbeat-clear": "HEARTBEAT seq=5 opaque last=65541 len=8",
            "addr-range-change-signed": "ADDR_RANGE_CHANGE 239.1.2.3 to 239.1.2.4",
            "usage-report-join-cmac": "USAGE_REPORT_JOIN 198.51.100.20 of 239.1.2.3",
            "error-report-clear": "ERROR_REPORT 198.51.100.20 of 239.1.2.3: unrecovered x12",
            "key-announce-next": "KEY_ANNOUNCE channel 9b4fae55b4a9493e sender=258 epoch=1 next=2",
            "sender-status-clear": "SENDER_STATUS 239.1.2.3 hops=0",
            "replacement-cmac": "REPLACEMENT 239.1.2.3 21 sequences",
            "quiet-group-cmac": "QUIET 239.1.2.3",
            "tunnel-grant": "TUNNEL_GRANT 239.1.2.3 for 60 s",
            "tunnel-grant-refused": "TUNNEL_GRANT 239.1.2.3 refused: no room",
            "tunnel-data": "TUNNEL_DATA 72 bytes | ORIGINAL seq=65532 opaque sealed sender=258 full=65532 len=12",
        }
        self.write([datagram(v) for v in VECTORS["packets"]])
        rows = self.rows("_ws.col.Protocol", "_ws.col.Info")
        shown = {v["name"]: row for v, row in zip(VECTORS["packets"], rows, strict=True)}
        for name, info in expected.items():
            self.assertEqual(shown[name], ["SMART", info])
        self.write([datagram(VECTORS["refused"][0])])
        self.assertEqual(self.rows("_ws.col.Info"), [["[truncated] cut short"]])

    def test_filters_and_the_port_preference(self):
        self.write([datagram(v) for v in VECTORS["packets"]], port=5000)
        count = ("-n", "-r", str(self.capture), "-Y", "smart.replacement_cmd == 1 && smart.group == 239.1.2.3")
        self.assertEqual(self.tshark(*count), "")
        self.assertEqual(len(self.tshark(*count, "-o", "smart.ports:5000,6000-6010").splitlines()), 2)


if __name__ == "__main__":
    if not shutil.which("tshark"):
        print("tshark is not installed")
        sys.exit(77)
    unittest.main()
