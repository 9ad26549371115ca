"""berth-loadgen jobs against the real server: every job accounted for, over crashes too."""

import json
import sqlite3
import subprocess
import unittest

from harness import DEADLINE_S, EndToEndTest, eventually, program

QUANTILES = ["p50", "p90", "p99", "p999", "max"]


class LoadgenJobs(EndToEndTest):
    def loadgen(self, server, command, *arguments):
        return subprocess.Popen(
            [program("berth-loadgen"), command, "--server", server.wire, "--json", *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def finish(self, child, check=0):
        try:
            out, err = child.communicate(timeout=6 * DEADLINE_S)
        finally:
            child.kill()
            child.wait()
        self.assertEqual(child.returncode, check, f"{out}{err}")
        self.assertEqual(out.count("\n"), 1, "exactly one object, in one line")
        return json.loads(out)

    def report(self, server, command, *arguments, check=0):
        return self.finish(self.loadgen(server, command, *arguments), check)

    def stores(self):
        return ["memory", f"sqlite:{self.path('berth.db')}"]

    def assert_all_completed(self, report, jobs):
        self.assertEqual(report["errors"], 0, report)
        for name, value in (("requests", jobs), ("completed", jobs), ("lost", 0), ("duplicates", 0)):
            self.assertEqual(report[name], value, name)

    def in_state(self, state):
        """How many rows of the store are in this state; none when it cannot be read now."""
        try:
            with sqlite3.connect(f"file:{self.path('berth.db')}?mode=ro", uri=True) as database:
                (count,), = database.execute("SELECT count(*) FROM jobs WHERE state = ?", (state,))
                return count
        except sqlite3.OperationalError:
            return 0

    def test_every_job_goes_all_the_way_and_nothing_is_left(self):
        cases = [
            ("many at once", 3000, []),
            ("one at a time", 50, ["--in-flight", 1, "--batch", 1, "--workers", 1]),
            ("on many connections", 2000, ["--connections", 4, "--workers", 16, "--batch", 7]),
            ("open loop", 1000, ["--rate", 2000]),
            ("beside others that are pending", 500, ["--pending", 3000]),
        ]
        for store in self.stores():
            server = self.server("--store", store)
            for name, jobs, more in cases:
                with self.subTest(store=store, case=name):
                    report = self.report(server, "jobs", "--jobs", jobs, *more)
                    self.assert_all_completed(report, jobs)
                    self.assertGreater(report["jobs_per_s"], 0)
                    for latency in ("latency_us", "submit_latency_us"):
                        self.assertEqual(list(report[latency]), QUANTILES)
                        values = list(report[latency].values())
                        self.assertEqual(values, sorted(values))
                    self.assertEqual(self.workers(server), {})
            server.kill()

    def test_what_fails_is_tried_again_until_it_completes(self):
        server = self.server("--store", "memory")
        # Few: a worker that fails a job is left alone for seconds, so they go by turns.
        report = self.report(server, "jobs", "--jobs", 40, "--workers", 40, "--fail", 0.1, "--seed", 3)
        self.assert_all_completed(report, 40)
        self.assertGreater(report["retries"], 0)

    def test_questions_are_answered_about_the_jobs_there_are(self):
        server = self.server("--store", "memory")
        self.assertEqual(self.finish_without_report(server), 1, "there are no jobs yet")
        self.report(server, "jobs", "--jobs", 100, "--pending", 5000, "--keep")
        report = self.report(server, "jobs-query", "--requests", 300)
        self.assertEqual(report["errors"], 0, report)
        self.assertEqual(report["requests"], 300)
        for question in ("show", "explain", "list"):
            self.assertEqual(list(report[f"{question}_latency_us"]), QUANTILES)

    def finish_without_report(self, server):
        child = self.loadgen(server, "jobs-query")
        out, err = child.communicate(timeout=DEADLINE_S)
        self.assertEqual(out, "")
        self.assertIn("has no jobs", err)
        return child.returncode

    def test_a_server_killed_in_the_middle_loses_nothing_and_does_nothing_twice(self):
        arguments = ["--store", f"sqlite:{self.path('berth.db')}"]
        server = self.server(*arguments)
        child = self.loadgen(server, "jobs", "--rate", 3000, "--seconds", 5, "--in-flight", 2000,
                             "--workers", 4, "--reconnect")
        for after in (1500, 5000, 9000):
            eventually(lambda: self.in_state("COMPLETED") > after, f"{after} jobs have completed")
            server.kill()
            server = self.server(*arguments, listen=server.wire)
        report = self.finish(child)
        self.assert_all_completed(report, 15000)
        self.assertGreaterEqual(report["reconnects"], 3)
        self.assertEqual(self.in_state("COMPLETED"), 15000)

    def test_a_server_that_dies_for_good_ends_the_run(self):
        server = self.server("--store", "memory")
        child = self.loadgen(server, "jobs", "--rate", 500, "--seconds", 600)
        eventually(lambda: self.workers(server), "workers are there")
        server.kill()
        out, err = child.communicate(timeout=DEADLINE_S)
        self.assertIn(child.returncode, (1, 5), out + err)
        self.assertIn(server.wire, err)


if __name__ == "__main__":
    unittest.main()
