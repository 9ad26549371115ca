"""dtask-scheduler v1: the story of its workers and clients, told to berthd."""

import re
import unittest

from harness import eventually
from older import OlderTest, covered

covered(
    __name__,
    "dtaskHeartbeat",
    "dtaskSchedule",
    "dtaskWorkers",
)

FULL = {"error": "no available worker matching requirements"}


class DtaskClients(OlderTest):
    def setUp(self):
        super().setUp()
        self.serve("10m", "20m")

    def serve(self, suspicious, offline):
        self.berthd = self.server("--suspicious-after", suspicious, "--offline-after", offline)
        self.client = self.http(self.berthd)

    def beat(self, worker, current=0, most=10, tags=("cpu",), **more):
        body = {
            "worker_id": worker,
            "address": f"10.0.0.{worker[-1]}:9000",
            "resource_tags": list(tags),
            "max_tasks": most,
            "current_tasks": current,
            "timestamp": 1702540800,
            **more,
        }
        answer = self.client.ask("POST", "/api/v1/heartbeat", body)
        self.assertEqual(answer, (200, {"status": "ok"}))

    def schedule(self, task, *tags):
        return self.client.post("/api/v1/schedule", task_id=task, required_tags=list(tags))

    def table(self):
        status, rows = self.client.get("/api/v1/workers")
        self.assertEqual(status, 200)
        return {row["WorkerID"]: row for row in rows}

    def test_each_placement_counts_at_once_and_the_next_beat_replaces_the_count(self):
        self.beat("w1", current=0, most=10)
        self.beat("w2", current=3, most=10)
        chosen = [self.ok(self.schedule(f"t{i}"))["worker_id"] for i in range(5)]
        self.assertEqual(chosen[:3], ["w1", "w1", "w1"])
        self.assertEqual(sorted(chosen[3:]), ["w1", "w2"])
        self.assertEqual(self.table()["w1"]["CurrentTasks"], 4)
        # It has begun two of them, and knows of no others.
        self.beat("w1", current=2, most=10)
        row = self.table()["w1"]
        self.assertEqual((row["CurrentTasks"], row["Available"]), (2, 8))
        self.assertEqual(self.ok(self.schedule("t9"))["worker_id"], "w1")

    def test_one_task_id_for_all_tasks_is_a_placement_each_time(self):
        self.beat("w1", most=2)
        self.beat("w2", most=2)
        chosen = [self.ok(self.schedule("task"))["worker_id"] for _ in range(4)]
        self.assertEqual(sorted(chosen), ["w1", "w1", "w2", "w2"])
        self.assertEqual(self.schedule("task"), (503, FULL))

    def test_the_answer_is_what_its_client_reads(self):
        self.beat("w1", tags=("gpu", "cuda-12.0"))
        answer = self.schedule("t1", "gpu", "cuda-12.0")
        self.assertEqual(answer, (200, {"worker_id": "w1", "address": "10.0.0.1:9000"}))
        self.assertEqual(self.schedule("t2", "fpga"), (503, FULL))

    def test_workers_are_rows_with_the_names_of_go(self):
        self.beat("w1", current=1, most=4, tags=("gpu",))
        row = self.table()["w1"]
        heard = row.pop("LastHeartbeat")
        self.assertRegex(heard, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
        self.assertEqual(
            row,
            {
                "WorkerID": "w1",
                "Address": "10.0.0.1:9000",
                "ResourceTags": ["gpu"],
                "MaxTasks": 4,
                "CurrentTasks": 1,
                "Available": 3,
                "Status": "online",
            },
        )

    def becomes(self, status):
        eventually(lambda: self.table()["w1"]["Status"] == status, f"w1 is {status}")

    def test_silence_makes_a_worker_suspicious_and_it_is_taken_when_there_is_no_other(self):
        self.serve("100ms", "20m")
        self.beat("w1")
        self.becomes("suspicious")
        self.ok(self.schedule("t1"))

    def test_longer_silence_makes_a_worker_offline_and_a_beat_brings_it_back(self):
        self.serve("300ms", "600ms")
        self.beat("w1")
        self.becomes("offline")
        self.assertEqual(self.schedule("t1"), (503, FULL))

        def seen():
            self.beat("w1")
            return self.table()["w1"]["Status"] == "online" and self.schedule("t2")[0] == 200

        # More than one beat only where there is a pause of 0.3 s between two requests.
        eventually(seen, "w1 is online and takes a task")

    def test_what_is_wrong_is_said_in_its_form(self):
        bad = [
            ("no JSON", "/api/v1/schedule", b"{"),
            ("an empty body", "/api/v1/schedule", b""),
            ("no task_id", "/api/v1/schedule", b'{"required_tags":[]}'),
            ("an empty task_id", "/api/v1/schedule", b'{"task_id":""}'),
            ("tags that are none", "/api/v1/schedule", b'{"task_id":"t","required_tags":7}'),
            ("a beat of nobody", "/api/v1/heartbeat", b'{"max_tasks":3}'),
            ("a count that is none", "/api/v1/heartbeat", b'{"worker_id":"w","max_tasks":"3"}'),
            ("less than nothing", "/api/v1/heartbeat", b'{"worker_id":"w","max_tasks":-1}'),
        ]
        for name, path, raw in bad:
            with self.subTest(name):
                status, answer = self.client.ask("POST", path, raw=raw)
                self.assertEqual(status, 400)
                self.assertEqual(list(answer), ["error"])
        for method, path in (
            ("GET", "/api/v1/schedule"),
            ("GET", "/api/v1/heartbeat"),
            ("DELETE", "/api/v1/workers"),
        ):
            with self.subTest(method=method, path=path):
                self.refused(self.client.ask(method, path), 405)
        self.refused(self.client.get("/api/v1/nothing"), 404)

    def test_fields_it_does_not_know_and_lists_that_are_null_are_ignored(self):
        self.beat("w1", tags=(), region="eu", nested={"a": [1]})
        body = {"task_id": "t1", "required_tags": None, "priority": 7}
        self.ok(self.client.ask("POST", "/api/v1/schedule", body))
        self.ok(self.client.get("/api/v1/workers", verbose="1"))

    def test_a_real_agent_is_found_and_a_worker_that_pulls_is_not(self):
        self.ok(self.client.post("/register", worker_id="p1", nonce="n", capabilities=["gpu"]))
        self.assertEqual(self.schedule("t1"), (503, FULL))
        self.agent(self.berthd, "a1", "--tags", "gpu", "--address", "10.9.9.9:1")
        self.wait_for_status(self.berthd, "a1", "online")
        self.assertEqual(
            self.schedule("t2", "gpu"), (200, {"worker_id": "a1", "address": "10.9.9.9:1"})
        )
        self.assertEqual({"p1", "a1"}, set(self.table()))

    def test_a_worker_of_its_own_is_found_by_the_command_line(self):
        self.beat("w1", tags=("ssd",))
        shown = self.cli_json(self.berthd, "worker", "show", "w1")
        self.assertIn("ssd", shown["tags"])
        self.assertTrue(re.match(r"10\.0\.0\.1", shown["address"]))


if __name__ == "__main__":
    unittest.main()
