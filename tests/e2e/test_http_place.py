"""Placing and workers over HTTP, by the native API."""

import json
import threading
import unittest

from harness import Process, eventually
from http_api import HttpTest, covers
from http_attacker import Attacker, get, request


class Place(HttpTest):
    def setUp(self):
        super().setUp()
        self.berthd = self.server("--suspicious-after", "10m", "--offline-after", "20m")
        self.wire = self.peer(self.berthd)
        self.client = self.api(self.berthd)

    def worker(self, name, **fields):
        self.assertTrue(self.beat(self.wire, name, **fields)["accepted"])

    @covers("place", "releaseReservation", "releaseTasks")
    def test_a_place_is_held_under_its_task_until_it_is_given_back(self):
        self.worker("w1", tags=["cpu", "ssd"])
        api = self.client
        placed = api.call("place", body={"task_id": "t1", "tags": ["cpu", "ssd"]}).json
        self.assertEqual(placed["worker_id"], "w1")
        self.assertEqual(placed["load"], 0.25)
        self.assertFalse(placed["repeated"])
        self.assertNotIn("explanation", placed)
        again = api.call("place", body={"task_id": "t1", "tags": ["cpu", "ssd"], "explain": True}).json
        self.assertTrue(again["repeated"])
        self.assertEqual(again["reservation_id"], placed["reservation_id"])
        self.assertIn("explanation", again)
        other = {"task_id": "t1", "tags": ["none-has-this"], "resources": {"cpu_milli": 1}}
        again = api.call("place", body=other).json
        self.assertTrue(again["repeated"], "the task's id alone decides")
        self.assertEqual(again["reservation_id"], placed["reservation_id"])

        held = placed["reservation_id"]
        released = api.call("releaseReservation", id=held).json
        self.assertEqual(released, {"released": 1, "unknown": 0})
        api.refuses("releaseReservation", "not_found", 404, id=held)
        api.refuses("releaseReservation", "bad_request", 400, id="t1")

        for task in ("a", "b"):
            api.call("place", body={"task_id": task})
        released = api.call("releaseTasks", task_id=["a", "b", "c"]).json
        self.assertEqual(released, {"released": 2, "unknown": 1})
        api.refuses("releaseTasks", "not_found", 404, task_id="a")
        api.refuses("releaseTasks", "bad_request", 400)
        api.refuses("place", "cannot_be_placed", 409, body={"task_id": "t1", "tags": ["gpu"]})

    def test_every_field_means_what_it_means_on_the_wire(self):
        self.worker(
            "big",
            tags=["cpu", "A100", "fast"],
            labels=[["zone", "a"]],
            capacity={
                "slots": 8,
                "cpu_milli": 8000,
                "memory_mib": 8192,
                "disk_mib": 1000,
                "network_mbit": 1000,
                "gpu_models": ["A100", "A100"],
                "custom": [["licence", 2]],
            },
        )
        self.worker("small", tags=["cpu", "slow"], labels=[["zone", "b"]])
        on_big = [
            {"any_tags": ["H100|A100"]},
            {"any_tags": ["H100|A100", "fast|slow"]},
            {"none_tags": ["slow"]},
            {"affinity": {"zone": "a"}},
            {"anti_affinity": {"zone": "b"}},
            {"exclude_workers": ["small"]},
            {"resources": {"slots": 5}},
            {"resources": {"cpu_milli": 5000}},
            {"resources": {"memory_mib": 5000}},
            {"resources": {"disk_mib": 1}},
            {"resources": {"network_mbit": 10}},
            {"resources": {"custom": {"licence": 2}}},
            {"resources": {"gpu_count": 1, "gpu_models": ["A100"]}},
            {"resources": {"gpu_milli": 500}},
            {"tags": ["A100"], "policy": "best-fit", "spread_by": "zone", "priority": -3, "hold_ms": 60000},
        ]
        api = self.client
        for i, wanted in enumerate(on_big):
            placed = api.call("place", body={"task_id": f"t{i}", **wanted}).json
            self.assertEqual(placed["worker_id"], "big", wanted)
            gpu = "gpu_count" in str(wanted) or "gpu_milli" in str(wanted)
            self.assertEqual(len(placed["gpus"]), int(gpu), wanted)
            api.call("releaseTasks", task_id=f"t{i}")
        held = api.call("place", body={"task_id": "t", "hold_ms": 60_000}).json["expires_in_s"]
        self.assertGreater(held, 30)

    def test_no_place_is_explained_as_everywhere_else(self):
        api = self.client
        problem = api.refuses("place", "cannot_be_placed", 409, body={"task_id": "t"})
        self.assertEqual(problem["reason"], "no_workers")
        self.worker("w1", tags=["cpu"])
        self.worker("w2", tags=["gpu"])
        wanted = {"task_id": "t", "tags": ["gpu"], "resources": {"memory_mib": 1 << 20}}
        problem = api.refuses("place", "cannot_be_placed", 409, body=wanted)
        said = self.cli_json(
            self.berthd, "place", "--task", "t", "--tags", "gpu", "--memory", "1TiB", check=7
        )
        for key in ("reason", "explanation"):
            self.assertEqual(problem[key], said[key])
        self.assertEqual(problem["detail"], said["message"])

    def test_what_has_to_wait_is_answered_when_there_is_room(self):
        self.worker("w1", capacity={"slots": 1})
        api = self.client
        api.call("place", body={"task_id": "first"})
        wait = {"task_id": "second", "wait_ms": 600_000}
        waiting = threading.Thread(target=lambda: setattr(self, "got", api.call("place", body=wait).json))
        waiting.start()
        other = self.api(self.berthd)
        full = {"task_id": "third", "explain": True}

        def queued():
            return other.request("GET", "/v1/stats").json["stats"]

        eventually(
            lambda: any(each["name"] == "berth_waiting" and each["value"] == 1 for each in queued()),
            "the request waits",
        )
        other.refuses("place", "cannot_be_placed", 409, body=full)
        other.call("releaseTasks", task_id="first")
        waiting.join()
        self.assertEqual(self.got["worker_id"], "w1")

    def test_a_wait_that_was_in_vain_says_so(self):
        self.worker("w1", capacity={"slots": 1})
        self.client.call("place", body={"task_id": "first"})
        body = {"task_id": "second", "wait_ms": 50}
        problem = self.client.refuses("place", "cannot_be_placed", 409, body=body)
        self.assertEqual(problem["reason"], "timed_out")

    # A client that gives up must not be given a place that nobody will use.
    def test_who_goes_while_waiting_is_forgotten(self):
        self.worker("w1", capacity={"slots": 1})
        self.client.call("place", body={"task_id": "first"})
        other = self.api(self.berthd)
        headers = {"Content-Type": "application/json"}
        other.connection.request("POST", "/v1/place", '{"task_id":"gone","wait_ms":600000}', headers)

        def waiting():
            stats = self.client.call("getStats").json["stats"]
            return sum(each["value"] for each in stats if each["name"] == "berth_waiting")

        eventually(lambda: waiting() == 1, "the request waits")
        other.connection.close()
        eventually(lambda: waiting() == 0, "the request of a client that has gone is dropped")

    def test_a_mistake_in_the_body_is_pointed_at(self):
        cases = [
            ({}, "/task_id", "task_id"),
            ({"task_id": ""}, "/task_id", ""),
            ({"task_id": "t", "tags": "gpu"}, "/tags", ""),
            ({"task_id": "t", "resources": {"cpu_milli": -1}}, "/resources/cpu_milli", "-1"),
            ({"task_id": "t", "resources": {"cpu_mili": 1}}, "/resources/cpu_mili", "cpu_milli"),
            ({"task_id": "t", "policy": "best"}, "/policy", "best-fit"),
            ({"task_id": "t", "wait_ms": 1.5}, "/wait_ms", ""),
            ({"task_id": "t", "resources": {"gpu_count": 17}}, "/resources/gpu_count", "17"),
        ]
        for body, pointer, said in cases:
            problem = self.client.refuses("place", "bad_request", body=body)
            self.assertEqual(problem.get("pointer", ""), pointer, body)
            self.assertIn(said, problem["detail"] + problem.get("hint", ""))


