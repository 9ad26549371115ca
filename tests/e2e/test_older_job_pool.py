"""The phase-3 job pool: the story of its workers and clients, told to berthd."""

import shlex
import time
import unittest

from harness import eventually
from older import OlderTest, covered

covered(
    __name__,
    "poolRegister",
    "poolHeartbeat",
    "poolWorkers",
    "poolCreateJob",
    "poolGetJob",
    "poolJobStatus",
    "poolSubmitResult",
    "poolSubmitFailure",
    "poolCancelJob",
    "poolCheckCancel",
)


class PoolWorker:
    """What the original's worker says, step by step."""

    def __init__(self, test, server, name="w1", cpus=4, ram=8192):
        self.test, self.name, self.cpus, self.ram = test, name, cpus, ram
        self.http = test.http(server)

    def register(self):
        return self.http.post(
            "/api/workers/register",
            workerId=self.name,
            hostname="pc-1",
            os="linux",
            cpuCount=self.cpus,
            cpuUsage=12.5,
            ramTotalMb=self.ram,
            ramFreeMb=self.ram // 2,
            osType="Linux",
            version="2.0.0-docker",
            status="IDLE",
        )

    def beat(self, jobs=None, **changes):
        body = {
            "workerId": self.name,
            "cpuUsage": 25.5,
            "ramFreeMb": 1024,
            "ramTotalMb": self.ram,
            "status": "BUSY" if jobs else "IDLE",
            "dockerContainers": 0,
            **({} if jobs is None else {"currentJobIds": jobs}),
        }
        return self.http.post("/api/workers/heartbeat", **{**body, **changes})

    def next(self):
        status, answer = self.http.get("/api/jobs/get-job", workerId=self.name)
        self.test.assertIn(status, (200, 202), answer)
        self.test.assertEqual(answer["success"], status == 200)
        return answer["job"]

    def wait_for_job(self):
        return eventually(self.next, f"{self.name} is given a job")

    def submit(self, job, code=0, out="", err=""):
        return self.http.post(
            "/api/jobs/submit-result",
            jobId=job["jobId"],
            workerId=self.name,
            stdout=out,
            stderr=err,
            exitCode=code,
        )

    def fail(self, job, why="Docker is not available"):
        body = {"jobId": job["jobId"], "workerId": self.name, "errorMessage": why}
        return self.http.ask("PUT", "/api/jobs/submit-result", body)


