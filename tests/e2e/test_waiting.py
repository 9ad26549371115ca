"""Requests that wait for a place: one queue, in priority then arrival order."""

import unittest

from harness import EndToEndTest, eventually

PATIENT_MS = 60_000


class Waiting(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.berthd = self.server("--suspicious-after", "10m", "--offline-after", "20m")
        self.operator = self.peer(self.berthd)
        self.beat(self.operator, "w1", capacity={"slots": 1})
        placed = self.operator.ask("Place", task="holder", hold_ms=PATIENT_MS, all_tags=["cpu"])
        self.assertEqual(placed["kind"], "Placed")

    def waiting(self, task, **fields):
        """A client of its own that waits; by its stats the server has taken it up."""
        before = self.queued()
        client = self.peer(self.berthd)
        client.send(
            "Place", task=task, wait_ms=PATIENT_MS, hold_ms=PATIENT_MS, all_tags=["cpu"], **fields
        )
        eventually(lambda: self.queued() == before + 1, f"{task} is queued")
        return client

    def queued(self):
        return self.operator.stats()["berth_waiting"]

    def release(self, task):
        self.assertEqual(self.operator.ask("Release", tasks=[task])["released"], 1)

    def test_released_capacity_goes_to_the_highest_priority_then_the_oldest(self):
        clients = {
            "low": self.waiting("low", priority=-1),
            "first": self.waiting("first"),
            "second": self.waiting("second"),
            "high": self.waiting("high", priority=5),
        }
        leaves = "holder"
        for task in ("high", "first", "second", "low"):
            self.release(leaves)
            answer = clients[task].receive()
            self.assertEqual((answer["kind"], answer["worker"]), ("Placed", "w1"), task)
            leaves = task

    def test_a_client_that_goes_away_waits_no_longer(self):
        gone = self.waiting("gone", priority=9)
        stays = self.waiting("stays")
        gone.close()
        eventually(lambda: self.queued() == 1, "the wait of the closed connection is forgotten")
        self.release("holder")
        self.assertEqual(stays.receive()["kind"], "Placed")

    def test_a_new_worker_serves_those_who_wait(self):
        client = self.waiting("t")
        self.beat(self.operator, "w2", capacity={"slots": 1})
        self.assertEqual(client.receive()["worker"], "w2")

    def test_patience_ends_with_the_reason(self):
        answer = self.cli_json(
            self.berthd, "place", "--task", "t", "--tags", "cpu", "--wait", "300ms", check=8
        )
        self.assertEqual(answer["reason"], "timed_out")
        self.assertEqual(answer["explanation"]["eliminated"], {"slots": 1})

    def test_a_hold_that_expires_serves_those_who_wait(self):
        self.release("holder")
        self.operator.ask("Place", task="brief", hold_ms=300, all_tags=["cpu"])
        self.assertEqual(self.waiting("t").receive()["worker"], "w1")


class QueueFull(EndToEndTest):
    def test_the_queue_has_an_end(self):
        berthd = self.server("--max-waiting", 2)
        client = self.peer(berthd)
        for task in ("a", "b"):
            client.send("Place", task=task, wait_ms=PATIENT_MS)
        eventually(lambda: self.peer(berthd).stats()["berth_waiting"] == 2, "two wait")
        refused = self.peer(berthd).ask("Place", task="c", wait_ms=PATIENT_MS)
        self.assertEqual((refused["kind"], refused["reason"]), ("Unplaced", 3))


if __name__ == "__main__":
    unittest.main()
