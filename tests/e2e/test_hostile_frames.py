"""Bytes that are no message: the connection is closed, counted, and told why where that is possible."""

import random
import struct
import unittest

from harness import UNSUPPORTED, eventually
from hostile import HostileTest

BAD_FRAME = "berth_connections_closed_bad_frame_total"
BAD_HELLO = "berth_connections_closed_bad_hello_total"


def header(payload_bytes, request_id=1):
    return struct.pack("<II", payload_bytes, request_id)


def union_kind_position(frame):
    """Where the byte stands that names the message's kind: the root table's first field."""
    root = 8 + struct.unpack_from("<I", frame, 8)[0]
    vtable = root - struct.unpack_from("<i", frame, root)[0]
    return root + struct.unpack_from("<H", frame, vtable + 4)[0]


class BeforeHello(HostileTest):
    def test_whatever_is_no_hello_ends_the_connection_and_is_counted_once(self):
        cases = [
            ("text of another protocol", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
            ("zeros", bytes(64)),
            ("ones", b"\xff" * 64),
            ("random bytes", random.Random(7).randbytes(4096)),
            ("a whole frame of zeros", header(64) + bytes(64)),
            ("a ping first", self.tool.frame("Ping")),
            ("a heartbeat first", self.tool.frame("Heartbeat", worker="w")),
            ("a wrong magic", self.tool.frame("Hello", magic=1)),
            ("a version of the future", self.tool.frame("Hello", version=999)),
            ("version 0", self.tool.frame("Hello", version=0)),
            ("a role that is none", self.tool.frame("Hello", role=77)),
        ]
        for what, data in cases:
            with self.subTest(what):
                before = self.stat(BAD_HELLO)
                peer = self.peer(self.berthd, hello=False)
                peer.send_bytes(data)
                self.assertEqual([reply["kind"] for reply in peer.until_closed()], ["Refused"])
                self.assertEqual(self.stat(BAD_HELLO), before + 1)
                self.check_bystander()

    def test_a_wrong_version_is_told_so(self):
        peer = self.peer(self.berthd, hello=False)
        peer.send("Hello", version=999)
        said = peer.until_closed()
        self.assertEqual([(reply["kind"], reply["code"]) for reply in said], [("Refused", UNSUPPORTED)])
        self.assertIn("999", said[0]["message"])


class AfterHello(HostileTest):
    def test_a_broken_frame_ends_the_connection(self):
        ping = self.tool.frame("Ping", payload=1)
        unverifiable = header(16) + struct.pack("<I", 0x7FFFFFF0) + bytes(12)
        wild_vtable = header(16) + struct.pack("<Ii", 4, -0x7FFFFFFF) + bytes(8)
        reply_kind = bytearray(ping)
        reply_kind[union_kind_position(ping)] = 12  # Welcome: only servers say that
        cases = [
            ("4 GiB less one byte", header(0xFFFFFFFF)),
            ("4 GiB less eight bytes", header(0xFFFFFFF8)),
            ("just over the limit", header((1 << 20) + 8)),
            ("no payload", header(0)),
            ("a length that is not a multiple of 8", header(13) + bytes(16)),
            ("an offset out of the buffer", unverifiable),
            ("a vtable out of the buffer", wild_vtable),
            ("zeros as a message", header(64) + bytes(64)),
            ("a message only a server may send", bytes(reply_kind)),
        ]
        for what, data in cases:
            with self.subTest(what):
                before = self.stat(BAD_FRAME)
                peer = self.peer(self.berthd)
                peer.send_bytes(data)
                for reply in peer.until_closed():
                    self.assertEqual(reply["kind"], "Refused")
                self.assert_counted(BAD_FRAME, before)
                self.check_bystander()

    def test_an_unknown_kind_is_refused_in_words(self):
        unknown = bytearray(self.tool.frame("Ping", request_id=9))
        unknown[union_kind_position(unknown)] = 200
        peer = self.peer(self.berthd)
        peer.send_bytes(bytes(unknown))
        reply = peer.receive()
        self.assertEqual((reply["kind"], reply["code"]), ("Refused", UNSUPPORTED))

    def test_every_single_corrupted_byte_is_survived(self):
        beat = self.tool.frame(
            "Heartbeat",
            worker="w",
            tags=["a", "b"],
            labels=[["zone", "x"]],
            capacity={"slots": 1, "gpu_models": ["A100"], "custom": [["licence", 1]]},
        )
        for position in range(8, len(beat)):
            broken = bytearray(beat)
            broken[position] ^= 0xFF
            peer = self.peer(self.berthd)
            peer.send_bytes(bytes(broken))
            peer.receive()
            peer.close()
        self.check_bystander()

    def test_a_frame_cut_short_by_the_end_of_the_connection_is_forgotten(self):
        before = self.stat("berth_connections")
        beat = self.tool.frame("Heartbeat", worker="half", tags=["a"])
        for cut in (1, 7, 8, 9, len(beat) - 1):
            peer = self.peer(self.berthd)
            peer.send_bytes(beat[:cut])
            peer.close()
        eventually(lambda: self.stat("berth_connections") <= before, "the connections are given back")
        self.assertNotIn("half", self.workers(self.berthd))

    def test_hello_twice_does_no_harm(self):
        peer = self.peer(self.berthd)
        peer.send("Hello", identity="again")
        peer.receive()

    def test_frames_in_pieces_of_any_size_are_put_together(self):
        peer = self.peer(self.berthd)
        data = b"".join(self.tool.frame("Ping", 100 + i, payload=i) for i in range(20))
        for i in range(0, len(data), 7):
            peer.send_bytes(data[i : i + 7])
        self.assertEqual([peer.receive()["payload"] for _ in range(20)], list(range(20)))


if __name__ == "__main__":
    unittest.main()
