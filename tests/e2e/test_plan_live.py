"""`berth plan history`, `show` and `explain`: what a server planned for its jobs."""

import json
import signal
import unittest

from harness import EndToEndTest, eventually


class PlanLive(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.berthd = self.server()

    def test_a_server_that_has_planned_nothing_says_so(self):
        told = self.cli_json(self.berthd, "plan", "history")
        self.assertEqual(told["plans"], [])
        self.assertIn(told["planner"]["state"], ("off", "idle", "working", "bypassed"))
        text = self.cli(self.berthd, "plan", "history", check=0).stdout
        self.assertIn("no plan was made yet", text)
        for command, words in ((("show",), "no plan was made yet"), (("show", "17"), "no plan 17"),
                               (("explain", "4711"), "no job 4711: it was never given, or ended too long ago")):
            with self.subTest(command):
                done = self.cli(self.berthd, "plan", *command, check=3)
                self.assertIn(words, done.stderr)

    def test_jobs_that_wait_are_planned_and_explained(self):
        agent = self.agent(self.berthd, "w1", "--max-tasks", "1", "--stop-tasks-on-exit")
        self.wait_for_status(self.berthd, "w1", "online")
        for _ in range(6):
            self.cli(self.berthd, "job", "submit", "--estimate", "10m", "--", "sleep", "600", check=0)
        last = self.cli_json(self.berthd, "job", "list")["jobs"][0]["job_id"]
        explained = eventually(lambda: self.explained(last), f"job {last} is planned")
        job, = explained["jobs"]
        self.assertEqual((job["job_id"], job["worker_id"], job["state"]), (last, "w1", "waiting"))
        self.assertIn("w1 has room for it", job["why"])
        shown = self.cli_json(self.berthd, "plan", "show", explained["plan_id"])
        self.assertIn(last, [one["job_id"] for one in shown["jobs"]])
        self.assertEqual(shown["planned"], len(shown["jobs"]))
        ids = [plan["plan_id"] for plan in self.cli_json(self.berthd, "plan", "history")["plans"]]
        self.assertIn(explained["plan_id"], ids)
        self.assertEqual(ids, sorted(ids, reverse=True))
        for job in (last, "last"):
            text = self.cli(self.berthd, "plan", "explain", job, check=0).stdout
            self.assertIn(f"job {last} in plan ", text)
            self.assertIn("w1 has room for it", text)
        newest = self.cli(self.berthd, "plan", "show", "last", check=0).stdout
        self.assertRegex(newest, r"^plan \d+, applied, made ")
        agent.signal(signal.SIGTERM)  # a killed one would leave its task behind for ten minutes
        self.assertEqual(agent.wait(), 0)

    def explained(self, job):
        done = self.cli(self.berthd, "plan", "explain", job, "--json")
        return json.loads(done.stdout) if done.returncode == 0 else None

    def test_what_is_no_plan_and_no_job_is_told(self):
        for command, code, words in (
            (("show", "x"), 2, "'x' is not a whole number"),
            (("explain",), 2, "jobs is required"),
            (("explain", "20-10"), 2, "'20-10' is no job"),
            (("explain", "1-2"), 2, "'1-2' is more than one job"),
            (("explain", "x"), 3, "no job is named 'x'"),
            (("history", "--limit", "many"), 2, "--limit"),
        ):
            with self.subTest(command):
                done = self.cli(self.berthd, "plan", *command, check=code)
                self.assertIn(words, done.stderr)


if __name__ == "__main__":
    unittest.main()