class PoolClients(OlderTest):
    def setUp(self):
        super().setUp()
        self.serve()

    def serve(self, *arguments):
        self.berthd = self.server(*arguments)
        self.client = self.http(self.berthd)

    def joined(self, name="w1", **rest):
        worker = PoolWorker(self, self.berthd, name, **rest)
        self.assertTrue(self.ok(worker.register())["success"])
        return worker

    def create(self, command="npm test", **rest):
        answer = self.ok(self.client.post("/api/jobs/create", command=command, **rest))
        self.assertTrue(answer["success"])
        return answer["jobId"]

    def status(self, job):
        return self.ok(self.client.get("/api/jobs/status", jobId=job))

    def wait_for(self, job, *states):
        def probe():
            shown = self.status(job)
            return shown if shown["status"] in states else None

        return eventually(probe, f"job {job} is {states}")

    def rows(self):
        answer = self.ok(self.client.get("/api/workers/list"))
        self.assertEqual(answer["totalWorkers"], len(answer["workers"]))
        return {row["workerId"]: row for row in answer["workers"]}

    def test_a_job_from_its_creation_to_its_output(self):
        worker = self.joined()
        asked = {
            "command": "npm install\nnpm test",
            "fileUrl": "/uploads/p.zip",
            "filename": "p.zip",
            "timeoutMs": 60000,
        }
        job = self.create(**asked, requiredCpu=2, requiredRamMb=1024, maxRetries=1)
        given = worker.wait_for_job()
        self.assertEqual(given, {"jobId": job, **asked})
        shown = self.status(job)
        self.assertEqual((shown["status"], shown["assignedAgentId"]), ("RUNNING", "w1"))
        self.assertEqual((shown["requiredCpu"], shown["requiredRamMb"]), (2, 1024))
        self.assertIsNone(shown["exitCode"])
        self.assertIsNone(shown["completedAt"])
        row = self.rows()["w1"]
        self.assertEqual((row["status"], row["currentJobIds"]), ("BUSY", [job]))
        self.assertEqual((row["reservedCpu"], row["reservedRamMb"]), (2, 1024))
        self.ok(worker.submit(given, out="all well\n", err="a warning\n"))
        shown = self.status(job)
        self.assertEqual((shown["status"], shown["exitCode"]), ("COMPLETED", 0))
        self.assertEqual((shown["stdout"], shown["stderr"]), ("all well\n", "a warning\n"))
        self.assertEqual((shown["attempts"], shown["maxRetries"]), (1, 1))
        self.assertGreaterEqual(shown["completedAt"], shown["startedAt"])
        row = self.rows()["w1"]
        self.assertEqual((row["status"], row["currentJobIds"]), ("IDLE", []))
        self.assertEqual((row["reservedCpu"], row["reservedRamMb"]), (0, 0))
        self.assertIsNone(row["cooldownUntil"])

    def test_a_command_that_ends_badly_has_been_run_all_the_same(self):
        worker = self.joined()
        job = self.create(maxRetries=3)
        self.ok(worker.submit(worker.wait_for_job(), code=7, err="no"))
        shown = self.status(job)
        self.assertEqual((shown["status"], shown["exitCode"]), ("COMPLETED", 7))
        self.ok(worker.submit({"jobId": job}, code=7))

    def test_a_worker_is_given_what_fits_its_processors_and_memory(self):
        worker = self.joined(cpus=4, ram=4096)
        first = self.create(requiredCpu=3, requiredRamMb=512)
        second = self.create(requiredCpu=2, requiredRamMb=512)
        third = self.create(requiredCpu=1, requiredRamMb=9999)
        given = worker.wait_for_job()
        self.assertEqual(given["jobId"], first)
        self.assertIsNone(worker.next(), "one processor is left")
        self.ok(worker.submit(given))
        self.assertEqual(worker.wait_for_job()["jobId"], second)
        self.assertEqual(self.status(third)["status"], "QUEUED")
        self.ok(worker.beat(ramTotalMb=16384))
        self.assertEqual(self.rows()["w1"]["ramTotalMb"], 16384)
        self.assertEqual(worker.wait_for_job()["jobId"], third)

    def test_a_worker_that_fails_is_left_alone_and_the_job_tried_again(self):
        self.serve("--cooldown-base", "30s")
        worker, other = self.joined("w1"), self.joined("w2")
        job = self.create(maxRetries=1)
        given = worker.wait_for_job()
        before = time.time() * 1000
        self.ok(worker.fail(given))
        row = eventually(
            lambda: [r for r in self.rows().values() if r["cooldownUntil"] and r["workerId"] == "w1"],
            "w1 cools",
        )[0]
        self.assertEqual(row["status"], "UNHEALTHY")
        self.assertGreater(row["cooldownUntil"], before + 20_000)
        self.assertEqual(other.wait_for_job()["jobId"], job)
        self.refused(worker.submit(given), 403, "not assigned")
        self.ok(other.fail({"jobId": job}, "no disk"))
        shown = self.wait_for(job, "FAILED")
        self.assertEqual((shown["errorMessage"], shown["attempts"]), ("no disk", 2))

    def test_a_worker_that_is_not_well_gets_nothing_until_it_is(self):
        worker = self.joined()
        self.ok(worker.beat(status="UNHEALTHY"))
        self.assertEqual(self.rows()["w1"]["status"], "UNHEALTHY")
        self.create()
        self.assertIsNone(worker.next())
        self.ok(worker.beat(status="IDLE"))
        worker.wait_for_job()

    def test_a_worker_whose_processors_are_busy_gets_nothing_and_others_do(self):
        busy, idle = self.joined("busy"), self.joined("idle")
        self.ok(busy.beat(cpuUsage=90.5))
        job = self.create()
        self.assertIsNone(busy.next(), "over 90 %")
        self.assertEqual(idle.wait_for_job()["jobId"], job)
        later = self.create(requiredCpu=1)
        self.ok(busy.beat(cpuUsage=90))
        self.assertEqual(busy.wait_for_job()["jobId"], later)

    def test_a_job_is_cancelled_before_and_while_it_runs(self):
        worker = self.joined()
        job = self.create()
        self.ok(self.client.post("/api/jobs/cancel", jobId=job))
        shown = self.status(job)
        self.assertEqual((shown["status"], shown["cancelRequested"]), ("FAILED", True))
        self.assertEqual(shown["errorMessage"], "Job cancelled by user")
        running = self.create()
        given = worker.wait_for_job()

        def unwanted():
            answer = self.ok(self.client.get("/api/jobs/check-cancel", jobId=running))
            return answer["cancelRequested"]

        self.assertFalse(unwanted())
        answer = self.ok(self.client.post("/api/jobs/cancel", jobId=running))
        self.assertIn("requested", answer["message"])
        self.assertTrue(unwanted())
        eventually(
            lambda: running in self.ok(worker.beat([running]))["cancelJobIds"], "w1 is told"
        )
        self.ok(worker.fail(given, "cancelled"))
        self.assertEqual(self.rows()["w1"]["currentJobIds"], [])

    def test_beats_renew_the_leases_of_jobs_that_they_name_or_of_all_when_they_name_none(self):
        worker = self.joined()
        jobs = [self.create(requiredCpu=1), self.create(requiredCpu=1)]
        self.assertEqual([worker.wait_for_job()["jobId"] for _ in jobs], jobs)

        def expires(job):
            return self.job(self.berthd, job)["assignment_expires_at"]

        before = [expires(job) for job in jobs]

        def renewed(named, job, than):
            self.ok(worker.beat(named))
            return expires(job) > than

        eventually(lambda: renewed([jobs[0]], jobs[0], before[0]), "it is renewed")
        eventually(lambda: renewed(None, jobs[1], before[1]), "a beat without a list names all")
        for job in jobs:
            self.assertEqual(self.status(job)["status"], "RUNNING")

    def test_what_is_wrong_is_said_in_its_form(self):
        worker = self.joined()
        job = self.create()
        stranger = PoolWorker(self, self.berthd, "w9")
        get, post = self.client.get, self.client.post
        create, poll, status = "/api/jobs/create", "/api/jobs/get-job", "/api/jobs/status"
        cases = [
            ("no command", post(create), 400, "command"),
            ("no JSON", self.client.ask("POST", create, raw=b"nope"), 400, ""),
            ("less than nothing", post(create, command="x", requiredCpu=-1), 400, ""),
            ("no worker", post("/api/workers/register", hostname="x"), 400, "required"),
            ("no host", post("/api/workers/register", workerId="x"), 400, "required"),
            ("a beat of nobody", stranger.beat(), 404, "Worker not found"),
            ("a poll of nobody", get(poll, workerId="w9"), 404, "Worker not found"),
            ("a poll without a name", get(poll), 400, "workerId is required"),
            ("no such job", get(status, jobId="job-1-abc"), 404, "Job not found"),
            ("no job", get(status), 400, "jobId is required"),
            ("a result of no job", worker.submit({"jobId": "77777"}), 404, "Job not found"),
            ("a result too early", worker.submit({"jobId": job}), 403, "not assigned"),
            ("a result without ids", post("/api/jobs/submit-result"), 400, "required"),
            ("nothing to cancel", post("/api/jobs/cancel"), 400, "Missing jobId"),
            ("a stranger to cancel", post("/api/jobs/cancel", jobId="9999"), 404, "not found"),
            ("a wrong method", self.client.ask("DELETE", create), 405, ""),
            ("a wrong path", get("/api/jobs/nothing"), 404, ""),
        ]
        for name, answer, status, part in cases:
            with self.subTest(name):
                self.refused(answer, status, part)
                self.assertFalse(answer[1]["success"])

    # ---- Across APIs

    def test_a_real_agent_runs_its_jobs_unless_they_bring_an_archive(self):
        self.worker(self.berthd, "a1")
        archived = self.create("true", fileUrl="/uploads/p.zip", filename="p.zip", requiredRamMb=1)
        job = self.create("echo made of 'two words'; exit 0", requiredCpu=0.1, requiredRamMb=1)
        shown = self.wait_for(job, "COMPLETED", "FAILED")
        self.assertEqual((shown["status"], shown["assignedAgentId"]), ("COMPLETED", "a1"))
        eventually(
            lambda: self.status(job)["stdout"] == "made of two words\n", "its output is read"
        )
        self.assertEqual(self.status(archived)["status"], "QUEUED")

    def test_its_worker_runs_jobs_that_came_another_way(self):
        worker = self.joined()
        job = self.submit(self.berthd, "echo 'a  b'")
        given = worker.wait_for_job()
        self.assertEqual(shlex.split(given["command"]), ["sh", "-c", "echo 'a  b'"])
        self.ok(worker.submit(given, out="a  b\n"))
        self.wait_for_state(self.berthd, job, "COMPLETED")
        self.assertEqual(self.cli(self.berthd, "job", "logs", job).stdout, "a  b\n")
        self.ok(self.client.post("/jobs", command="ls", args=["-l", "/tmp"]), 201)
        self.assertEqual(worker.wait_for_job()["command"], "ls -l /tmp")


if __name__ == "__main__":
    unittest.main()
