"""Peers that misuse what there is about jobs; clients that submit nonsense."""

import threading
import time
import unittest

from harness import BAD_REQUEST, NOT_FOUND
from hostile import HostileTest

OK, REPEATED, STALE_VERDICT = range(3)
ACCEPTED, REFUSED, STARTED, ALIVE, COMPLETED, FAILED = range(6)
PENDING, ASSIGNED = 0, 1
TOP = 2**64 - 1
ONE = {"command": ["true"]}


class HostileJobs(HostileTest):
    """The bystander also submits, shows and aborts a job of its own, and finds it as it should be."""

    # What was submitted is kept for a while after its end, and is no leak.
    flags = ("--keep-finished", "100")
    # Full mailboxes of all threads, and the answers to what is in them.
    resident_growth_max = 160 << 20

    def tearDown(self):
        begin = time.monotonic()
        job = self.submit(ONE)
        self.assertEqual(self.bystander.ask("ShowJob", job=job)["row"]["id"], job)
        changed = self.bystander.ask("ChangeJobs", jobs=[[job, job]])
        self.assertEqual(changed["changed"], 1, changed)
        self.assertLess(time.monotonic() - begin, 5)
        super().tearDown()

    def submit(self, *specs, peer=None, **fields):
        answer = (peer or self.bystander).ask("SubmitJobs", specs=list(specs), **fields)
        self.assertEqual(answer["kind"], "JobsSubmitted", answer)
        return answer["jobs"][0]["first"]

    def attach(self, worker, slots=4, **fields):
        peer = self.peer(self.berthd, role=1)
        capacity = {"slots": slots, "cpu_milli": 64000, "memory_mib": 65536}
        beat = self.beat(peer, worker, tags=["runner:process"], capacity=capacity)
        self.assertTrue(beat["accepted"], beat)
        attached = peer.ask("AttachWorker", worker=worker, **fields)
        self.assertEqual(attached["kind"], "Attached", attached)
        return peer

    def assignment(self, peer):
        while True:
            said = peer.receive()
            self.assertIsNotNone(said)
            if said["kind"] == "Assignments" and said["items"]:
                return said["items"][0]

    def flood(self, peer, frame, copies, answers=None):
        """Sends one frame again and again while it reads; the answers that are about it."""
        sender = threading.Thread(target=lambda: peer.send_bytes(frame * copies))
        sender.start()
        wanted, got = copies if answers is None else answers, []
        while len(got) < wanted:
            said = peer.receive()
            self.assertIsNotNone(said, "the server closed the connection")
            if said["id"] != 0:
                got.append(said)
        sender.join()
        return got


