"""Messages that are well formed and absurd, and tables that are full: refused in words, counted."""

import resource
import socket
import unittest

from harness import (
    BAD_REQUEST,
    BUSY,
    CONFLICT,
    DEADLINE_S,
    LIMIT_REACHED,
    STALE,
    eventually,
    split_address,
)
from hostile import HostileTest


class AbsurdHeartbeats(HostileTest):
    def test_each_absurd_heartbeat_is_refused_with_the_field_named(self):
        big = (1 << 63) - 1
        cases = [
            ("an empty id", {"worker": ""}, "id"),
            ("an id of 10 kB", {"worker": "x" * 10_000}, "id"),
            ("control characters in the id", {"worker": "a\x1b[2Jb"}, "id"),
            ("an id that is no UTF-8", {"worker": {"hex": "c328"}}, "id"),
            ("a zero byte in the id", {"worker": "a\x00b"}, "id"),
            ("a tag of 10 kB", {"tags": ["x" * 10_000]}, "tag"),
            ("an empty tag", {"tags": [""]}, "tag"),
            ("a tag with a line end", {"tags": ["a\nb"]}, "tag"),
            ("a tag that is no UTF-8", {"tags": [{"hex": "ff"}]}, "tag"),
            ("10,000 tags", {"tags": [f"t{i}" for i in range(10_000)]}, "tag"),
            ("100 labels", {"labels": [[f"k{i}", "v"] for i in range(100)]}, "label"),
            ("a label without a key", {"labels": [["", "v"]]}, "label"),
            ("an address of 10 kB", {"address": "x" * 10_000}, "address"),
            ("an address with a line end", {"address": "a\r\nb"}, "address"),
            ("negative slots", {"capacity": {"slots": -1}}, "slots"),
            ("absurdly many slots", {"capacity": {"slots": big}}, "slots"),
            ("negative cpu", {"capacity": {"slots": 1, "cpu_milli": -5}}, "cpu"),
            ("absurd cpu", {"capacity": {"slots": 1, "cpu_milli": big}}, "cpu"),
            ("negative memory", {"capacity": {"slots": 1, "memory_mib": -(1 << 63)}}, "memory"),
            ("absurd disk", {"capacity": {"slots": 1, "disk_mib": big}}, "disk"),
            ("absurd network", {"capacity": {"slots": 1, "network_mbit": big}}, "network"),
            ("1,000 devices", {"capacity": {"slots": 1, "gpu_models": ["g"] * 1000}}, "gpu"),
            (
                "100 resources of its own",
                {"capacity": {"slots": 1, "custom": [[f"r{i}", 1] for i in range(100)]}},
                "custom",
            ),
            ("a negative resource", {"capacity": {"slots": 1, "custom": [["r", -1]]}}, "custom"),
            ("usage that is no number", {"usage": {"cpu_milli": "nan"}}, "usage"),
            ("infinite usage", {"usage": {"memory_mib": "inf"}}, "usage"),
            ("negative usage", {"usage": {"gpu_milli": -1.0}}, "usage"),
            ("negative tasks", {"current_tasks": -1}, "tasks"),
            (
                "20,000 running tasks",
                {"has_running": True, "running_tasks": [f"t{i}" for i in range(20_000)]},
                "running",
            ),
            ("a version of 10 kB", {"agent_version": "x" * 10_000}, "version"),
        ]
        peer = self.peer(self.berthd)
        for what, fields, named in cases:
            with self.subTest(what):
                before = self.stat("berth_heartbeats_refused_total")
                reply = self.beat(peer, **{"worker": "w", **fields})
                self.assertEqual(reply["kind"], "HeartbeatReply")
                self.assertFalse(reply["accepted"])
                self.assertIn(reply["code"], (BAD_REQUEST, LIMIT_REACHED))
                self.assertIn(named, reply["message"].lower())
                self.assert_printable(reply["message"])
                self.assert_counted("berth_heartbeats_refused_total", before)
        self.assertEqual(self.workers(self.berthd), {})

    def test_more_tables_than_a_message_can_need_are_no_message(self):
        before = self.stat("berth_connections_closed_bad_frame_total")
        peer = self.peer(self.berthd)
        peer.send("Heartbeat", worker="w", labels=[[f"k{i}", "v"] for i in range(10_000)])
        self.assertEqual([reply["kind"] for reply in peer.until_closed()], ["Refused"])
        self.assert_counted("berth_connections_closed_bad_frame_total", before)

    def assert_printable(self, message):
        self.assertTrue(message.isprintable(), message)
        self.assertLess(len(message), 500)

    def test_usage_that_is_no_number_does_not_touch_a_worker_that_is_there(self):
        self.assertTrue(self.beat(self.bystander, "w", tags=["cpu"])["accepted"])
        self.beat(self.bystander, "w", sequence=2, usage={"cpu_milli": "nan"})
        placed = self.bystander.ask("Place", task="t", all_tags=["cpu"])
        self.assertEqual(placed["worker"], "w")
        self.assertLessEqual(placed["load"], 1)


