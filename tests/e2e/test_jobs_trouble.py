"""Jobs in trouble: tasks that misbehave, stores that fail, processes that end between two steps."""

import glob
import json
import os
import resource
import shutil
import signal
import sqlite3
import unittest

from harness import SANITIZED, Process, eventually
from jobs import ENDED, JobsTest

OK, REPEATED, STALE_VERDICT = range(3)
ACCEPTED, REFUSED, STARTED, ALIVE, COMPLETED, FAILED = range(6)
SHORT_LEASE = ("--job-lease", "1s", "--suspicious-after", "1s", "--offline-after", "2s")


class TasksThatMisbehave(JobsTest):
    def run_to_end(self, script, *options, agent=()):
        server = self.durable()
        self.worker(server, "w1", *agent)
        return server, self.wait_for_state(server, self.submit(server, script, *options), *ENDED)

    def test_how_a_task_ends_is_told_by_its_class(self):
        server = self.durable("--cooldown-base", "1ms", "--cooldown-max", "1ms")
        self.worker(server, "w1", "--max-tasks", 8)
        cases = (
            ("exits with a code", ["sh", "-c", "exit 7"], (), "exit", {"exit_code": 7}),
            ("dies by a signal", ["sh", "-c", "kill -SEGV $$"], (), "signal", {"signal": 11}),
            ("is not there", ["/no/such/program"], (), "refused", {}),
            ("is no program", ["/etc/passwd"], (), "refused", {}),
            ("starts nowhere", ["true"], ("--workdir", "/no/such/folder"), "refused", {}),
            ("runs too long", ["sleep", "600"], ("--timeout", "100ms"), "timeout", {}),
            ("has no such image", ["x"], ("--image", "none", "--runner", "container"), "image", {}),
        )
        for what, command, options, error, details in cases:
            with self.subTest(what):
                run = self.cli(server, "job", "submit", "--json", *options, "--", *command, check=0)
                job = json.loads(run.stdout)["jobs"][0]["job_id"]
                shown = self.wait_for_state(server, job, *ENDED)
                self.assertEqual(shown["state"], "FAILED", shown)
                self.assertEqual(shown["last_error"]["class"], error, shown)
                self.assertTrue(shown["last_error"]["message"], shown)
                for key, value in details.items():
                    self.assertEqual(shown["last_error"][key], value, shown)

    def test_what_forks_away_ends_with_its_task(self):
        away = self.path("away")
        script = f"(setsid sh -c 'setsid sh -c \"echo \\$\\$ > {away}; exec sleep 600\" &' &); "
        script += f"while [ ! -s {away} ]; do sleep 0.01; done"
        _, shown = self.run_to_end(script)
        self.assertEqual(shown["state"], "COMPLETED", shown)
        with open(away, encoding="ascii") as file:
            pid = int(file.read())
        eventually(lambda: not os.path.exists(f"/proc/{pid}"), "the one that forked away is gone")

    def test_of_what_is_written_without_end_the_beginning_is_kept(self):
        server, shown = self.run_to_end(
            "head -c 500000000 /dev/zero; echo told >&2", agent=("--output-max", "1MiB")
        )
        self.assertEqual(shown["state"], "COMPLETED", shown)
        out, err = sorted(shown["attempts"][0]["outputs"], key=lambda file: -file["bytes"])
        self.assertEqual((out["name"], out["bytes"], out["truncated"]), ("stdout", 1 << 20, True))
        self.assertEqual((err["name"], err["truncated"]), ("stderr", False))
        logs = self.cli_json(server, "job", "logs", shown["job_id"], "--stderr")
        self.assertEqual(logs["text"], "told\n")

    def test_jobs_of_one_worker_are_aborted_and_those_of_others_are_not(self):
        server = self.durable()
        self.worker(server, "w1", "--tags", "one", state="s1")
        self.worker(server, "w2", "--tags", "two", state="s2")
        mine = self.run_one(server, "mine", "--tags", "one")
        other = self.run_one(server, "other", "--tags", "two")
        changed = self.cli_json(server, "job", "abort", "--worker", "w1", "--reason", "new disk")
        self.assertEqual(changed["changed"], 1, changed)
        shown = self.wait_for_state(server, mine, "ABORTED")
        self.assertIn("new disk", shown["last_error"]["message"])
        (task,) = self.runs("mine")
        eventually(lambda: not os.path.exists(f"/proc/{task}"), "its task is stopped")
        self.expect_one_attempt(server, other, "other")