class Workers(HttpTest):
    def setUp(self):
        super().setUp()
        self.berthd = self.server(
            "--suspicious-after", "10m", "--offline-after", "20m", "--max-list-rows", "10"
        )
        self.client = self.api(self.berthd)

    def fleet(self, count):
        wire = self.peer(self.berthd)
        for i in range(count):
            beat = self.beat(wire, f"w{i:03}", tags=["even" if i % 2 == 0 else "odd", "all"])
            self.assertTrue(beat["accepted"])

    @covers("listWorkers", "getWorker")
    def test_a_worker_is_shown_as_the_command_line_shows_it(self):
        self.agent(self.berthd, "w1", "--tags", "cpu", "--label", "zone=a", "--max-tasks", "4")
        self.wait_for_status(self.berthd, "w1", "online")
        shown = self.client.call("getWorker", id="w1").json
        listed = self.client.call("listWorkers").json
        said = self.cli_json(self.berthd, "worker", "show", "w1")
        for each in (shown, listed["workers"][0], said):
            for moving in ("heartbeat_age_s", "usage"):
                self.assertIn(moving, each)
                del each[moving]
        self.assertEqual(shown, said)
        self.assertEqual(listed["workers"], [said])
        self.assertEqual((listed["total"], listed["next_cursor"]), (1, None))
        problem = self.client.refuses("getWorker", "not_found", 404, id="w2")
        self.assertIn("'w2'", problem["detail"])
        self.client.refuses("listWorkers", "bad_request", limit=0)

    def test_pages_and_the_stream_of_all_are_the_same_workers(self):
        self.fleet(57)
        everybody = self.client.call("listWorkers")
        self.assertEqual(everybody.headers["Transfer-Encoding"], "chunked")
        ids = [worker["id"] for worker in everybody.json["workers"]]
        self.assertEqual(sorted(ids), [f"w{i:03}" for i in range(57)])
        paged, cursor, pages = [], {}, 0
        while cursor is not None:
            page = self.client.call("listWorkers", limit=7, **cursor).json
            self.assertLessEqual(len(page["workers"]), 7)
            self.assertEqual(page["total"], 57)
            paged += [worker["id"] for worker in page["workers"]]
            cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else None
            pages += 1
        self.assertEqual(paged, ids)
        self.assertGreaterEqual(pages, 9)
        odd = self.client.call("listWorkers", tag=["odd", "all"]).json["workers"]
        self.assertEqual(len(odd), 28)
        self.assertEqual(self.client.call("listWorkers", tag="nobody").json["workers"], [])

    def test_the_head_of_a_stream_can_be_asked_for_alone(self):
        self.fleet(57)
        for _ in range(3):
            head = self.client.request("HEAD", "/v1/workers")
            self.assertEqual((head.status, head.body), (200, b""))
        self.client.call("listWorkers")

    def test_large_answers_are_compressed_for_who_asks(self):
        self.fleet(57)
        plain = self.client.call("listWorkers")
        squeezed = self.client.call("listWorkers", headers={"Accept-Encoding": "gzip"})
        self.assertEqual(squeezed.headers["Content-Encoding"], "gzip")
        self.assertEqual(
            [worker["id"] for worker in squeezed.json["workers"]],
            [worker["id"] for worker in plain.json["workers"]],
        )

    def crowd(self):
        """So many workers that their list is under way for a while."""
        self.load = Process(
            self, "berth-loadgen", "schedule", "--server", self.berthd.wire, "--workers", "10000",
            "--connections", "1", "--depth", "1", "--rate", "10", "--seconds", "600")  # fmt: skip
        eventually(lambda: self.client.call("listWorkers", limit=1).json["total"] == 10_000, "all are there")

    def test_what_is_asked_behind_a_long_list_is_answered_behind_it(self):
        self.crowd()
        one = Attacker(self, self.berthd, receive_buffer=4096)
        one.send(get("/v1/workers") + get("/livez") + request("HEAD", "/v1/workers") + get("/v1/version"))
        self.assertEqual(self.client.call("getLive").json, {"status": "live"}, "who reads slowly keeps nobody")
        status, _, body = one.answer()
        self.assertEqual((status, len(json.loads(body)["workers"])), (200, 10_000))
        self.assertEqual(json.loads(one.answer()[2]), {"status": "live"})
        self.assertEqual(one.answer(bodiless=True)[0], 200)
        self.assertIn("version", json.loads(one.answer()[2]))
        self.load.kill()

    def test_a_list_whose_server_dies_does_not_look_whole(self):
        self.crowd()
        one = Attacker(self, self.berthd, receive_buffer=4096)
        one.send(get("/v1/workers"))
        eventually(one.has_answer, "the list has begun")
        self.load.kill()
        self.berthd.kill()
        text = one.rest()
        self.assertTrue(text.startswith(b"HTTP/1.1 200 "))
        self.assertFalse(text.endswith(b"0\r\n\r\n"), "the last chunk says that all is there")

    @covers("cordonWorker", "drainWorker", "undrainWorker", "forgetWorker")
    def test_an_operator_takes_a_worker_out_and_back(self):
        self.fleet(1)
        api = self.client
        steps = [
            ("cordonWorker", "cordoned", True, False),
            ("drainWorker", "draining", True, True),
            ("undrainWorker", "undrained", False, False),
        ]
        for operation, change, cordoned, draining in steps:
            done = api.call(operation, id="w000", body={"reason": f"for {operation}"}).json
            self.assertEqual(done, {"worker_id": "w000", "change": change})
            shown = api.call("getWorker", id="w000").json
            self.assertEqual(shown["draining"], draining, operation)
            self.assertEqual(shown["cordoned"] or shown["draining"], cordoned or draining, operation)
            if operation != "undrainWorker":
                self.assertEqual(shown["reason"], f"for {operation}")
            api.call(operation, id="w000")
            api.refuses(operation, "not_found", 404, id="nobody")
            api.refuses(operation, "bad_request", id="w000", body={"reason": "x" * 129})
        forgotten = api.call("forgetWorker", id="w000", reason="sold").json
        self.assertEqual(forgotten, {"worker_id": "w000", "change": "forgotten"})
        api.refuses("forgetWorker", "not_found", 404, id="w000")
        self.assertEqual(api.call("listWorkers").json["workers"], [])


if __name__ == "__main__":
    unittest.main()
