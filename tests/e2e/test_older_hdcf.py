"""The HDCF control plane: the story of its workers and clients, told to berthd."""

import time
import unittest

from harness import DEADLINE_S, eventually
from older import OlderTest, covered

covered(
    __name__,
    "hdcfRegister",
    "hdcfHeartbeat",
    "hdcfNextJob",
    "hdcfAck",
    "hdcfComplete",
    "hdcfFail",
    "hdcfReconnect",
    "hdcfAbort",
    "hdcfCreateJob",
    "hdcfListJobs",
    "hdcfShowJob",
    "hdcfListWorkers",
)


class HdcfWorker:
    """What the original's worker says, step by step."""

    def __init__(self, test, server, name="w1", nonce="secret-1", capabilities=(), token=None):
        headers = {"X-API-Token": token} if token else {}
        self.test, self.name, self.nonce = test, name, nonce
        self.capabilities = list(capabilities)
        self.http = test.http(server, **headers)

    def register(self):
        return self.http.post(
            "/register", worker_id=self.name, nonce=self.nonce, capabilities=self.capabilities
        )

    def next(self):
        status, job = self.http.get("/next-job", worker_id=self.name)
        self.test.assertIn(status, (200, 204), job)
        return job

    def wait_for_job(self):
        return eventually(self.next, f"{self.name} is given a job")

    def of(self, job):
        return {
            "job_id": job["job_id"],
            "worker_id": self.name,
            "assignment_id": job["assignment_id"],
        }

    def ack(self, job):
        return self.http.post("/ack", **self.of(job))

    def files(self, job):
        base = f"worker-logs/{job['job_id']}"
        return {
            "artifact_id": "6f1c",
            "stdout_path": f"{base}.stdout.log",
            "stderr_path": f"{base}.stderr.log",
            "stdout_tmp_path": f"{base}.stdout.log.tmp",
            "stderr_tmp_path": f"{base}.stderr.log.tmp",
            "stdout_sha256": "a" * 64,
            "stderr_sha256": "b" * 64,
        }

    def complete(self, job, **changes):
        body = {**self.of(job), "exit_code": 0, "result_summary": "fine", **self.files(job)}
        return self.http.post("/complete", **{**body, **changes})

    def fail(self, job, error="exit status 1"):
        return self.http.post("/fail", **self.of(job), exit_code=1, error=error)

    def beat(self, job=None):
        current = job["job_id"] if job else None
        return self.http.post(
            "/heartbeat", worker_id=self.name, current_job_id=current, ts="2026-01-01T00:00:00Z"
        )

    def reconnect(self, current=None, completed=()):
        return self.http.post(
            "/reconnect",
            worker_id=self.name,
            current_job_id=current["job_id"] if current else None,
            completed_jobs=list(completed),
        )


