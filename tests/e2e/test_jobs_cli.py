"""Jobs from the command line, run by a real agent: what a person or a script sees of them."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import unittest

from harness import DEADLINE_S, EndToEndTest, eventually, program

EVERY_KEY_OF_A_JOB = [
    "job_id", "name", "queue", "tenant", "labels", "array", "state", "priority", "attempt_count",
    "max_attempts", "submitted_at", "queued_at", "assigned_at", "started_at", "finished_at",
    "scheduled_at", "deadline_at", "last_error", "worker_id", "assignment_id",
    "assignment_expires_at", "usage", "unsatisfiable", "summary", "estimated_start",
    "expected_run_s", "expected_memory",
]  # fmt: skip


class JobsCli(EndToEndTest):
    def setUp(self):
        super().setUp()
        # A worker that cools down after every task that fails on purpose would only take time.
        self.berthd = self.durable("--cooldown-base", "0s")
        self.agent(self.berthd, "w1", "--max-tasks", "8")
        self.wait_for_status(self.berthd, "w1", "online")

    def durable(self, *arguments, **rest):
        return self.server("--store", f"sqlite:{self.path('berth.db')}", *arguments, **rest)

    def environment(self):
        return {**os.environ, "HOME": self.folder, "XDG_STATE_HOME": self.path("state")}

    def berth(self, *arguments, check=0, stdin=None):
        run = subprocess.run(
            [program("berth"), "--server", self.berthd.wire, *map(str, arguments)],
            capture_output=True,
            text=True,
            input=stdin if stdin is not None else "",
            timeout=4 * DEADLINE_S,
            env=self.environment(),
        )
        if check is not None:
            self.assertEqual(run.returncode, check, f"berth {arguments}: {run.stdout}{run.stderr}")
        return run

    def json_of(self, *arguments, **rest):
        return json.loads(self.berth("--json", *arguments, **rest).stdout)

    def submit(self, *arguments, stdin=None):
        """The ids that were printed."""
        return self.berth("job", "submit", *arguments, stdin=stdin).stdout.split()

    def start(self, *arguments):
        child = subprocess.Popen(
            [program("berth"), "--server", self.berthd.wire, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment(),
        )
        self.addCleanup(child.stdout.close)
        self.addCleanup(child.stderr.close)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        return child

    # ---- run

    def test_run_ends_with_the_exit_code_of_its_task(self):
        cases = [
            ("true", ["true"], 0),
            ("false", ["false"], 1),
            ("exit 3", ["sh", "-c", "exit 3"], 3),
            ("killed", ["sh", "-c", "kill -9 $$"], 137),
            ("cannot be executed", ["/no/such/program"], 125),
        ]
        for what, command, code in cases:
            with self.subTest(what):
                self.berth("run", "--", *command, check=code)
        late = ["--timeout", "200ms", "--kill-grace", "100ms"]
        self.berth("run", *late, "--", "sleep", "60", check=124)

    def test_run_passes_words_on_as_they_are(self):
        words = ["[a,b]", "a b", "--json", "--", "", "$HOME", "ü"]
        run = self.berth("run", "--", "printf", "%s\\n", *words)
        self.assertEqual(run.stdout.split("\n")[:-1], words)

    def test_run_separates_and_streams_both_outputs(self):
        child = self.start(
            "run", "--env", f"GO={self.path('go')}", "--", "sh", "-c",
            "echo out; echo err >&2; while [ ! -e $GO ]; do sleep 0.05; done; printf end",
        )  # fmt: skip
        # Both are here while the task still runs.
        self.assertEqual(child.stdout.readline(), "out\n")
        self.assertEqual(child.stderr.readline(), "err\n")
        with open(self.path("go"), "w", encoding="ascii"):
            pass
        out, err = child.communicate(timeout=DEADLINE_S)
        self.assertEqual((out, err, child.returncode), ("end", "", 0))

    def test_run_brings_more_than_one_piece_of_output_whole(self):
        run = self.berth("run", "--", "seq", "1", "300000")
        self.assertEqual(run.stdout, "".join(f"{i}\n" for i in range(1, 300001)))

    def test_run_shows_every_attempt(self):
        run = self.berth(
            "run", "--attempts", "3", "--retry-base", "10ms", "--", "sh", "-c",
            "echo try $BERTH_ATTEMPT; exit $((3 - BERTH_ATTEMPT))",
        )  # fmt: skip
        self.assertEqual(run.stdout, "try 1\ntry 2\ntry 3\n")

    def test_the_task_reads_what_it_is_given(self):
        run = self.berth("run", "--stdin-file", "-", "--", "cat", stdin="hello\n")
        self.assertEqual(run.stdout, "hello\n")

    def test_run_survives_a_server_that_is_killed(self):
        child = self.start(
            "run", "--env", f"GO={self.path('go')}", "--", "sh", "-c",
            "echo one; while [ ! -e $GO ]; do sleep 0.05; done; echo two; exit 4",
        )  # fmt: skip
        self.assertEqual(child.stdout.readline(), "one\n")
        self.berthd.kill()
        self.berthd = self.durable(listen=self.berthd.wire)
        with open(self.path("go"), "w", encoding="ascii"):
            pass
        out, err = child.communicate(timeout=4 * DEADLINE_S)
        self.assertEqual((out, child.returncode), ("two\n", 4), err)

    def test_ctrl_c_asks_and_then_aborts(self):
        child = self.start("run", "--", "sh", "-c", "echo ready; exec sleep 600")
        self.assertEqual(child.stdout.readline(), "ready\n")
        child.send_signal(signal.SIGINT)
        self.assertEqual(child.stderr.readline(), "\n")
        self.assertIn("interrupt again to abort", child.stderr.readline())
        self.assertIsNone(child.poll())
        child.send_signal(signal.SIGINT)
        self.assertEqual(child.wait(DEADLINE_S), 130)
        job = self.json_of("job", "show", "last")
        self.assertEqual((job["state"], job["last_error"]["class"]), ("ABORTED", "aborted"))

    def test_a_detached_run_prints_its_id(self):
        job = self.berth("run", "--detach", "--", "echo", "hi").stdout.strip()
        self.berth("job", "wait", job)
        self.assertEqual(self.berth("job", "logs", job).stdout, "hi\n")

    # ---- submit

    def test_an_array_of_a_thousand_runs(self):
        (ids,) = self.submit("--name", "arr", "--array", "1-1000", "--", "sh", "-c", "exit 0")
        first, last = map(int, ids.split("-"))
        self.assertEqual(last - first, 999)
        waited = self.json_of("job", "wait", "arr")
        self.assertEqual((waited["done"], waited["states"]["COMPLETED"]), (True, 1000))
        self.assertEqual(self.json_of("job", "show", first + 41)["array"]["index"], 42)

    def test_a_file_of_jobs_runs_in_the_order_of_its_dependencies(self):
        with open(self.path("jobs.toml"), "w", encoding="utf-8") as file:
            file.write(
                f"""