class AbsurdJobs(HostileJobs):
    def test_each_absurd_field_is_refused_by_name(self):
        long = "x" * 70_000
        cases = (
            ("nothing to run", {}, "command"),
            ("a runner there is none of", {**ONE, "runner": 77}, "malformed"),
            ("a policy there is none of", {**ONE, "policy": 99}, "malformed"),
            ("less than no slots", {**ONE, "demand": {"slots": -1}}, "slots"),
            ("the most cpu there is", {**ONE, "demand": {"cpu_milli": 2**62}}, "cpu"),
            ("negative memory", {**ONE, "demand": {"memory_mib": -(2**62)}}, "memory"),
            ("too many gpus", {**ONE, "demand": {"gpu_count": 10**9}}, "gpu"),
            ("a long name", {**ONE, "name": long}, "name"),
            ("a long queue", {**ONE, "queue": long}, "queue"),
            ("text that is no text", {**ONE, "name": {"hex": "ff00fe"}}, "name"),
            ("a word with a zero in it", {"command": ["a", {"hex": "620063"}]}, "command"),
            ("an env without a name", {**ONE, "env": [["", "x"]]}, "env"),
            ("an env with an odd name", {**ONE, "env": [["A=B", "x"]]}, "env"),
            ("no attempts", {**ONE, "attempts_max": 0}, "attempts"),
            ("attempts without end", {**ONE, "attempts_max": 2**32 - 1}, "attempts"),
            ("a time before all times", {**ONE, "scheduled_at_ms": -(2**63)}, "scheduled_at"),
            ("a time after all times", {**ONE, "scheduled_at_ms": 2**63 - 1}, "scheduled_at"),
            ("a deadline before all", {**ONE, "deadline_at_ms": -(2**63)}, "deadline_at"),
            ("a grace of weeks", {**ONE, "kill_grace_ms": 2**32 - 1}, "kill_grace"),
            ("after a job to come", {**ONE, "depends_on": [TOP]}, "waits for job"),
            ("after itself", {**ONE, "depends_on_items": [1]}, "depends_on"),
            ("after an item there is none of", {**ONE, "depends_on_items": [9]}, "depends_on"),
            ("an endless array", {**ONE, "is_array": True, "array_last": 2**32 - 1}, "array"),
            (
                "an array backwards",
                {**ONE, "is_array": True, "array_first": 5, "array_last": 1},
                "array",
            ),
            ("an artifact elsewhere", {**ONE, "artifacts": ["../../etc/shadow"]}, "artifact"),
            ("an artifact from the root", {**ONE, "artifacts": ["/etc/shadow"]}, "artifact"),
            ("much standard input", {**ONE, "stdin_text": "x" * 100_000}, "stdin"),
            ("far too much of it", {**ONE, "stdin_text": "x" * 900_000}, "900072 bytes"),
            ("many words", {"command": ["x"] * 5_000}, "command"),
            ("many tags", {**ONE, "all_tags": ["t"] * 1000}, "tags"),
            ("much meta", {**ONE, "meta": [["k", "v" * 40_000]] * 5}, "meta"),
            ("bytes that are no job", {"hex": "00" * 64}, "spec"),
            ("no bytes at all", {"hex": ""}, "spec"),
        )
        for what, spec, named in cases:
            with self.subTest(what):
                answer = self.bystander.ask("SubmitJobs", specs=[ONE, spec])
                self.assertEqual(answer["kind"], "Refused", answer)
                self.assertIn(answer["code"], (BAD_REQUEST, NOT_FOUND), answer)
                self.assertTrue(answer["message"].startswith("job 2: "), answer)
                self.assertIn(named, answer["message"])
        self.assertEqual(self.bystander.ask("ListJobs")["rows"], [], "all of a submit, or none")

    def test_requests_about_nothing_or_everything_are_answered(self):
        job = self.submit(ONE)
        refused, counts, page = ("Refused",), ("JobCounts",), ("JobPage",)
        cases = (
            ("no job", "ShowJob", {"job": 0}, refused),
            ("the last job", "ShowJob", {"job": TOP}, refused),
            ("why no job", "ExplainJob", {"job": TOP}, refused),
            ("nothing to abort", "ChangeJobs", {}, ("JobsChanged",)),
            ("a change there is none of", "ChangeJobs", {"action": 9, "jobs": [[1, 1]]}, refused),
            ("wait for nobody", "WaitJobs", {"jobs": [[TOP, TOP]]}, counts),
            ("a range backwards", "WaitJobs", {"jobs": [[9, 1]]}, counts + refused),
            ("all of them, often", "WaitJobs", {"jobs": [[0, TOP]] * 1000}, counts),
            ("all of them, too often", "WaitJobs", {"jobs": [[0, TOP]] * 5000}, refused),
            ("list from beyond", "ListJobs", {"cursor": TOP}, page),
            ("list back from beyond", "ListJobs", {"cursor": TOP, "newest_first": True}, page),
            ("the log of no job", "ReadLog", {"job": TOP}, refused),
            ("the log of no attempt", "ReadLog", {"job": job, "attempt": 2**32 - 1}, refused),
            ("a watch from beyond", "WatchJobs", {"after": TOP}, refused),
            ("no submit", "SubmitJobs", {}, refused),
            ("a long request id", "SubmitJobs", {"request": "r" * 5000, "specs": [ONE]}, refused),
            ("a worker without a name", "AttachWorker", {"worker": ""}, refused),
            ("a worker of a long name", "AttachWorker", {"worker": "w" * 5000}, refused),
            ("jobs for nobody", "NextJobs", {"worker": "nobody"}, refused),
            ("a backup to nowhere", "BackUp", {"path": ""}, refused),
        )
        for what, kind, fields, expected in cases:
            with self.subTest(what):
                answer = self.peer(self.berthd).ask(kind, **fields)
                self.assertIsNotNone(answer)
                self.assertIn(answer["kind"], expected, answer)
                if answer["kind"] == "Refused":
                    self.assertGreater(len(answer["message"]), 10)

    def test_a_hundred_thousand_submits_with_one_request_id_are_one(self):
        peer = self.peer(self.berthd)
        frame = self.tool.frame("SubmitJobs", 9, request="only-once", specs=[ONE])
        answers = self.flood(peer, frame, 100_000)
        self.assertEqual({answer["kind"] for answer in answers}, {"JobsSubmitted"})
        self.assertEqual(len({answer["jobs"][0]["first"] for answer in answers}), 1)
        self.assertEqual(sum(not answer["repeated"] for answer in answers), 1)
        self.assertEqual(len(self.bystander.ask("ListJobs")["rows"]), 1)