class AbsurdPlaces(HostileTest):
    def setUp(self):
        super().setUp()
        self.beat(self.bystander, "w", tags=["cpu"])

    def test_each_absurd_request_is_refused_with_the_field_named(self):
        big = (1 << 63) - 1
        cases = [
            ("an empty task id", {"task": ""}, "task"),
            ("a task id of 10 kB", {"task": "x" * 10_000}, "task"),
            ("control characters in the task id", {"task": "a\x07"}, "task"),
            ("a task id that is no UTF-8", {"task": {"hex": "80"}}, "task"),
            ("10,000 tags", {"all_tags": [f"t{i}" for i in range(10_000)]}, "tag"),
            ("negative slots", {"demand": {"slots": -1}}, "slots"),
            ("negative cpu", {"demand": {"cpu_milli": -1}}, "cpu"),
            ("absurd memory", {"demand": {"memory_mib": big}}, "memory"),
            ("half of two devices", {"demand": {"gpu_count": 2, "gpu_milli": 500}}, "gpu"),
            ("more of a device than it has", {"demand": {"gpu_count": 1, "gpu_milli": 1001}}, "gpu"),
            ("a negative device", {"demand": {"gpu_count": -1}}, "gpu"),
        ]
        peer = self.peer(self.berthd)
        for what, fields, named in cases:
            with self.subTest(what):
                before = self.stat("berth_requests_refused_total")
                reply = peer.ask("Place", **{"task": "t", **fields})
                self.assertEqual(reply["kind"], "Refused", reply)
                self.assertIn(reply["code"], (BAD_REQUEST, LIMIT_REACHED))
                self.assertIn(named, reply["message"].lower())
                self.assert_counted("berth_requests_refused_total", before)

    def test_an_empty_group_of_tags_can_be_met_by_nobody(self):
        reply = self.bystander.ask("Place", task="t", any_tags=[[]])
        self.assertIn(reply["kind"], ("Refused", "Unplaced"))

    def test_releasing_what_was_never_given_is_counted_as_unknown(self):
        reply = self.bystander.ask(
            "Release", reservations=[0, 1, (1 << 64) - 1], tasks=["nobody", "", "x" * 10_000]
        )
        self.assertIn(reply["kind"], ("Released", "Refused"))
        if reply["kind"] == "Released":
            self.assertEqual((reply["released"], reply["unknown"]), (0, 6))


class TwoLives(HostileTest):
    def test_of_two_connections_with_one_id_the_newer_life_wins(self):
        old, new = self.peer(self.berthd), self.peer(self.berthd)
        self.assertTrue(self.beat(old, "w", epoch=5)["accepted"])
        self.assertTrue(self.beat(new, "w", epoch=6)["accepted"])
        refused = self.beat(old, "w", epoch=5, sequence=2)
        self.assertFalse(refused["accepted"])
        self.assertIn(refused["code"], (CONFLICT, STALE))
        self.assertTrue(self.beat(new, "w", epoch=6, sequence=2)["accepted"])
        self.assertEqual(list(self.workers(self.berthd)), ["w"])

    def test_a_heartbeat_older_than_the_last_changes_nothing(self):
        self.beat(self.bystander, "w", sequence=10, tags=["new"])
        before = self.stat("berth_heartbeats_stale_total")
        reply = self.beat(self.bystander, "w", sequence=9, tags=["old"])
        self.assertFalse(reply["accepted"])
        self.assertEqual(reply["code"], STALE)
        self.assert_counted("berth_heartbeats_stale_total", before)
        self.assertEqual(self.bystander.ask("ListTags")["tags"], {"new": 1})


