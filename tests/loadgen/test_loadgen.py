#!/usr/bin/env python3
"""berth-loadgen against a real berthd: what it reports, and that it leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
import threading
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
from harness import DEADLINE_S, EndToEndTest, eventually, program  # noqa: E402

KEYS = {"scenario", "seconds", "requests", "errors", "throughput_per_s", "latency_us", "server_cpu_s",
        "server_rss_bytes"}
QUANTILES = ["p50", "p90", "p99", "p999", "max"]


class LoadgenTest(EndToEndTest):
    def run_loadgen(self, *arguments, check=0):
        run = subprocess.run([program("berth-loadgen"), *map(str, arguments)], capture_output=True,
                             text=True, timeout=4 * DEADLINE_S)
        self.assertEqual(run.returncode, check, f"{arguments}: {run.stdout}{run.stderr}")
        return run

    def report(self, server, *arguments, check=0):
        run = self.run_loadgen(*arguments, "--server", server.wire, "--json", check=check)
        self.assertEqual(run.stdout.count("\n"), 1, "exactly one object, in one line")
        report = json.loads(run.stdout)
        self.assertLessEqual(KEYS, set(report))
        self.assertEqual(list(report["latency_us"]), QUANTILES)
        values = [report["latency_us"][q] for q in QUANTILES]
        self.assertEqual(values, sorted(values))
        return report

    def registered(self, server):
        """How many workers the server knows."""
        peer = self.peer(server)
        try:
            return peer.stats()["berth_workers"]
        finally:
            peer.close()

    def assert_nothing_left(self, server):
        self.assertEqual(self.registered(server), 0)
        peer = self.peer(server)
        self.assertEqual(peer.stats()["berth_reservations"], 0)
        peer.close()


class Loads(LoadgenTest):
    def test_the_flag_wins_over_the_variable(self):
        server = self.server()
        for variable, flag, status in ((server.wire, "127.0.0.1:1", 5), ("127.0.0.1:1", server.wire, 0)):
            with self.subTest(variable=variable, flag=flag):
                run = subprocess.run(
                    [program("berth-loadgen"), "ping", "--requests", "100", "--server", flag],
                    env={**os.environ, "BERTH_SERVER": variable}, capture_output=True, text=True,
                    timeout=DEADLINE_S)
                self.assertEqual(run.returncode, status, run.stdout + run.stderr)

    def test_it_tells_its_version_as_the_other_programs_do(self):
        theirs = subprocess.run([program("berth"), "--version"], capture_output=True, text=True).stdout
        self.assertEqual(self.run_loadgen("--version").stdout, theirs.replace("berth", "berth-loadgen"))

    def test_every_scenario_reports_what_it_did_and_leaves_nothing(self):
        server = self.server("--shards", "2")
        cases = [
            ("ping", []),
            ("heartbeat", []),
            ("heartbeat", ["--full-beats"]),
            ("schedule", []),
            ("schedule", ["--policy", "best-fit"]),
            ("schedule", ["--match", "0"]),
            ("mixed", []),
            ("schedule", ["--threads", "2"]),
            ("ping", ["--rate", "20000"]),
            ("schedule", ["--depth", "1", "--rate", "10000"]),
        ]
        for scenario, more in cases:
            with self.subTest(scenario=scenario, more=more):
                report = self.report(server, scenario, "--requests", 5000, "--workers", 300, *more)
                self.assertEqual(report["scenario"], scenario)
                self.assertEqual(report["requests"], 5000)
                self.assertEqual(report["errors"], 0)
                self.assertGreater(report["throughput_per_s"], 0)
                self.assertGreater(report["server_rss_bytes"], 1e6)
                self.assertGreaterEqual(report["server_cpu_s"], 0)
                if scenario == "schedule":
                    self.assertEqual(report["placements"], 0 if "--match" in more else 5000)
                    self.assertEqual(report["releases"], report["placements"])
                self.assert_nothing_left(server)

    def test_a_run_by_time_lasts_that_long(self):
        server = self.server()
        report = self.report(server, "ping", "--seconds", 1, "--workers", 0)
        self.assertGreater(report["seconds"], 0.9)
        self.assertGreater(report["requests"], 100)

    def test_a_stalled_server_shows_in_an_open_loop(self):
        server = self.server()
        results = []
        run = threading.Thread(target=lambda: results.append(
            self.report(server, "ping", "--seconds", 6, "--rate", 1000, "--workers", 0)))
        run.start()
        # Well under way: requests by the hundred have come.
        peer = self.peer(server)
        eventually(lambda: peer.stats()["berth_requests_total"] > 500, "pings arrive")
        server.signal(signal.SIGSTOP)
        stalled_s = 0.5
        threading.Event().wait(stalled_s)
        server.signal(signal.SIGCONT)
        run.join()
        peer.close()
        (report,) = results
        self.assertEqual(report["requests"], 6000, "every request that was due was sent")
        self.assertGreaterEqual(report["latency_us"]["max"], 0.99e6 * stalled_s)
        # A closed loop would have lost one round; here one request in twelve waited.
        self.assertGreaterEqual(report["latency_us"]["p99"], 0.5e6 * stalled_s)

    def test_an_interrupt_removes_the_workers_too(self):
        server = self.server()
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                child = subprocess.Popen(
                    [program("berth-loadgen"), "mixed", "--server", server.wire, "--seconds", "600",
                     "--workers", "500", "--json"],
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                try:
                    eventually(lambda: self.registered(server) == 500, "the workers are registered")
                    child.send_signal(number)
                    out, err = child.communicate(timeout=DEADLINE_S)
                finally:
                    child.kill()
                    child.wait()
                self.assertEqual(child.returncode, 1)
                self.assertIn("interrupted", err)
                self.assertEqual(json.loads(out)["errors"], 0, "what was measured is still told")
                self.assert_nothing_left(server)

    def test_a_full_server_is_one_sentence_and_nothing_stays(self):
        server = self.server("--max-workers", "100")
        run = self.run_loadgen("schedule", "--server", server.wire, "--workers", 200, "--json", check=1)
        self.assertEqual(run.stdout, "")
        self.assertEqual(run.stderr.count("\n"), 1, run.stderr)
        self.assert_nothing_left(server)

    def test_an_unreachable_server_is_one_sentence_and_exit_5(self):
        for command in (["ping"], ["hold", "--agents", "2"]):
            run = self.run_loadgen(*command, "--server", "127.0.0.1:1", check=5)
            self.assertEqual(run.stdout, "")
            self.assertEqual(run.stderr.count("\n"), 1)
            self.assertIn("127.0.0.1:1", run.stderr)

    def test_wrong_usage_names_the_flag_and_exits_2(self):
        cases = [
            (["schedule", "--match", "2"], "--match"),
            (["schedule", "--policy", "best"], "--policy"),
            (["schedule", "--workers", "10"], "--workers"),
            (["heartbeat", "--workers", "3"], "--workers"),
            (["ping", "--depth", "0"], "--depth"),
            (["ping", "--batch", "2"], "--batch"),
            (["ping", "--seconds", "1", "--requests", "1"], "--requests"),
            (["replay", "--arrivals", "x"], "--out"),
            (["hold", "--agents", "0"], "--agents"),
            (["sing"], "no command 'sing'"),
        ]
        for arguments, said in cases:
            with self.subTest(arguments):
                self.assertIn(said, self.run_loadgen(*arguments, check=2).stderr)


class Hold(LoadgenTest):
    def test_agents_are_held_and_placed_on(self):
        server = self.server()
        report = self.report(server, "hold", "--agents", 100, "--seconds", 4,
                             "--place-rate", 1000, "--depth", 8)
        self.assertEqual(report["errors"], 0)
        self.assertEqual(report["false_suspicions"], 0)
        self.assertEqual(report["acks"], report["requests"])
        self.assertGreater(report["acks"], 100, "more than one beat of each in 4 s at 3 s")
        self.assertEqual(report["placements"], 4000)
        self.assert_nothing_left(server)

    def test_a_server_that_suspects_too_early_is_found_out(self):
        # Suspicion at half the interval of the agents: false by the run's own measure.
        server = self.server("--suspicious-after", "1s", "--offline-after", "60s")
        report = self.report(server, "hold", "--agents", 20, "--seconds", 4, check=1)
        self.assertGreater(report["false_suspicions"], 0)
        self.assertGreater(report["errors"], 0)


NODES = [
    {"node": "n0", "cpu_milli": 8000, "memory_mib": 8192, "gpus": 2, "model": "T4"},
    {"node": "n1", "cpu_milli": 8000, "memory_mib": 8192, "gpus": 1, "model": "G2"},
    {"node": "n2", "cpu_milli": 64000, "memory_mib": 8192, "gpus": 0, "model": ""},
]


def pod(number, num_gpu=0, gpu_milli=0, cpu_milli=1000, models=()):
    return {"pod": number, "cpu_milli": cpu_milli, "memory_mib": 100, "num_gpu": num_gpu,
            "gpu_milli": gpu_milli, "models": list(models)}


class Replay(LoadgenTest):
    def replay(self, server, items, *more, check=0):
        with open(self.path("arrivals.jsonl"), "w", encoding="utf-8") as file:
            file.writelines(json.dumps(item) + "\n" for item in items)
        out = self.path("answers.jsonl")
        report = self.report(server, "replay", "--arrivals", self.path("arrivals.jsonl"), "--out", out,
                             *more, check=check)
        with open(out, encoding="utf-8") as file:
            return report, [json.loads(line) for line in file]

    def test_tasks_are_placed_in_order_and_verified(self):
        server = self.server()
        tasks = [
            pod(0, 2, 1000),                      # both devices of n0
            pod(1, 1, 600),                       # what is left is n1
            pod(2, 1, 400, models=["T4"]),        # n0 is full
            pod(3, 1, 400, models=["G2"]),        # the rest of n1
            pod(4, 0, 0, cpu_milli=60000),        # only n2 is as large
            pod(5, 0, 0, cpu_milli=60000),        # and only once
        ]
        for policy in ("best-fit", "fgd", "least-loaded", "spread", "pack"):
            for batch in (1, 4):
                with self.subTest(policy=policy, batch=batch):
                    report, answers = self.replay(
                        server, NODES + tasks, "--policy", policy, "--batch", batch)
                    self.assertEqual([answer["pod"] for answer in answers], list(range(6)))
                    self.assertEqual(
                        [answer["node"] for answer in answers], ["n0", "n1", None, "n1", "n2", None])
                    self.assertEqual([sorted(answer["gpus"]) for answer in answers],
                                     [[0, 1], [0], [], [0], [], []])
                    self.assertEqual((report["placed"], report["refused"]), (4, 2))
                    self.assertEqual((report["violations"], report["wrong_refusals"]), (0, 0))
                    # 3,000 milli: 3,400 had arrived when 3,000 were in use.
                    self.assertEqual(report["gpu_allocated_percent"], {"95": 86.667, "100": 86.667})
                    self.assert_nothing_left(server)

    def test_a_bad_trace_is_refused_with_its_line(self):
        server = self.server()
        path = self.path("bad.jsonl")
        with open(path, "w", encoding="utf-8") as file:
            file.write(json.dumps(NODES[0]) + "\n{}\n")
        run = self.run_loadgen("replay", "--arrivals", path, "--out", self.path("out"),
                               "--server", server.wire, check=2)
        self.assertIn("line 2", run.stderr)


if __name__ == "__main__":
    unittest.main()