class HdcfClients(OlderTest):
    def setUp(self):
        super().setUp()
        self.berthd = self.server()
        self.client = self.http(self.berthd)

    def joined(self, name="w1", **rest):
        worker = HdcfWorker(self, self.berthd, name, **rest)
        self.ok(worker.register())
        return worker

    def create(self, command="true", **rest):
        job = self.ok(self.client.post("/jobs", command=command, **rest), 201)
        self.assertEqual(job["status"], "PENDING")
        return job["job_id"]

    def shown(self, job):
        return self.ok(self.client.get(f"/jobs/{job}"))

    def wait_for(self, job, *states):
        def probe():
            row = self.shown(job)
            return row if row["status"] in states else None

        return eventually(probe, f"job {job} is {states}")

    def running(self, worker, **rest):
        self.create(**rest)
        job = worker.wait_for_job()
        self.ok(worker.ack(job))
        return job

    # ---- One job

    def test_a_job_from_its_creation_to_its_files(self):
        worker = self.joined()
        now = int(time.time())
        job = self.create("echo", args=["hello", "world"], working_dir="/tmp", timeout_ms=60000)
        given = worker.wait_for_job()
        self.assertEqual(given["job_id"], job)
        self.assertEqual((given["command"], given["args"]), ("echo", ["hello", "world"]))
        self.assertEqual((given["working_dir"], given["timeout_ms"]), ("/tmp", 60000))
        self.assertEqual((given["attempt_count"], given["max_attempts"]), (1, 3))
        self.assertGreaterEqual(given["assignment_expires_at"], now)
        self.assertEqual(self.shown(job)["status"], "ASSIGNED")
        self.ok(worker.ack(given))
        self.ok(worker.ack(given))
        row = self.shown(job)
        self.assertEqual((row["status"], row["worker_id"]), ("RUNNING", "w1"))
        self.assertEqual(row["assignment_id"], given["assignment_id"])
        self.assertIsInstance(row["heartbeat_age_sec"], int)
        self.assertEqual(self.ok(worker.complete(given))["status"], "COMPLETED")
        row = self.shown(job)
        self.assertEqual((row["status"], row["attempt_count"]), ("COMPLETED", 1))
        self.assertEqual(row["result_path"], f"worker-logs/{job}.stdout.log")
        kept = self.job(self.berthd, job)["attempts"][0]["outputs"]
        self.assertEqual(
            {file["name"]: file["path"] for file in kept}["artifact_id"], "6f1c", kept
        )

    def test_nothing_to_do_is_204(self):
        worker = self.joined()
        self.assertEqual(worker.http.get("/next-job", worker_id="w1"), (204, None))

    def test_claims_go_by_priority_then_by_age(self):
        jobs = [self.create(f"c{i}", priority=p) for i, p in enumerate([0, 5, 0, 9, 5])]
        expected = [jobs[3], jobs[1], jobs[4], jobs[0], jobs[2]]
        claimed = []
        for i in range(5):
            claimed.append(self.joined(f"w{i}").wait_for_job()["job_id"])
        self.assertEqual(claimed, expected)

    def test_a_job_is_not_given_before_its_time(self):
        worker = self.joined()
        self.create("later", scheduled_at=int(time.time()) + 3600)
        self.assertIsNone(worker.next())

    def test_requirements_are_met_by_capabilities(self):
        plain, gpu = self.joined("w1"), self.joined("w2", capabilities=[" GPU ", "ssd"])
        job = self.create("train", needs_gpu=True, requirements=["SSD"])
        self.assertIsNone(plain.next())
        self.assertEqual(gpu.wait_for_job()["job_id"], job)
        row = self.shown(job)
        self.assertEqual((row["needs_gpu"], row["requirements"]), (True, ["ssd"]))

    # ---- Fences

    def test_an_ack_needs_three_ids_and_the_right_ones(self):
        worker, other = self.joined(), self.joined("w2")
        self.create()
        job = worker.wait_for_job()
        for name in ("job_id", "worker_id", "assignment_id"):
            with self.subTest(missing=name):
                body = {key: value for key, value in worker.of(job).items() if key != name}
                self.refused(worker.http.post("/ack", **body), 400, "required")
        self.refused(other.ack(job), 409, "mismatch")
        wrong = {**job, "assignment_id": job["assignment_id"] + "9"}
        self.refused(worker.ack(wrong), 409, "assignment_id")
        self.refused(worker.ack({**job, "job_id": "no-such-job"}), 409, "job not found")
        self.ok(worker.ack(job))

    def test_a_completion_without_its_files_is_refused(self):
        worker = self.joined()
        job = self.running(worker)
        out = f"worker-logs/{job['job_id']}.stdout.log"
        cases = [
            ("no artifact_id", {"artifact_id": ""}),
            ("no stdout_path", {"stdout_path": ""}),
            ("no stderr_path", {"stderr_path": ""}),
            ("no stdout_tmp_path", {"stdout_tmp_path": ""}),
            ("no stderr_tmp_path", {"stderr_tmp_path": ""}),
            ("still temporary", {"stdout_path": out + ".tmp"}),
            ("one name for both", {"stdout_tmp_path": out}),
            ("names that do not correspond", {"stdout_tmp_path": "worker-logs/other.log.tmp"}),
            ("no sum", {"stdout_sha256": "xyz"}),
        ]
        for name, changes in cases:
            with self.subTest(name):
                self.refused(worker.complete(job, **changes), 409)
        self.assertEqual(self.shown(job["job_id"])["status"], "RUNNING")
        self.ok(worker.complete(job, stdout_path="o.txt", stdout_tmp_path="o.tmp.txt"))

    def test_what_is_said_again_in_a_terminal_state_changes_nothing(self):
        worker = self.joined()
        done = self.running(worker)
        for say in (worker.complete, worker.complete, worker.fail):
            self.assertEqual(self.ok(say(done)), {"status": "COMPLETED", "job_id": done["job_id"]})
        self.ok(worker.ack(done))
        self.assertEqual(self.shown(done["job_id"])["status"], "COMPLETED")
        failed = self.running(worker, max_attempts=1)
        self.ok(worker.fail(failed, "exit status 3"))
        for say in (worker.fail, worker.complete):
            self.assertEqual(self.ok(say(failed)), {"status": "FAILED", "job_id": failed["job_id"]})
        row = self.shown(failed["job_id"])
        self.assertEqual((row["status"], row["last_error"]), ("FAILED", "exit status 3"))

    def test_a_job_that_was_not_acked_cannot_be_completed(self):
        worker = self.joined()
        self.create()
        job = worker.wait_for_job()
        self.refused(worker.complete(job), 409, "ASSIGNED")

    def test_strangers_are_turned_away(self):
        stranger = HdcfWorker(self, self.berthd, "nobody")
        job = {"job_id": "1", "assignment_id": "1.1.1"}
        for name, answer in (
            ("next-job", stranger.http.get("/next-job", worker_id="nobody")),
            ("heartbeat", stranger.beat()),
            ("ack", stranger.ack(job)),
            ("complete", stranger.complete(job)),
            ("fail", stranger.fail(job)),
            ("reconnect", stranger.reconnect()),
        ):
            with self.subTest(name):
                self.refused(answer, 403, "worker not registered")

    def test_an_id_belongs_to_whoever_brings_its_nonce(self):
        self.joined()
        thief = HdcfWorker(self, self.berthd, "w1", nonce="another")
        self.refused(thief.register(), 409, "nonce")
        self.joined()

    # ---- Trouble

    def test_a_failed_job_is_tried_again_until_its_attempts_are_used(self):
        worker = self.joined()
        job = self.running(worker, max_attempts=2)
        self.assertEqual(self.ok(worker.fail(job, "boom"))["status"], "FAILED")
        self.assertIn(self.shown(job["job_id"])["status"], ("RETRYING", "PENDING"))
        again = worker.wait_for_job()
        self.assertEqual((again["job_id"], again["attempt_count"]), (job["job_id"], 2))
        self.assertNotEqual(again["assignment_id"], job["assignment_id"])
        self.refused(worker.complete(job), 409)
        self.ok(worker.ack(again))
        self.refused(worker.complete(job), 409, "assignment_id mismatch")
        self.ok(worker.fail(again, "boom"))
        self.assertEqual(self.shown(job["job_id"])["status"], "FAILED")

    def test_a_worker_that_comes_back_keeps_what_it_runs_and_replays_what_it_has_finished(self):
        worker = self.joined()
        done = self.running(worker)
        entry = {**worker.of(done), "status": "COMPLETED", "exit_code": 0, **worker.files(done)}
        unknown = {**entry, "job_id": "999999"}
        odd = {**entry, "status": "SLEEPING"}
        actions = self.ok(worker.reconnect(done, [entry, unknown, odd]))["actions"]
        self.assertEqual(
            [(a["action"], a["result"]) for a in actions],
            [
                ("KEEP_CURRENT_JOB", "ACCEPTED"),
                ("REPLAY_COMPLETED", "ACCEPTED"),
                ("REPLAY_COMPLETED", "REJECTED"),
                ("REPLAY_FAILED", "REJECTED"),
            ],
        )
        self.assertEqual(self.shown(done["job_id"])["status"], "COMPLETED")
        actions = self.ok(worker.reconnect(done))["actions"]
        self.assertEqual([a["action"] for a in actions], ["CLEAR_CURRENT_JOB"])

    def test_what_a_worker_comes_back_without_is_lost_and_tried_again(self):
        worker = self.joined()
        job = self.running(worker)
        self.assertEqual(self.ok(worker.reconnect())["actions"], [])
        self.wait_for(job["job_id"], "RETRYING", "PENDING")
        again = worker.wait_for_job()
        self.assertEqual(again["job_id"], job["job_id"])

    def test_a_job_is_aborted_and_its_worker_hears_of_it(self):
        worker = self.joined()
        job = self.running(worker)
        answer = self.ok(self.client.post("/abort", job_id=job["job_id"], reason="not needed"))
        self.assertEqual((answer["status"], answer["aborted_jobs"]), ("ABORTED", 1))
        self.assertEqual(answer["reason"], "not needed")
        row = self.shown(job["job_id"])
        self.assertEqual((row["status"], row["last_error"]), ("ABORTED", "not needed"))
        eventually(
            lambda: self.ok(worker.beat(job)).get("abort_job_ids") == [job["job_id"]],
            "the worker is told",
        )
        self.refused(worker.complete(job), 409, "ABORTED")
        self.create("next")
        self.assertEqual(worker.wait_for_job()["command"], "next")

    def test_an_abort_by_worker_or_by_both_reaches_these_jobs_alone(self):
        one, two = self.joined("w1"), self.joined("w2")
        first, second = self.running(one), self.running(two)
        both = {"job_id": first["job_id"], "worker_id": "w2"}
        self.refused(self.client.post("/abort", **both), 409, "mismatch")
        answer = self.ok(self.client.post("/abort", worker_id="w2"))
        self.assertEqual(answer["aborted_jobs"], 1)
        self.assertEqual(self.shown(first["job_id"])["status"], "RUNNING")
        self.assertEqual(self.shown(second["job_id"])["status"], "ABORTED")
        self.refused(self.client.post("/abort", worker_id="w2"), 404)
        self.refused(self.client.post("/abort"), 400)
        self.refused(self.client.post("/abort", job_id="12345"), 404)
        self.ok(one.complete(first))
        self.refused(self.client.post("/abort", job_id=first["job_id"]), 409)

    # ---- Lists, and wrong requests

    def test_lists_are_filtered_and_newest_first(self):
        worker = self.joined(capabilities=["ssd"])
        job = self.running(worker, command="first")
        waiting = self.create("second", requirements=["nowhere"])
        rows = self.ok(self.client.get("/jobs"))
        self.assertEqual([row["job_id"] for row in rows], [waiting, job["job_id"]])
        self.assertEqual(rows[1]["command"], "first")
        self.assertNotIn("heartbeat_age_sec", rows[0])
        self.assertEqual(rows[1]["heartbeat_age_sec"], 0)
        running = self.ok(self.client.get("/jobs", status="RUNNING", worker_id="w1"))
        self.assertEqual([row["job_id"] for row in running], [job["job_id"]])
        self.assertEqual(self.ok(self.client.get("/jobs", worker_id="w9")), [])
        loose = self.ok(self.client.get("/jobs", status="", worker_id="w1", page="3"))
        self.assertEqual(loose, running)
        (row,) = self.ok(self.client.get("/workers"))
        self.assertEqual((row["worker_id"], row["status"]), ("w1", "ONLINE"))
        self.assertEqual((row["current_job_id"], row["capabilities"]), (job["job_id"], ["ssd"]))
        self.assertIn(row["heartbeat_age_sec"], (0, 1, 2))

    def test_what_is_wrong_is_said_in_its_form(self):
        self.refused(self.client.post("/jobs", args=["x"]), 400, "command required")
        self.refused(self.client.ask("POST", "/jobs", raw=b"{"), 400)
        self.refused(self.client.post("/register"), 400, "worker_id required")
        self.refused(self.client.get("/next-job"), 400, "worker_id required")
        self.refused(self.client.get("/jobs/12345"), 404, "job not found")
        self.refused(self.client.get("/jobs/some-uuid"), 404, "job not found")
        for method, path in (("GET", "/ack"), ("DELETE", "/jobs"), ("POST", "/next-job")):
            with self.subTest(method=method, path=path):
                self.refused(self.client.ask(method, path), 405, "method not allowed")

    # ---- Across APIs

    def test_its_worker_runs_a_job_of_the_command_line_where_it_can(self):
        worker = self.joined()
        hard = self.cli(
            self.berthd, "job", "submit", "--env", "A=1", "--", "env", check=0
        ).stdout.split()
        job = self.submit(self.berthd, "exit 0")
        given = worker.wait_for_job()
        self.assertEqual(given["job_id"], str(job), f"{hard} needs what it is not told")
        self.assertEqual((given["command"], given["args"]), ("sh", ["-c", "exit 0"]))
        self.ok(worker.ack(given))
        self.ok(worker.complete(given))
        self.wait_for_state(self.berthd, job, "COMPLETED")

    def test_a_real_agent_runs_its_jobs(self):
        self.worker(self.berthd, "a1")
        job = self.create("sh", args=["-c", "echo made; exit 0"])
        row = self.wait_for(job, "COMPLETED", "FAILED")
        self.assertEqual((row["status"], row["worker_id"]), ("COMPLETED", "a1"))

    def test_its_worker_runs_a_job_of_the_job_pool(self):
        worker = self.joined()
        answer = self.client.post(
            "/api/jobs/create", command="echo 'a b'", requiredCpu=0.001, requiredRamMb=1
        )
        self.ok(answer)
        self.assertIsNone(worker.next(), "it has said nothing of processors")