class FullTable(HostileTest):
    flags = ("--max-workers", "3")

    def test_the_fourth_worker_is_refused_and_the_three_go_on(self):
        for i in range(3):
            self.assertTrue(self.beat(self.bystander, f"w{i}")["accepted"])
        refused = self.beat(self.bystander, "w3")
        self.assertFalse(refused["accepted"])
        self.assertEqual(refused["code"], LIMIT_REACHED)
        self.assertIn("3", refused["message"])
        for i in range(3):
            self.assertTrue(self.beat(self.bystander, f"w{i}", sequence=2)["accepted"])
        self.cli(self.berthd, "worker", "forget", "w1", check=0)
        self.assertTrue(self.beat(self.bystander, "w3", sequence=2)["accepted"])


class FullNames(HostileTest):
    flags = ("--max-names", "64")

    def test_a_worker_with_too_many_new_tags_is_refused_and_others_go_on(self):
        self.assertTrue(self.beat(self.bystander, "w0", tags=["a", "b"])["accepted"])
        self.beat(self.bystander, "w1", tags=[f"t{i}" for i in range(50)])
        refused = self.beat(self.bystander, "w2", tags=[f"u{i}" for i in range(50)])
        self.assertFalse(refused["accepted"])
        self.assertEqual(refused["code"], LIMIT_REACHED)
        self.assertTrue(self.beat(self.bystander, "w3", tags=["b"])["accepted"])

    def test_asking_for_tags_nobody_has_adds_none(self):
        before = self.stat("berth_names")
        for i in range(50):
            self.bystander.ask("Place", task=f"t{i}", all_tags=[f"wish{i}"])
        self.assertEqual(self.stat("berth_names"), before)


class FullReservations(HostileTest):
    flags = ("--max-reservations", "2")

    def test_the_third_reservation_is_refused_and_takes_no_capacity(self):
        self.beat(self.bystander, "w", capacity={"slots": 4})
        for task in ("a", "b"):
            self.assertEqual(self.bystander.ask("Place", task=task)["kind"], "Placed")
        refused = self.bystander.ask("Place", task="c")
        self.assertEqual((refused["kind"], refused["code"]), ("Refused", BUSY))
        self.assertEqual(self.bystander.ask("ListWorkers")["rows"][0]["held_slots"], 2)
        self.bystander.ask("Release", tasks=["a"])
        self.assertEqual(self.bystander.ask("Place", task="c")["kind"], "Placed")


class OutOfDescriptors(HostileTest):
    def server(self, *arguments, **rest):
        def few_files():
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

        return super().server(*arguments, preexec=few_files, **rest)

    def test_the_server_goes_on_without_descriptors_and_recovers(self):
        self.assertEqual(self.stat("berth_connections_refused_total"), 0)
        sockets = []
        for _ in range(200):
            sock = socket.create_connection(split_address(self.berthd.wire), timeout=DEADLINE_S)
            self.addCleanup(sock.close)
            sockets.append(sock)
        self.check_bystander()
        # To connect is not yet to be accepted: the kernel keeps a queue of its own.
        eventually(lambda: self.stat("berth_connections_refused_total") >= 1, "refusals are counted")
        for sock in sockets:
            sock.close()
        peer = eventually(lambda: self.try_hello(), "new connections are served again")
        self.assertEqual(peer.ask("Ping", payload=1)["payload"], 1)

    def try_hello(self):
        peer = self.peer(self.berthd)
        return peer if peer.welcome is not None else None


if __name__ == "__main__":
    unittest.main()