class HostileWorkers(HostileJobs):
    def test_reports_without_the_assignment_change_nothing(self):
        worker = self.attach("good")
        job = self.submit(ONE)
        mine = self.assignment(worker)
        other = self.attach("evil", slots=1)
        for assignment in (
            [job, 1, mine[2] + 1],
            [job, 2, mine[2]],
            [job, 0, 0],
            [0, 0, 0],
            [TOP, 2**32 - 1, TOP],
        ):
            items = [{"report": kind, "assignment": assignment} for kind in range(7)]
            said = other.ask("Report", worker="evil", items=items)
            self.assertEqual(said["verdicts"], [STALE_VERDICT] * 7, assignment)
        self.assertEqual(self.bystander.ask("ShowJob", job=job)["row"]["state"], ASSIGNED)

    def test_an_assignment_of_another_worker_is_not_taken_from_it(self):
        worker = self.attach("good")
        job = self.submit(ONE)
        mine = self.assignment(worker)
        other = self.attach("evil", slots=1)
        for kind in (ACCEPTED, REFUSED, STARTED, COMPLETED, FAILED):
            items = [{"report": kind, "assignment": mine, "error": {"class": 1, "message": "evil"}}]
            said = other.ask("Report", worker="evil", items=items)
            self.assertEqual(said["verdicts"], [STALE_VERDICT], kind)
        row = self.bystander.ask("ShowJob", job=job)["row"]
        self.assertEqual((row["state"], row["worker"]), (ASSIGNED, "good"))
        items = [{"report": kind, "assignment": mine} for kind in (ACCEPTED, STARTED, COMPLETED)]
        said = worker.ask("Report", worker="good", items=items)
        self.assertEqual(said["verdicts"], [OK] * 3)

    def test_a_huge_report_of_nonsense_is_answered_item_by_item(self):
        worker = self.attach("w")
        items = [{"report": COMPLETED, "assignment": [n + 1, 1, n + 1]} for n in range(4000)]
        said = worker.ask("Report", worker="w", items=items)
        if said["kind"] == "Reported":
            self.assertEqual(said["verdicts"], [STALE_VERDICT] * 4000)
        else:
            self.assertEqual(said["kind"], "Refused")

    def test_a_flood_of_polls_holds_one_of_them(self):
        worker = self.attach("w", pull=True)
        frame = self.tool.frame("NextJobs", 7, worker="w", jobs_max=2**32 - 1, wait_ms=2**32 - 1)
        answers = self.flood(worker, frame, 20_000, 19_999)
        self.assertEqual({answer["kind"] for answer in answers}, {"Assignments"})
        job = self.submit(ONE)
        self.assertEqual(self.assignment(worker)[0], job)

    def test_a_worker_with_a_nonce_is_nobody_elses(self):
        worker = self.attach("mine", nonce=7)
        other = self.peer(self.berthd, role=1)
        for nonce in (0, 8, TOP):
            said = other.ask("AttachWorker", worker="mine", life=TOP, nonce=nonce)
            self.assertEqual(said["kind"], "Refused", said)
        job = self.submit(ONE)
        self.assertEqual(self.assignment(worker)[0], job)

    def test_many_workers_that_never_beat_are_bounded(self):
        peer = self.peer(self.berthd, role=1)
        for number in range(3000):
            peer.ask("AttachWorker", worker=f"ghost-{number}-{'x' * 100}")
        self.check_bystander()

    def test_a_refused_job_that_nobody_else_takes_is_not_offered_in_a_circle(self):
        worker = self.attach("w")
        self.submit(ONE)
        end, offers = time.monotonic() + 2, 0
        worker.socket.settimeout(1)
        while time.monotonic() < end:
            try:
                mine = self.assignment(worker)
            except TimeoutError:
                break
            offers += 1
            item = {"report": REFUSED, "assignment": mine, "error": {"class": 6, "message": "no"}}
            worker.send("Report", worker="w", items=[item])
        self.assertLess(offers, 50)