queue = "ci"
[[job]]
name = "report"
command = ["sh", "-c", "echo report >> {self.path('order')}"]
after = ["test"]
[[job]]
name = "build"
command = ["sh", "-c", "sleep 0.2; echo build >> {self.path('order')}"]
[[job]]
name = "test"
command = ["sh", "-c", "echo test >> {self.path('order')}"]
after = "build"
"""
            )
        self.assertEqual(len(self.submit("--file", self.path("jobs.toml"))), 3)
        self.berth("job", "wait", "last")
        with open(self.path("order"), encoding="utf-8") as file:
            self.assertEqual(file.read().split(), ["build", "test", "report"])
        self.assertEqual(len(self.json_of("job", "list", "--queue", "ci")["jobs"]), 3)

    def test_what_waits_for_a_job_that_fails_is_aborted(self):
        wait = f"while [ ! -e {self.path('go')} ]; do sleep 0.05; done; exit 1"
        (failed,) = self.submit("--", "sh", "-c", wait)
        (after,) = self.submit("--after", failed, "--", "true")
        with open(self.path("go"), "w", encoding="ascii"):
            pass
        self.berth("job", "wait", after, check=1)
        self.assertEqual(self.json_of("job", "show", after)["state"], "ABORTED")
        explained = self.berth("job", "explain", after).stdout
        self.assertIn(f"has ended: aborted: it depends on job {failed}, which failed", explained)

    def test_a_submit_after_a_job_that_has_failed_says_that_it_is_aborted(self):
        (failed,) = self.submit("--", "false")
        self.berth("job", "wait", failed, check=1)
        for options, count in [([], 1), (["--array", "1-3"], 3)]:
            with self.subTest(options):
                run = self.berth("job", "submit", "--after", failed, *options, "--", "true", check=1)
                first = run.stdout.strip().split("-")[0]
                self.assertIn(f"job {first} is ABORTED already", run.stderr)
                self.assertIn(f"it depends on job {failed}, which failed", run.stderr)
                self.assertEqual("as are 2 more" in run.stderr, count == 3)
        (good,) = self.submit("--", "true")
        self.berth("job", "wait", good)
        self.submit("--after", good, "--", "true")

    def test_a_job_for_each_line(self):
        lines = "echo a; exit 0\n\necho b | tr b c\n"
        ids = self.submit("--each-line", "-", stdin=lines)
        self.assertEqual(len(ids), 2)
        self.berth("job", "wait", "last")
        self.assertEqual([self.berth("job", "logs", i).stdout for i in ids], ["a\n", "c\n"])
        ids = self.submit("--each-line", "-", "--", "echo", "-n", stdin="x y\n")
        self.berth("job", "wait", *ids)
        self.assertEqual(self.berth("job", "logs", *ids).stdout, "x y")

    def test_what_show_prints_makes_the_job_again(self):
        self.submit("--name", "n", "--cpu", "0.5", "--env", "A=b", "--timeout", "1m", "--", "true")
        spec = self.json_of("job", "show", "last")["spec"]
        self.submit("--stdin", stdin=json.dumps(spec))
        self.assertEqual(self.json_of("job", "show", "last")["spec"], spec)
        self.berth("job", "wait", "--all")

    def test_a_request_id_makes_a_repeated_submit_harmless(self):
        first = self.json_of("job", "submit", "--request-id", "r", "--", "true")
        again = self.json_of("job", "submit", "--request-id", "r", "--", "true")
        self.assertEqual(first["jobs"][0]["job_id"], again["jobs"][0]["job_id"])
        self.assertEqual((first["repeated"], again["repeated"]), (False, True))
        other = self.berth("job", "submit", "--request-id", "r", "--", "false", check=6)
        self.assertRegex(other.stderr, "^berth: .*'r' was used for other jobs, from job 1 on")
        self.assertEqual(other.stdout, "")
        later = ["job", "submit", "--request-id", "later", "--at", "+1h", "--"]
        self.assertEqual(self.submit(*later[2:], "true"), self.submit(*later[2:], "true"))
        self.berth(*later, "false", check=6)

    def test_ten_thousand_lines_are_one_submit(self):
        lines = "".join(f"exit {i % 2}\n" for i in range(10_000))
        ids = self.submit("--at", "+1h", "--each-line", "-", stdin=lines)
        self.assertEqual(len(set(ids)), 10_000)
        self.assertIn("aborted 10000", self.berth("job", "abort", "last").stdout)

    # ---- Looking

    def test_a_worker_that_failed_a_job_is_listed_as_cooling(self):
        rest = ["--cooldown-base", "1h", "--cooldown-max", "1h"]
        self.berthd = self.server("--store", "memory", *rest)
        self.agent(self.berthd, "w2")
        self.wait_for_status(self.berthd, "w2", "online")
        self.berth("run", "--", "false", check=1)
        eventually(
            lambda: "online,cooling" in self.berth("worker", "list").stdout, "it is listed so"
        )

    def test_lists_are_filtered_and_go_on_at_the_cursor(self):
        self.submit("--name", "a-1", "--queue", "q", "--label", "k=v", "--at", "+1h", "--", "true")
        self.submit("--name", "a-2", "--queue", "q", "--at", "+1h", "--", "true")
        (done,) = self.submit("--name", "b", "--", "true")
        self.berth("job", "wait", done)
        cases = [
            (["--queue", "q"], ["a-2", "a-1"]),
            (["--label", "k=v"], ["a-1"]),
            (["--name", "a-"], ["a-2", "a-1"]),
            (["--state", "completed"], ["b"]),
            (["--state", "PENDING", "--oldest"], ["a-1", "a-2"]),
            (["--worker", "w1"], ["b"]),
            (["--worker", "nobody"], []),
        ]
        for options, names in cases:
            with self.subTest(options):
                jobs = self.json_of("job", "list", *options)["jobs"]
                self.assertEqual([job["name"] for job in jobs], names)
        seen, cursor = [], 0
        while cursor is not None:
            page = self.json_of("job", "list", "--limit", "1", "--cursor", cursor)
            seen += [job["name"] for job in page["jobs"]]
            cursor = page["next_cursor"]
        self.assertEqual(seen, ["b", "a-2", "a-1"])
        table = self.berth("job", "list").stdout.splitlines()
        self.assertEqual(len(table), 4)
        self.assertRegex(table[1], r"\d+ +b +true +- +COMPLETED +1/1 +w1")
        short = self.berth("job", "list", "--limit", "1")
        self.assertEqual(len(short.stdout.splitlines()), 2)
        self.assertRegex(short.stderr, r"there are more: --cursor \d+ goes on, --limit 0 lists all")

    def test_top_tells_of_jobs_and_of_the_store(self):
        self.submit("--at", "+1h", "--", "true")
        (done,) = self.submit("--", "true")
        self.berth("job", "wait", done)
        eventually(lambda: " 1 completed" in self.berth("top").stdout, "it is counted")
        text = self.berth("top").stdout
        self.assertIn("jobs 1 pending, 0 assigned, 0 running", text)
        self.assertRegex(text, r"oldest pending \d\S*   commit (-|[\d.]+ms)")

    def test_a_row_says_how_the_command_begins(self):
        cases = [
            ("short", ["echo", "a b"], "echo a b"),
            ("60 bytes", ["x" * 60], "x" * 60),
            ("61 bytes", ["x" * 61], "x" * 57 + "…"),
            ("cut in a character", ["sh", "-c", ":" + "ä" * 99], "sh -c :" + "ä" * 25 + "…"),
        ]
        for what, command, summary in cases:
            with self.subTest(what):
                self.submit("--at", "+1h", "--", *command)
                (row,) = self.json_of("job", "list", "--limit", "1")["jobs"]
                self.assertEqual(row["summary"], summary)

    def test_a_job_says_everything_about_itself(self):
        self.berth("run", "--name", "n", "--", "sh", "-c", "echo hi; exit 3", check=3)
        job = self.json_of("job", "show", "n")
        self.assertEqual(list(job), EVERY_KEY_OF_A_JOB + ["spec", "attempts"])
        self.assertEqual(job["state"], "FAILED")
        self.assertEqual((job["last_error"]["class"], job["last_error"]["exit_code"]), ("exit", 3))
        self.assertRegex(job["assignment_id"], rf"^{job['job_id']}\.1\.\d+$")
        self.assertRegex(job["finished_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        (attempt,) = job["attempts"]
        self.assertEqual((attempt["state"], attempt["worker_id"]), ("FAILED", "w1"))
        self.assertEqual([file["name"] for file in attempt["outputs"]], ["stdout", "stderr"])
        self.assertEqual(attempt["outputs"][0]["bytes"], 3)
        self.assertIn("exit 3", self.berth("job", "show", "n").stdout)

    def test_a_pending_job_says_what_it_waits_for(self):
        (never,) = self.submit("--tags", "moon", "--", "true")
        why = self.json_of("job", "explain", never)
        self.assertEqual((why["hold"], why["unsatisfiable"]), ("capacity", True))
        self.assertEqual(why["explanation"]["eliminated"], {"tag:moon": 1})
        self.assertIn("tag:moon", self.berth("job", "explain", never).stdout)
        (later,) = self.submit("--at", "+1h", "--", "true")
        self.assertEqual(self.json_of("job", "explain", later)["hold"], "schedule")
        (after,) = self.submit("--after", later, "--", "true")
        why = self.json_of("job", "explain", after)
        self.assertEqual((why["hold"], why["dependencies"]), ("dependency", [int(later)]))
        refused = self.berth(
            "job", "submit", "--refuse-unsatisfiable", "--tags", "moon", "--", "true", check=7
        )
        self.assertEqual(refused.stdout, "")
        self.assertRegex(refused.stderr, r"(?m)^tag:moon +1 +- +-$")

    def test_logs_are_read_while_they_grow_and_checked_at_the_end(self):
        (job,) = self.submit(
            "--env", f"GO={self.path('go')}", "--", "sh", "-c",
            "echo one; echo two >&2; while [ ! -e $GO ]; do sleep 0.05; done; echo three",
        )  # fmt: skip
        follow = self.start("job", "logs", "-f", job)
        self.assertEqual(follow.stdout.readline(), "one\n")
        self.assertEqual(self.berth("job", "logs", job).stdout, "one\n")
        with open(self.path("go"), "w", encoding="ascii"):
            pass
        self.assertEqual(follow.communicate(timeout=DEADLINE_S)[0], "three\n")
        self.assertEqual(follow.returncode, 0)
        self.assertEqual(self.berth("job", "logs", "--stderr", job).stdout, "two\n")
        log = self.json_of("job", "logs", job)
        self.assertEqual((log["text"], log["complete"], log["attempt"]), ("one\nthree\n", True, 1))
        # Somebody touches the file: what is read is no longer what was written.
        path = self.json_of("job", "show", job)["attempts"][0]["outputs"][0]["path"]
        with open(path, "r+b") as file:
            file.write(b"O")
        damaged = self.berth("job", "logs", job, check=1)
        self.assertIn("SHA-256", damaged.stderr)

    def test_watch_prints_the_life_of_a_job(self):
        watch = self.start("job", "watch", "--json", "--count", "4")
        self.assertIn("watching", watch.stderr.readline())
        (job,) = self.submit("--", "true")
        lines = watch.communicate(timeout=DEADLINE_S)[0].splitlines()
        events = [json.loads(line) for line in lines]
        self.assertEqual({event["job_id"] for event in events}, {int(job)})
        self.assertEqual(
            [event["state"] for event in events], ["PENDING", "ASSIGNED", "RUNNING", "COMPLETED"]
        )
        # And again from the first of them, long after.
        first = str(events[0]["sequence"])
        again = self.start("job", "watch", "--json", "--count", "3", "--after", first)
        lines = again.communicate(timeout=DEADLINE_S)[0].splitlines()
        self.assertEqual([json.loads(line) for line in lines], events[1:])

    # ---- Waiting and changing

    def test_wait_tells_success_failure_and_lateness_apart(self):
        (good,) = self.submit("--", "true")
        (bad,) = self.submit("--", "false")
        (late,) = self.submit("--at", "+1h", "--", "true")
        self.berth("job", "wait", good)
        self.assertIn(f"job {bad} ", self.berth("job", "wait", good, bad, check=1).stderr)
        said = self.berth("job", "wait", late, "--timeout", "50ms", check=8).stderr
        self.assertIn("not all jobs have ended within 50ms", said)
        timed_out = self.json_of("job", "wait", late, "--timeout", "50ms", check=8)
        self.assertEqual((timed_out["done"], timed_out["timed_out"]), (False, True))
        self.berth("job", "wait", "999999", check=3)
        self.berth("job", "abort", late, "--reason", "not needed")
        nothing = self.berth("job", "wait", "--all").stdout
        self.assertIn("there is nothing to wait for", nothing)
        error = self.json_of("job", "show", late)["last_error"]
        self.assertIn("not needed", error["message"])

    def test_wait_draws_a_bar_on_a_terminal(self):
        (job,) = self.submit("--array", "1-20", "--", "true")
        ours, theirs = pty.openpty()
        child = subprocess.Popen(
            [program("berth"), "--server", self.berthd.wire, "job", "wait", job],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=self.environment(),
        )
        os.close(theirs)
        self.addCleanup(child.wait)
        self.addCleanup(os.close, ours)
        seen = b""

        def ended():
            nonlocal seen
            while select.select([ours], [], [], 0)[0]:
                try:
                    seen += os.read(ours, 1 << 16)
                except OSError:  # the other end is closed
                    break
            return child.poll() is not None

        eventually(ended, "the wait has ended")
        self.assertTrue(re.search(rb"\r\[#+\] 20/20", seen), seen)

    def test_what_failed_can_be_retried(self):
        (job,) = self.submit("--", "sh", "-c", f"[ -e {self.path('fixed')} ]")
        self.berth("job", "wait", job, check=1)
        self.berth("job", "logs", job)
        with open(self.path("fixed"), "w", encoding="ascii"):
            pass
        self.assertEqual(self.json_of("job", "retry", job)["changed"], 1)
        self.berth("job", "wait", job)
        self.assertEqual(len(self.json_of("job", "show", job)["attempts"]), 2)
        self.berth("job", "retry", job, check=6)
        self.berth("job", "retry", "999999", check=3)

    def test_jobs_are_aborted_by_worker(self):
        (job,) = self.submit("--", "sleep", "600")
        eventually(lambda: self.json_of("job", "show", job)["state"] == "RUNNING", "it runs")
        self.assertEqual(self.json_of("job", "abort", "--worker", "w1")["changed"], 1)
        self.berth("job", "wait", job, check=1)
        self.assertEqual(self.json_of("job", "abort", "--worker", "w1")["changed"], 0)
        unknown = self.berth("job", "abort", "--worker", "nosuch", check=3)
        self.assertIn("there is no worker 'nosuch'", unknown.stderr)

    def test_jobs_are_named_in_every_way(self):
        self.submit("--name", "train-a", "--", "true")
        self.submit("--name", "train-b", "--", "true")
        self.submit("--name", "other", "--array", "1-3", "--", "true")
        cases = [
            ("train-a", 0),
            ("oth", 0),
            ("last", 0),
            ("1-2", 0),
            ("train", 6),
            ("nobody", 3),
            ("9-1", 2),
        ]
        for word, code in cases:
            with self.subTest(word):
                self.berth("job", "wait", word, check=code)
        several = self.berth("job", "wait", "train", check=6).stderr
        self.assertIn("train-a (1), train-b (2)", several)

    def test_the_store_is_copied_to_a_file(self):
        self.berth("run", "--", "true")
        copy = self.path("copy.db")
        self.assertEqual(self.json_of("admin", "backup", copy), {"path": copy})
        with open(copy, "rb") as file:
            self.assertEqual(file.read(15), b"SQLite format 3")
        self.assertIn("is there already", self.berth("admin", "backup", copy, check=6).stderr)
        missing = self.berth("admin", "backup", self.path("none/copy.db"), check=2)
        self.assertIn(f"there is no folder '{self.path('none')}'", missing.stderr)


if __name__ == "__main__":
    unittest.main()