class HdcfTimes(OlderTest):
    def test_a_silent_worker_is_offline_and_loses_its_job(self):
        server = self.server("--heartbeat-timeout", "3s")  # to get as far as the ack in
        client = self.http(server)
        worker, other = HdcfWorker(self, server, "w1"), HdcfWorker(self, server, "w2")
        self.ok(worker.register())
        job = self.ok(client.post("/jobs", command="long", max_attempts=3), 201)["job_id"]
        given = worker.wait_for_job()
        self.ok(worker.ack(given))

        def offline():
            rows = self.ok(client.get("/workers"))
            return [r["worker_id"] for r in rows if r["status"] == "OFFLINE"] == ["w1"]

        eventually(offline, "w1 is OFFLINE")
        self.ok(other.register())

        def given_again():
            other.register()
            return other.next()

        self.assertEqual(eventually(given_again, "w2 is given the job")["job_id"], job)
        self.ok(worker.beat())
        self.refused(worker.complete(given), 409)

    def test_beats_that_name_it_keep_a_job_beyond_its_lease(self):
        server = self.server("--job-lease", "1s", "--heartbeat-timeout", "1s")
        client = self.http(server)
        tried = 0

        def kept():
            nonlocal tried
            tried += 1
            worker = HdcfWorker(self, server, f"w{tried}")
            begun = heard = time.monotonic()
            self.ok(worker.register())
            self.ok(client.post("/jobs", command="long"), 201)
            job = worker.wait_for_job()
            said = [worker.ack(job)[0]]
            longest = 0
            while time.monotonic() < begun + 3 and longest < 0.9:
                said.append(worker.beat(job)[0])
                longest = max(longest, time.monotonic() - heard)
                heard = time.monotonic()
                time.sleep(0.02)
            row = self.ok(client.get(f"/jobs/{job['job_id']}"))
            said.append(worker.complete(job)[0])
            # A machine that stood still for a lease has shown nothing.
            if longest >= 0.9 or time.monotonic() - heard >= 0.9:
                return False
            self.assertEqual(set(said), {200})
            self.assertEqual((row["status"], row["attempt_count"]), ("RUNNING", job["attempt_count"]))
            return True

        eventually(kept, "a machine that does not stand still for a second", 4 * DEADLINE_S)

    def test_an_assignment_that_is_not_acked_goes_elsewhere(self):
        server = self.server("--accept-within", "500ms")
        client = self.http(server)
        slow, quick = HdcfWorker(self, server, "w1"), HdcfWorker(self, server, "w2")
        self.ok(slow.register())
        self.ok(client.post("/jobs", command="once"), 201)
        job = slow.wait_for_job()
        self.ok(quick.register())

        def acked():
            again = quick.next()
            return again if again and quick.ack(again)[0] == 200 else None

        # More than once only where there is a pause of half a second before the ack.
        again = eventually(acked, "the job goes to w2")
        self.assertEqual(again["job_id"], job["job_id"])
        self.refused(slow.ack(job), 409)

    def test_a_restart_of_the_server_costs_a_running_job_nothing(self):
        server = self.durable()
        worker = HdcfWorker(self, server)
        self.ok(worker.register())
        self.ok(worker.http.post("/jobs", command="long"), 201)
        job = worker.wait_for_job()
        self.ok(worker.ack(job))
        server.kill()
        server = self.durable()
        worker.http = self.http(server)
        self.refused(worker.beat(job), 403)
        self.ok(worker.register())
        self.ok(worker.beat(job))
        row = self.ok(worker.http.get(f"/jobs/{job['job_id']}"))
        self.assertEqual((row["status"], row["attempt_count"]), ("RUNNING", 1))
        self.ok(worker.complete(job))

    def test_the_token_goes_in_either_header(self):
        token = self.path("token")
        with open(token, "w", encoding="ascii") as file:
            file.write("dev-token\n")
        server = self.server("--token-file", token)
        headers = [
            ("its own header", {"X-API-Token": "dev-token"}, 200),
            ("the usual header", {"Authorization": "Bearer dev-token"}, 200),
            ("no token", {}, 401),
            ("a wrong token", {"X-API-Token": "other"}, 401),
        ]
        for name, given, status in headers:
            with self.subTest(name):
                answer = self.http(server, **given).get("/jobs")
                self.assertEqual(answer, (status, [] if status == 200 else {"error": "unauthorized"}))


if __name__ == "__main__":
    unittest.main()
