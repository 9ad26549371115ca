"""Starting, stopping, dying and coming back; flags, configuration and the service manager."""

import signal
import socket
import subprocess
import time
import unittest

from harness import DEADLINE_S, DENIED, EndToEndTest, eventually, program, terminate_and_time


class Stopping(EndToEndTest):
    def test_a_signal_ends_a_busy_server_within_five_seconds(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number.name):
                berthd = self.server()
                agent = self.agent(berthd, "w1", "--tags", "cpu")
                self.wait_for_status(berthd, "w1", "online")
                idle = self.peer(berthd)
                waits = self.peer(berthd)
                waits.send("Place", task="t", wait_ms=60_000, all_tags=["nobody"])
                berthd.signal(number)
                self.assertEqual(berthd.wait(5), 0)
                self.assertEqual(idle.until_closed(), [])
                self.assertTrue(waits.until_closed(), "who waits is told before the end")
                agent.kill()

    def test_what_was_sent_before_the_signal_is_answered(self):
        berthd = self.server()
        client = self.peer(berthd)
        sent = [client.send("Ping", payload=i) for i in range(200)]
        berthd.signal(signal.SIGTERM)
        answered = [reply["id"] for reply in client.until_closed() if reply["kind"] == "Pong"]
        self.assertEqual(answered, sent[: len(answered)])
        self.assertEqual(berthd.wait(5), 0)


class ComingBack(EndToEndTest):
    def test_agents_find_a_server_that_was_killed_and_started_again(self):
        berthd = self.server()
        agents = [self.agent(berthd, f"w{i}", "--tags", "cpu") for i in range(3)]
        for agent in agents:
            self.wait_for_status(berthd, agent.worker, "online")
        berthd.kill()
        again = self.server(listen=berthd.wire)
        self.assertEqual(again.wire, berthd.wire)
        for agent in agents:
            self.wait_for_status(again, agent.worker, "online")
            self.assertTrue(agent.running())
        self.cli(again, "place", "--task", "t", "--tags", "cpu", check=0)

    def test_a_client_names_a_second_server_for_when_the_first_is_dead(self):
        first, second = self.server(), self.server()
        self.agent(second, "w1", "--tags", "cpu")
        self.wait_for_status(second, "w1", "online")
        first.kill()
        self.cli(f"{first.wire},{second.wire}", "place", "--task", "t", "--tags", "cpu", check=0)


class StandingStill(EndToEndTest):
    def test_a_server_that_was_stopped_blames_no_worker_for_it(self):
        berthd = self.server("--shards", 1, "--suspicious-after", "1s", "--offline-after", "2s")
        peer = self.peer(berthd)
        self.beat(peer, "w1", sequence=1)
        before = peer.stats()
        berthd.signal(signal.SIGSTOP)
        # The beat that comes meanwhile waits in the socket, and the question behind it.
        peer.send("Heartbeat", worker="w1", sequence=2, has_profile=False)
        asked = peer.send("GetStats")
        time.sleep(3)
        berthd.signal(signal.SIGCONT)
        reply = peer.receive()
        while reply["id"] != asked:
            reply = peer.receive()
        for name in ("berth_workers_suspicious_total", "berth_workers_offline_total"):
            self.assertEqual(reply["stats"][name], before[name], name)


class Flags(EndToEndTest):
    def run_server(self, *arguments):
        return subprocess.run(
            [program("berthd"), *arguments],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=DEADLINE_S,
        )

    def test_a_bad_flag_is_one_sentence_and_exit_code_2(self):
        cases = [
            (["--colour", "red"], "--colour"),
            (["--listen", "nowhere"], "nowhere"),
            (["--listen", "127.0.0.1:99999"], "99999"),
            (["--shards", "0"], "--shards"),
            (["--suspicious-after", "soon"], "soon"),
            (["--suspicious-after", "20s", "--offline-after", "10s"], "offline-after"),
            (["--max-workers", "-1"], "-1"),
            (["--config", "/nonexistent.toml"], "/nonexistent.toml"),
        ]
        for arguments, named in cases:
            with self.subTest(" ".join(arguments)):
                run = self.run_server(*arguments)
                self.assertEqual(run.returncode, 2, run.stderr)
                self.assertIn(named, run.stderr)
                self.assertEqual(run.stdout, "")

    def test_an_unknown_key_names_the_nearest_one(self):
        path = self.path("berthd.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write("max_worker = 5\n")
        run = self.run_server("--config", path, "--check-config")
        self.assertEqual(run.returncode, 2, run.stderr)
        self.assertIn("max_worker", run.stderr)
        self.assertIn("max_workers", run.stderr)

    def test_a_port_in_use_is_named(self):
        berthd = self.server()
        holder = socket.socket()
        self.addCleanup(holder.close)
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        taken = f"127.0.0.1:{holder.getsockname()[1]}"
        for flag, others in (("--listen", "--http"), ("--http", "--listen")):
            run = self.run_server(
                *(flag, taken, others, "127.0.0.1:0"),
                *("--console", "127.0.0.1:0", "--store", "memory"),
            )
            self.assertEqual(run.returncode, 1)
            self.assertIn(taken, run.stderr)
            self.assertIn(flag, run.stderr)
        self.assertTrue(berthd.running())

    def test_two_shards_serve_as_one_server(self):
        berthd = self.server("--shards", "2", "--suspicious-after", "10m", "--offline-after", "20m")
        peers = [self.peer(berthd) for _ in range(8)]
        for i, peer in enumerate(peers):
            self.assertTrue(self.beat(peer, f"w{i}", tags=[f"t{i}"])["accepted"])
        for i in range(8):
            placed = peers[(i + 3) % 8].ask("Place", task=f"task{i}", all_tags=[f"t{i}"])
            self.assertEqual(placed.get("worker"), f"w{i}")
        self.assertEqual(len(self.workers(berthd)), 8)
        self.assertEqual(peers[5].ask("Release", tasks=[f"task{i}" for i in range(8)])["released"], 8)


class Secrets(EndToEndTest):
    def test_who_does_not_know_the_token_is_denied(self):
        path = self.path("token")
        with open(path, "w", encoding="utf-8") as file:
            file.write("open sesame\n")
        berthd = self.server("--token-file", path)
        self.cli(berthd, "worker", "list", check=4)
        self.cli(berthd, "--token-file", path, "worker", "list", check=0)
        for token in ("", "open", "open sesame!"):
            peer = self.peer(berthd, hello=False)
            peer.send("Hello", token=token)
            (said,) = peer.until_closed()
            self.assertEqual((said["kind"], said["code"]), ("Refused", DENIED))
        self.agent(berthd, "w1", "--token-file", path)
        eventually(
            lambda: '"w1"' in self.cli(berthd, "--token-file", path, "worker", "list", "--json").stdout,
            "the agent that knows the token is there",
        )


class ServiceManager(EndToEndTest):
    def test_systemd_is_told_when_it_serves_lives_and_stops(self):
        path = self.path("notify")
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(manager.close)
        manager.bind(path)
        manager.settimeout(DEADLINE_S)
        berthd = self.server(env={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "1000000"})
        heard = set()

        def hear(word):
            while word not in heard:
                heard.update(manager.recv(4096).decode().split("\n"))
            return True

        for word in ("READY=1", "WATCHDOG=1"):
            self.assertTrue(hear(word))
        self.assertNotIn("STOPPING=1", heard)
        code, _ = terminate_and_time(berthd)
        self.assertEqual(code, 0)
        self.assertTrue(hear("STOPPING=1"))


if __name__ == "__main__":
    unittest.main()