class AnAgentThatStandsStill(JobsTest):
    def test_its_job_runs_elsewhere_and_it_stops_its_own_when_it_is_back(self):
        server = self.durable(*SHORT_LEASE)
        first = self.worker(server, "w1", state="s1")
        job = self.run_one(server, "a", "--attempts", "3", "--retry-base", "1ms")
        first.signal(signal.SIGSTOP)
        self.worker(server, "w2", state="s2")
        eventually(lambda: len(self.runs("a")) == 2, "it runs again")
        one, two = self.runs("a")
        first.signal(signal.SIGCONT)
        eventually(lambda: not os.path.exists(f"/proc/{one}"), "the first agent stops its task")
        self.assertTrue(os.path.exists(f"/proc/{two}"))
        self.release("a")
        shown = self.wait_for_state(server, job, *ENDED)
        self.assertEqual(shown["state"], "COMPLETED", shown)
        attempts = [(attempt["worker_id"], attempt["state"]) for attempt in shown["attempts"]]
        self.assertEqual(attempts, [("w1", "LOST"), ("w2", "COMPLETED")])
        self.assertEqual(len(self.runs("a")), 2)


class StoresThatFail(JobsTest):
    def start_and_fail(self, *arguments, code=1):
        server = Process(
            self, "berthd", "--listen", "127.0.0.1:0", "--http", "off", "--console", "off", *arguments
        )
        self.assertEqual(server.wait(), code, server.log())
        return server.log()

    def store(self, name="berth.db"):
        return ("--store", f"sqlite:{self.path(name)}")

    def test_a_disk_that_is_full_ends_the_server_and_nothing_it_said_is_lost(self):
        def little_room():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, 2 << 20))

        server = self.server(*self.store(), preexec=little_room)
        peer = self.peer(server)
        given, number = [], 0
        while server.running():
            number += 1
            try:
                answer = peer.ask(
                    "SubmitJobs",
                    request=f"r{number}",
                    specs=[{"command": ["x"], "stdin_text": "s" * 30000}],
                )
            except (BrokenPipeError, ConnectionResetError):
                break
            if answer is None:
                break
            self.assertEqual(answer["kind"], "JobsSubmitted", answer)
            given.append(answer["jobs"][0]["first"])
        self.assertEqual(server.wait(), 70)
        self.assertGreater(len(given), 10)
        self.assertIn("berth.db", server.log())

        server = self.server(*self.store())
        peer = self.peer(server)
        for job in given:
            self.assertEqual(peer.ask("ShowJob", job=job)["kind"], "JobDetails", job)

    def test_a_damaged_file_is_refused_by_name_and_left_as_it_is(self):
        server = self.server(*self.store())
        for _ in range(50):
            self.cli(server, "job", "submit", "--", "true", check=0)
        server.kill()  # so that the file is checked
        db = sqlite3.connect(self.path("berth.db"))
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()
        size = os.path.getsize(self.path("berth.db"))
        with open(self.path("berth.db"), "r+b") as file:
            for page in range(1, size // 4096):
                file.seek(page * 4096)
                file.write(b"\xa5" * 512)
        with open(self.path("berth.db"), "rb") as file:
            before = file.read()
        said = self.start_and_fail(*self.store())
        self.assertIn("berth.db", said)
        self.assertIn("damaged", said)
        with open(self.path("berth.db"), "rb") as file:
            self.assertEqual(file.read(), before)

    def test_a_second_server_on_the_same_file_is_refused_and_the_first_goes_on(self):
        server = self.server(*self.store())
        said = self.start_and_fail(*self.store())
        self.assertIn("in use by another server", said)
        self.assertIn(str(server.child.pid), said)
        self.cli(server, "job", "submit", "--", "true", check=0)

    def test_a_server_starts_from_a_backup_made_while_jobs_ran(self):
        server = self.durable()
        self.worker(server)
        ended = self.submit(server, "echo kept")
        self.wait_for_state(server, ended, "COMPLETED")
        running = self.run_one(server, "a")
        backup = self.path("backup.db")
        self.cli(server, "admin", "backup", backup, check=0)
        self.cli(server, "admin", "backup", backup, check=6)  # replaces nothing
        later = self.submit(server, "true")
        self.wait_for_state(server, later, "COMPLETED")

        server.kill()
        for file in os.listdir(self.folder):
            if file.startswith("berth.db"):
                os.remove(self.path(file))
        shutil.copy(backup, self.path("berth.db"))
        server = self.durable(listen=server.wire)
        self.wait_for_status(server, "w1", "online")
        self.assertEqual(self.job(server, ended)["state"], "COMPLETED")
        self.expect_one_attempt(server, running, "a")
        self.cli(server, "job", "show", later, check=3)


class AClockThatJumps(JobsTest):
    """The wall clock is for what people read: leases, retries and time outs go by another one."""

    def expect_nothing_happens(self, jump):
        now = self.path("now")
        (library,) = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
        env = {
            "LD_PRELOAD": library,
            "FAKETIME_TIMESTAMP_FILE": now,
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        self.jump_to(now, "+0")
        quick = (*SHORT_LEASE, "--cooldown-base", "1ms", "--cooldown-max", "1ms")
        server = self.durable(*quick, env=env)
        self.worker(server)
        job = self.run_one(server, "a")
        retried = self.submit(server, "test $BERTH_ATTEMPT = 2", "--attempts", "2")
        eventually(lambda: self.job(server, retried)["attempt_count"] == 1, "its first attempt")
        self.jump_to(now, jump)
        self.assertEqual(self.wait_for_state(server, retried, *ENDED)["state"], "COMPLETED")
        later = self.wait_for_state(server, self.submit(server, "true"), *ENDED)
        self.assertEqual(later["state"], "COMPLETED")
        self.assertLess(later["submitted_at"], later["finished_at"])
        server.kill()
        server = self.durable(*quick, env=env, listen=server.wire)
        self.wait_for_status(server, "w1", "online")
        self.expect_one_attempt(server, job, "a")
        self.assertEqual(self.job(server, retried)["attempt_count"], 2)

    def jump_to(self, file, when):
        with open(file, "w", encoding="ascii") as out:
            out.write(when + "\n")

    @unittest.skipIf(SANITIZED, "a sanitizer has to be the first library")
    def test_months_forward(self):
        self.expect_nothing_happens("+90d")

    @unittest.skipIf(SANITIZED, "a sanitizer has to be the first library")
    def test_months_back(self):
        self.expect_nothing_happens("-90d")


class BetweenTwoSteps(JobsTest):
    """The worker here is a raw connection, so that the server can be killed where it is worst."""

    def attach(self, server, running=()):
        peer = self.peer(server, role=1)
        self.assertTrue(self.beat(peer, "raw", tags=["runner:process"])["accepted"])
        attached = peer.ask("AttachWorker", worker="raw", running=list(running))
        self.assertEqual(attached["kind"], "Attached", attached)
        return peer, attached["verdicts"]

    def assignment(self, peer):
        while True:
            said = peer.receive()
            self.assertIsNotNone(said)
            if said["kind"] == "Assignments" and said["items"]:
                return said["items"][0]

    def report(self, peer, assignment, *kinds):
        items = [{"report": kind, "assignment": assignment} for kind in kinds]
        return peer.ask("Report", worker="raw", items=items)["verdicts"]

    def again(self, server):
        server.kill()
        return self.durable(listen=server.wire)

    def test_killed_between_submit_and_assignment(self):
        server = self.durable()
        job = self.submit(server, "true")
        server = self.again(server)
        self.worker(server)
        self.assertEqual(self.wait_for_state(server, job, *ENDED)["state"], "COMPLETED")

    def test_killed_between_assignment_and_ack_the_old_assignment_is_stale(self):
        server = self.durable()
        peer, _ = self.attach(server)
        job = self.submit(server, "true")
        old = self.assignment(peer)
        server = self.again(server)
        peer, _ = self.attach(server)
        self.assertEqual(self.report(peer, old, ACCEPTED), [STALE_VERDICT])
        new = self.assignment(peer)
        self.assertEqual(new[:2], [job, 1])
        self.assertGreater(new[2], old[2])
        self.assertEqual(self.report(peer, new, ACCEPTED, STARTED, COMPLETED), [OK, OK, OK])
        self.assertEqual(self.job(server, job)["state"], "COMPLETED")

    def test_killed_between_ack_and_start_the_assignment_holds(self):
        server = self.durable()
        peer, _ = self.attach(server)
        job = self.submit(server, "true")
        mine = self.assignment(peer)
        self.assertEqual(self.report(peer, mine, ACCEPTED), [OK])
        server = self.again(server)
        peer, verdicts = self.attach(server, [mine])
        self.assertEqual(verdicts, [OK])
        self.assertEqual(self.report(peer, mine, ACCEPTED), [REPEATED])
        self.assertEqual(self.report(peer, mine, STARTED, COMPLETED), [OK, OK])
        self.assertEqual(self.job(server, job)["state"], "COMPLETED")

    def test_killed_after_the_end_was_answered_it_is_known_and_may_be_repeated(self):
        server = self.durable()
        peer, _ = self.attach(server)
        job = self.submit(server, "true")
        mine = self.assignment(peer)
        self.assertEqual(self.report(peer, mine, ACCEPTED, COMPLETED), [OK, OK])
        server = self.again(server)
        self.assertEqual(self.job(server, job)["state"], "COMPLETED")
        peer, verdicts = self.attach(server, [mine])
        self.assertEqual(verdicts, [STALE_VERDICT])
        self.assertEqual(self.report(peer, mine, COMPLETED, FAILED), [REPEATED, STALE_VERDICT])


if __name__ == "__main__":
    unittest.main()