class HostileReaders(HostileJobs):
    def running_job(self):
        worker = self.attach("w")
        job = self.submit(ONE)
        mine = self.assignment(worker)
        items = [{"report": kind, "assignment": mine} for kind in (ACCEPTED, STARTED)]
        self.assertEqual(worker.ask("Report", worker="w", items=items)["verdicts"], [OK, OK])
        return worker, job, mine

    def test_logs_of_a_worker_that_never_answers_are_bounded_and_given_up(self):
        worker, job, _ = self.running_job()
        reader = self.peer(self.berthd)
        frame = self.tool.frame("ReadLog", 5, job=job, wait_ms=2**32 - 1)
        stop = threading.Event()

        def drain():
            worker.socket.settimeout(0.1)
            while not stop.is_set():
                try:
                    worker.socket.recv(1 << 20)
                except TimeoutError:
                    pass

        drainer = threading.Thread(target=drain)
        drainer.start()
        try:
            sender = threading.Thread(target=lambda: reader.send_bytes(frame * 50_000))
            sender.start()
            said = reader.receive()
            self.assertEqual(said["kind"], "Refused", said)
            self.check_bystander()
            reader.close()
            sender.join()
        except (BrokenPipeError, ConnectionResetError):
            pass
        finally:
            stop.set()
            drainer.join()

    def test_pieces_with_invented_tickets_reach_nobody(self):
        worker, job, _ = self.running_job()
        reader = self.peer(self.berthd)
        asked = reader.send("ReadLog", job=job, wait_ms=1000)
        want = worker.receive()
        while want["kind"] != "WantLog":
            want = worker.receive()
        stranger = self.peer(self.berthd)
        for ticket in (0, want["ticket"], want["ticket"] + 1, TOP):
            piece = {"data": "forged", "offset": 0, "size": 6, "complete": True, "sha256": "00"}
            self.assertEqual(stranger.ask("LogPiece", ticket=ticket, **piece)["kind"], "Done")
        worker.ask("LogPiece", ticket=want["ticket"], data="it is me", size=8)
        said = reader.receive()
        self.assertEqual((said["id"], said["kind"], said.get("bytes")), (asked, "LogChunk", 8), said)

    def test_a_flood_of_lists_costs_others_neither_memory_nor_time(self):
        labels = [[f"k{n}", "v" * 90] for n in range(8)]
        for _ in range(10):
            self.submit(*[{**ONE, "labels": labels}] * 100)
        self.resident_at_start = self.berthd.resident_bytes()
        # A page of 500 rows and half a megabyte for 40 bytes.
        for kind, fields in (
            ("ListJobs", {}),
            ("ShowJob", {"job": 1}),
            ("ExplainJob", {"job": 1}),
            ("WaitJobs", {"jobs": [[1, TOP]]}),
        ):
            with self.subTest(kind):
                greedy = self.peer(self.berthd, receive_buffer=4096)
                greedy.socket.settimeout(1)
                try:
                    greedy.send_bytes(self.tool.frame(kind, 5, **fields) * 20_000)
                except (TimeoutError, ConnectionError):
                    pass
                begin = time.monotonic()
                self.assertEqual(self.bystander.ask("ShowJob", job=1)["kind"], "JobDetails")
                self.assertLess(time.monotonic() - begin, 5)
                grown = self.berthd.resident_bytes() - self.resident_at_start
                self.assertLess(grown, 128 << 20)
                greedy.close()

    def test_a_request_that_would_not_be_counted_is_refused(self):
        peer = self.peer(self.berthd)
        peer.send_bytes(self.tool.frame("ListJobs", 0) * 2)
        for _ in range(2):
            said = peer.receive()
            self.assertEqual((said["id"], said["code"]), (0, BAD_REQUEST), said)

    def test_ten_thousand_waits_are_answered_or_refused(self):
        job = self.submit(ONE)
        peer = self.peer(self.berthd)
        frame = self.tool.frame("WaitJobs", 3, jobs=[[job, job]], wait_ms=500)
        answers = self.flood(peer, frame, 20_000)
        self.assertLessEqual({answer["kind"] for answer in answers}, {"JobCounts", "Refused"})

    def test_a_watcher_that_never_reads_is_cut_off(self):
        deaf = self.peer(self.berthd, receive_buffer=4096)
        self.assertEqual(deaf.ask("WatchJobs", jobs=[])["kind"], "Done")
        peer = self.peer(self.berthd)
        before = self.stat("berth_connections_closed_slow_reader_total")
        frame = self.tool.frame("SubmitJobs", 4, specs=[ONE] * 100)
        jobs = 0
        while self.stat("berth_connections_closed_slow_reader_total") == before:
            answers = self.flood(peer, frame, 20)
            first = answers[0]["jobs"][0]["first"]
            last = answers[-1]["jobs"][-1]["first"]
            peer.ask("ChangeJobs", jobs=[[first, last]], reason="r" * 100)
            jobs += 2000
            self.assertLess(jobs, 400_000, "the watcher is still there")


if __name__ == "__main__":
    unittest.main()
