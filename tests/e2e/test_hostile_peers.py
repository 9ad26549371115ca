"""Peers that misuse a connection: silent, slow, deaf, or far too many."""

import socket
import time
import unittest

from harness import DEADLINE_S, eventually, split_address
from hostile import HostileTest

SLOW_HANDSHAKE = "berth_connections_closed_slow_handshake_total"
SLOW_READER = "berth_connections_closed_slow_reader_total"
REFUSED = "berth_connections_refused_total"


class SlowPeers(HostileTest):
    def test_a_peer_that_says_nothing_is_closed_after_the_handshake_time(self):
        silent = [self.peer(self.berthd, hello=False) for _ in range(20)]
        begin = time.monotonic()
        for peer in silent:
            self.assertNotIn("Welcome", [reply["kind"] for reply in peer.until_closed()])
        self.assertGreater(time.monotonic() - begin, 2)
        self.assert_counted(SLOW_HANDSHAKE, 0, 20)

    def test_one_byte_a_second_does_not_prolong_the_handshake(self):
        hello = self.tool.frame("Hello", identity="drip" * 20)
        peer = self.peer(self.berthd, hello=False)
        peer.socket.settimeout(1)
        closed, begin = False, time.monotonic()
        for i in range(DEADLINE_S):
            try:
                peer.socket.send(hello[i : i + 1])
                closed = peer.socket.recv(4096) == b""
            except socket.timeout:
                continue
            except (ConnectionResetError, BrokenPipeError):
                closed = True
            if closed:
                break
        self.assertTrue(closed)
        self.assertLess(time.monotonic() - begin, DEADLINE_S)
        self.assert_counted(SLOW_HANDSHAKE, 0)

    def test_a_frame_that_is_begun_must_be_finished(self):
        counter = "berth_connections_closed_bad_frame_total"
        beat = self.tool.frame("Heartbeat", worker="drip", tags=["x" * 100])
        peer = self.peer(self.berthd)
        peer.socket.settimeout(1)
        sent, end = 0, time.monotonic() + 2 * DEADLINE_S
        while self.stat(counter) == 0:
            self.assertLess(time.monotonic(), end, "a frame at one byte a second is waited for")
            try:
                sent += peer.socket.send(beat[sent : sent + 1])
                peer.socket.recv(4096)
            except (socket.timeout, ConnectionResetError, BrokenPipeError):
                continue
        self.assertNotIn("drip", self.workers(self.berthd))


class DeafPeers(HostileTest):
    def test_a_reader_that_never_reads_is_cut_off(self):
        for i in range(200):
            self.beat(self.bystander, f"worker-{i}", tags=[f"tag-{j}" for j in range(30)])
        self.resident_at_start = self.berthd.resident_bytes()
        deaf = self.peer(self.berthd, receive_buffer=4096)
        requests = b"".join(self.tool.frame("ListWorkers", i + 1) for i in range(100))
        deaf.socket.settimeout(1)
        end = time.monotonic() + DEADLINE_S
        while self.stat(SLOW_READER) == 0:
            self.assertLess(time.monotonic(), end, "the peer that does not read is still there")
            try:
                deaf.socket.send(requests)
            except socket.timeout:
                pass
            except (ConnectionResetError, BrokenPipeError):
                break
        eventually(lambda: self.stat(SLOW_READER) == 1, "the closing is counted")


class Floods(HostileTest):
    flags = ("--max-connections", "50")

    def test_connections_over_the_limit_are_refused_and_counted(self):
        sockets = []
        for _ in range(300):
            sock = socket.create_connection(split_address(self.berthd.wire), timeout=DEADLINE_S)
            self.addCleanup(sock.close)
            sockets.append(sock)
        eventually(lambda: self.stat(REFUSED) >= 250, "the flood is refused")
        self.assertLess(self.berthd.open_files(), 150)
        for sock in sockets:
            sock.close()
        eventually(lambda: self.welcome_again(), "the server serves again after the flood")

    def welcome_again(self):
        peer = self.peer(self.berthd)
        return peer.welcome is not None and peer.welcome["kind"] == "Welcome"

    def test_connecting_and_leaving_again_and_again_leaves_nothing(self):
        files = self.berthd.open_files()
        for _ in range(2000):
            socket.create_connection(split_address(self.berthd.wire), timeout=DEADLINE_S).close()
        eventually(lambda: self.berthd.open_files() <= files + 1, "the descriptors are given back")


if __name__ == "__main__":
    unittest.main()
