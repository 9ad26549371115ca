"""Durable jobs over HTTP, run by a real agent; every answer is held against the OpenAPI document."""

import contextlib
import hashlib
import json
import re
import sqlite3
import threading
import unittest

from harness import eventually
from http_api import HttpTest, covers
from jobs import JobsTest


class Jobs(HttpTest, JobsTest):
    def setUp(self):
        super().setUp()
        self.start()

    def start(self):
        self.berthd = self.durable("--cooldown-base", "0s")
        self.client = self.api(self.berthd)

    def ask(self, method, target, body=None, status=200, headers=None, api=None):
        """By its path, as people write it; the answer is what the document says of that operation."""
        api = api or self.client
        path = target.split("?")[0]
        for operation, (verb, template, _) in api.document.operations.items():
            if verb == method and re.fullmatch(re.sub(r"{[^/]*}", "[^/]*", template), path):
                break
        else:
            self.fail(f"the document has no {method} {path}")
        answer = api.request(method, target, body, headers)
        api.document.check(operation, answer)
        api.answered.setdefault(operation, set()).add(answer.status)
        self.assertEqual(answer.status, status, f"{method} {target}: {answer.text}")
        return answer

    def post(self, target, body=None, **rest):
        return self.ask("POST", target, body, **rest)

    def get(self, target, **rest):
        return self.ask("GET", target, **rest)

    def submit_one(self, script="exit 0", **keys):
        answer = self.post("/v1/jobs", {"command": ["sh", "-c", script], **keys}, status=201)
        return answer.json["jobs"][0]["job_id"]

    def ended(self, job):
        return self.get(f"/v1/jobs/{job}/wait?timeout_s=30").json

    def test_a_job_is_what_the_command_line_says_it_is(self):
        self.worker(self.berthd)
        keys = {
            "name": "report",
            "queue": "night",
            "tenant": "ops",
            "label": {"team": "a"},
            "env": {"X": "1"},
            "memory": "64MiB",
            "cpu": 0.5,
            "priority": 3,
            "attempts": 2,
            "timeout": "10m",
            "network": True,
            "tags": ["fast", "new"],
            "any": [["a", "b"]],
            "deadline": "2050-01-31T08:00:00Z",
            "meta": {"note": "ümlaut"},
        }
        answer = self.post("/v1/jobs", {"command": ["true"], **keys}, status=201)
        self.assertEqual(answer.headers["Location"], "/v1/jobs/1")
        self.assertEqual(
            answer.json,
            {"jobs": [{"job_id": 1, "count": 1, "unsatisfiable": True,
                       "explanation": answer.json["jobs"][0]["explanation"]}],
             "repeated": False})  # fmt: skip
        shown = self.get("/v1/jobs/1").json
        self.assertEqual(shown, self.cli_json(self.berthd, "job", "show", 1))
        self.assertEqual(shown["spec"]["memory"], "64MiB")
        explained = self.get("/v1/jobs/1/explain").json
        self.assertEqual(explained, self.cli_json(self.berthd, "job", "explain", 1))
        self.assertEqual(explained["hold"], "capacity")
        row = {key: value for key, value in shown.items() if key not in ("spec", "attempts")}
        self.assertEqual(self.get("/v1/jobs").json, {"jobs": [row], "next_cursor": None})

    def test_a_job_lives_and_leaves_its_output(self):
        self.worker(self.berthd)
        job = self.submit_one("echo out; echo err >&2; exit 3", attempts=2, retry_base="10ms")
        counts = self.ended(job)
        self.assertEqual((counts["done"], counts["first_failed"]), (True, job))
        shown = self.get(f"/v1/jobs/{job}").json
        self.assertEqual((shown["state"], shown["last_error"]["exit_code"]), ("FAILED", 3))
        attempts = self.get(f"/v1/jobs/{job}/attempts").json["attempts"]
        self.assertEqual(attempts, shown["attempts"])
        self.assertEqual([one["attempt"] for one in attempts], [1, 2])
        log = self.get(f"/v1/jobs/{job}/logs?stream=stderr&attempt=1")
        self.assertEqual(log.body, b"err\n")
        self.assertEqual(log.headers["Berth-Attempt"], "1")
        self.assertEqual(log.headers["Berth-Log-Complete"], "true")
        self.assertEqual(log.headers["Berth-Log-Sha256"], hashlib.sha256(b"err\n").hexdigest())
        self.assertEqual(self.get(f"/v1/jobs/{job}/logs?offset=2").body, b"t\n")
        self.assertEqual(self.post(f"/v1/jobs/{job}/retry").json["changed"], 1)
        self.ended(job)
        self.assertEqual(len(self.get(f"/v1/jobs/{job}/attempts").json["attempts"]), 4)

    def learned(self, name, jobs, **keys):
        """So many jobs of this name have completed, each of some tenths of a second."""
        for _ in range(jobs):
            self.ended(self.submit_one("sleep 0.2", name=name, **keys))

    def test_what_waits_says_when_it_will_start_and_what_it_will_take(self):
        self.worker(self.berthd, "w1", "--max-tasks", "1")
        first = self.submit_one("true", name="nightly")
        shown = self.get(f"/v1/jobs/{first}").json
        self.assertIn("expected_run_s", shown)
        self.ended(first)
        self.learned("train", 4)
        self.submit_one("sleep 30", name="train", estimate="30s")
        waits = self.submit_one("true", name="train")
        last = self.submit_one("true", name="train")

        def blocked():
            why = self.get(f"/v1/jobs/{last}/explain").json
            return why if why["hold"] == "capacity" else None

        why = eventually(blocked, "they wait for room")
        run = why["expected_run_s"]
        self.assertLess(run["p10"], run["p90"])
        self.assertGreater(run["p50"], 0.1)
        self.assertGreaterEqual(run["runs_seen"], 3)
        start = why["estimated_start"]
        self.assertLessEqual(start["earliest"], start["at"])
        self.assertLessEqual(start["at"], start["latest"])
        self.assertFalse(start["planned"])
        by_id = {job["job_id"]: job for job in self.get("/v1/jobs").json["jobs"]}
        self.assertLess(
            by_id[waits]["estimated_start"]["at"], by_id[last]["estimated_start"]["latest"]
        )
        self.assertIsNone(by_id[first]["estimated_start"])
        self.assertIsNone(by_id[first]["expected_run_s"])
        text = self.cli(self.berthd, "job", "explain", last, check=0).stdout
        self.assertRegex(text, r"it is expected to start (now|in \S+ \(\S+ to \S+\))")
        self.assertRegex(text, r"it is expected to take \S+ \(\S+ to \S+\), as such jobs did before")
        self.assertIn("STARTS", self.cli(self.berthd, "job", "list", check=0).stdout)

    def test_a_request_for_memory_that_is_far_off_is_said(self):
        self.worker(self.berthd)
        self.learned("greedy", 4, memory="512MiB")
        submitted = self.post(
            "/v1/jobs", {"command": ["sleep", "30"], "name": "greedy", "memory": "512MiB"}, status=201
        ).json["jobs"][0]
        expected = submitted["expected_memory"]
        self.assertEqual(expected["advice"], "ask-less")
        self.assertLess(expected["p95_bytes"], 128 << 20)
        shown = self.get(f"/v1/jobs/{submitted['job_id']}").json
        self.assertEqual(shown["expected_memory"], expected)
        run = self.cli(
            self.berthd, "job", "submit", "--name", "greedy", "--memory", "512MiB", "--", "true", check=0
        )
        self.assertIn("asks for far more than it needs", run.stderr)

    def test_a_restarted_server_has_not_forgotten_what_jobs_take(self):
        self.worker(self.berthd)
        self.learned("train", 4)

        def saved():
            row = self.sql("SELECT max(run_weight) FROM experience")
            return row is not None and row > 3

        eventually(saved, "what was learned is in the store")
        self.berthd.kill()
        self.start()
        job = self.submit_one("true", name="train", tags=["nobody"])
        shown = self.get(f"/v1/jobs/{job}").json
        self.assertGreaterEqual(shown["expected_run_s"]["runs_seen"], 3)
        self.assertTrue(shown["unsatisfiable"])
        self.assertIsNone(shown["estimated_start"])

    def sql(self, question):
        with contextlib.closing(sqlite3.connect(self.path("berth.db"))) as store:
            return store.execute(question).fetchone()[0]

    def test_a_long_log_comes_whole_with_its_digest(self):
        self.worker(self.berthd)
        job = self.submit_one("seq 200000")
        self.ended(job)
        log = self.get(f"/v1/jobs/{job}/logs")
        wanted = "".join(f"{i}\n" for i in range(1, 200001)).encode()
        self.assertEqual(len(log.body), len(wanted))
        self.assertEqual(log.body, wanted)
        self.assertEqual(log.headers["Berth-Log-Size"], str(len(wanted)))
        self.assertEqual(log.headers["Berth-Log-Sha256"], hashlib.sha256(wanted).hexdigest())

    def test_a_log_is_followed_from_before_its_job_has_begun_to_its_end(self):
        job = self.submit_one(f"echo first; {self.waiting('task')}; echo last")
        problem = self.get(f"/v1/jobs/{job}/logs", status=404).json
        self.assertIn("follow", problem["hint"])
        came = []
        api = self.api(self.berthd)
        follower = threading.Thread(
            target=lambda: came.append(self.get(f"/v1/jobs/{job}/logs?follow=true", api=api).body))
        follower.start()
        self.worker(self.berthd)
        eventually(lambda: self.runs("task"), "the task has begun")
        self.release("task")
        follower.join()
        self.assertEqual(came, [b"first\nlast\n"])
        after = api.request("HEAD", f"/v1/jobs/{job}/logs?attempt=1")
        self.assertEqual((after.status, after.body), (200, b""))
        self.assertEqual(after.headers["Berth-Log-Complete"], "true")
        self.assertEqual(after.headers["Berth-Log-Sha256"], hashlib.sha256(came[0]).hexdigest())

    def test_many_jobs_are_taken_on_together_in_the_order_of_the_body(self):
        body = [
            {"name": "last", "command": ["true"], "after": ["first", "second"]},
            {"name": "first", "command": ["true"]},
            {"name": "second", "command": ["true"], "array": "1-10"},
        ]
        jobs = self.post("/v1/jobs", body, status=201).json["jobs"]
        self.assertEqual([job["count"] for job in jobs], [1, 1, 10])
        names = [self.get(f"/v1/jobs/{job['job_id']}").json["name"] for job in jobs]
        self.assertEqual(names, ["last", "first", "second"])
        waits = self.get(f"/v1/jobs/{jobs[0]['job_id']}/explain").json
        self.assertEqual(waits["hold"], "dependency")
        self.assertEqual(waits["dependencies"], [jobs[1]["job_id"], jobs[2]["job_id"]])

    def test_the_same_idempotency_key_gets_the_same_jobs_after_a_restart_too(self):
        key = {"Idempotency-Key": "night-1"}
        body = {"command": ["true"]}
        first = self.post("/v1/jobs", body, status=201, headers=key).json
        again = self.post("/v1/jobs", body, status=201, headers=key).json
        self.assertEqual(again, {**first, "repeated": True})
        self.berthd.kill()
        self.start()
        again = self.post("/v1/jobs", body, status=201, headers=key).json
        self.assertEqual((again["jobs"][0]["job_id"], again["repeated"]), (1, True))
        self.assertEqual(len(self.get("/v1/jobs").json["jobs"]), 1)

    def test_an_idempotency_key_that_was_used_for_other_jobs_is_refused_after_a_restart_too(self):
        key = {"Idempotency-Key": "night-1"}
        body = {"command": ["true"], "name": "night", "at": "+1h", "env": {"A": "1", "B": "2"}}
        self.post("/v1/jobs", body, status=201, headers=key)
        others = [
            [body, body],
            {**body, "array": "1-3"},
            {**body, "command": ["false"]},
            {**body, "at": "+2h"},
            {**body, "priority": 1},
            {"command": ["true"], "name": "night"},
        ]
        for restarted in (False, True):
            if restarted:
                self.berthd.kill()
                self.start()
            for other in others:
                problem = self.post("/v1/jobs", other, status=422, headers=key).json
                self.assertEqual(problem["code"], "conflict")
                self.assertIn("Idempotency-Key: the request id 'night-1' was used for other jobs", problem["detail"])
            # In an hour from another moment, and written otherwise: still what was asked for.
            turned = {**dict(reversed(body.items())), "env": dict(reversed(body["env"].items()))}
            for same in (body, [turned]):
                again = self.post("/v1/jobs", same, status=201, headers=key).json
                self.assertEqual((again["jobs"][0]["job_id"], again["repeated"]), (1, True))
        # One table of ids for HTTP and command line: here, too, it is the same job, and another.
        same = ["job", "submit", "--request-id", "night-1", "--name", "night", "--at", "+1h", "--env", "A=1", "--env", "B=2", "--"]
        self.cli(self.berthd, *same, "true", check=0)
        self.assertIn("'night-1' was used for other jobs", self.cli(self.berthd, *same, "false", check=6).stderr)
        self.assertEqual(len(self.get("/v1/jobs").json["jobs"]), 1)

    @covers("submitJobs")
    def test_a_bad_job_is_refused_with_the_words_of_a_job_file(self):
        for body, says in (
            ({}, "neither command nor image"),
            ({"command": "ls"}, "command"),
            ({"command": ["ls"], "memroy": "1GiB"}, "memory"),
            ({"command": ["ls"], "memory": "much"}, "'much' is not"),
            ({"command": ["ls"], "attempts": 0}, "from 1 to 1000"),
            ({"command": ["ls"], "stdin_file": "/etc/passwd"}, "stdin_file"),
            ({"command": ["ls"], "timeout": [1]}, "is not one value"),
            ({"command": ["ls"], "network": "yes"}, "true or false"),
            ({"command": ["ls"], "after": ["nobody"]}, "'nobody'"),
            ({"command": ["ls"], "label": {"a": [1]}}, "label.a"),
            ([{"command": ["ls"]}, {"command": ["ls"], "cpu": "x"}], "job 2: cpu"),
            ({"command": ["ls"], "artifact": "../x"}, ".."),
            ([], "items"),
        ):
            with self.subTest(body):
                problem = self.post("/v1/jobs", body, status=400).json
                self.assertEqual(problem["code"], "bad_request")
                self.assertIn(says, problem["detail"] + problem.get("pointer", ""))
        self.assertEqual(self.get("/v1/jobs").json["jobs"], [])
        self.submit_one()

    def test_what_no_worker_could_run_is_refused_where_that_is_asked_for_and_says_why(self):
        body = {"command": ["true"], "tags": ["none-has-this"]}
        problem = self.post("/v1/jobs?refuse_unsatisfiable", body, status=409).json
        self.assertEqual((problem["code"], problem["reason"]), ("cannot_be_placed", "no_workers"))
        self.worker(self.berthd)
        problem = self.post("/v1/jobs?refuse_unsatisfiable", body, status=409).json
        self.assertEqual((problem["code"], problem["reason"]), ("cannot_be_placed", "eliminated"))
        why = problem["explanation"]
        self.assertEqual((why["workers"], why["eligible"]), (1, 0))
        self.assertEqual(why["eliminated"], {"tag:none-has-this": 1})
        self.assertIn("refuse_unsatisfiable", problem["hint"])
        self.assertEqual(self.get("/v1/jobs").json["jobs"], [])

    @covers("listJobs")
    def test_a_list_is_chosen_and_paged_newest_first(self):
        body = [
            {"name": f"job-{i}", "command": ["true"], "queue": "even" if i % 2 == 0 else "odd",
             "tenant": "t", "label": {"number": i}}
            for i in range(1, 1201)
        ]  # fmt: skip
        self.post("/v1/jobs", body, status=201)
        self.post("/v1/jobs/7/abort")
        pages = [self.get("/v1/jobs?limit=1100").json]
        self.assertEqual(len(pages[0]["jobs"]), 1100, "several pages of the ledger's")
        pages.append(self.get(f"/v1/jobs?limit=1100&cursor={pages[0]['next_cursor']}").json)
        self.assertIsNone(pages[1]["next_cursor"])
        ids = [row["job_id"] for page in pages for row in page["jobs"]]
        self.assertEqual(ids, list(range(1200, 0, -1)))
        for question, count in (
            ("", 100),
            ("state=ABORTED", 1),
            ("state=ABORTED&state=PENDING&limit=2000", 1200),
            ("queue=odd&limit=2000", 600),
            ("tenant=nobody", 0),
            ("name=job-119", 11),
            ("label=number=5", 1),
            ("worker_id=w9", 0),
        ):
            with self.subTest(question):
                self.assertEqual(len(self.get(f"/v1/jobs?{question}").json["jobs"]), count)
        for wrong in ("state=DONE", "label=x", "limit=0", "cursor=x", "watch&cursor=5", "watch&label=x"):
            with self.subTest(wrong):
                self.get(f"/v1/jobs?{wrong}", status=400)

    def test_jobs_are_ended_and_started_again(self):
        self.worker(self.berthd)
        job = self.submit_one(self.waiting("task"))
        eventually(lambda: self.runs("task"), "it has begun")
        self.assertEqual(self.get(f"/v1/jobs/{job}/wait?timeout_s=0").json["timed_out"], True)
        self.assertEqual(self.post(f"/v1/jobs/{job}/retry", status=409).json["code"], "conflict")
        changed = self.post(f"/v1/jobs/{job}/abort", {"reason": "wrong input"}).json
        self.assertEqual(changed, {"changed": 1, "unchanged": 0, "unknown": 0})
        self.ended(job)
        shown = self.wait_for_state(self.berthd, job, "ABORTED")
        self.assertIn("wrong input", json.dumps(shown))
        self.assertEqual(self.post(f"/v1/jobs/{job}/abort").json["unchanged"], 1)

    @covers("getJob", "explainJob", "listAttempts", "waitForJob", "readJobLog", "abortJob", "retryJob")
    def test_a_job_that_there_is_not_is_not_found(self):
        for path in ("", "/explain", "/attempts", "/wait", "/logs"):
            with self.subTest(path):
                problem = self.get(f"/v1/jobs/99{path}", status=404).json
                self.assertEqual(problem["code"], "not_found")
                self.assertIn("99", problem["detail"])
        for action in ("abort", "retry"):
            self.post(f"/v1/jobs/99/{action}", status=404)
        self.worker(self.berthd)
        job = self.submit_one("exit 1")
        self.ended(job)
        for path in ("", "/explain", "/attempts", "/logs"):
            self.get(f"/v1/jobs/{job}{path}")
        self.post(f"/v1/jobs/{job}/retry")
        self.post(f"/v1/jobs/{job}/abort")
        self.get("/v1/jobs/0", status=400)
        self.get("/v1/jobs/x", status=400)


if __name__ == "__main__":
    unittest.main()
