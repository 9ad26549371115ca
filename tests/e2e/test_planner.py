"""The planner at work in a real server: what it promises, and that nobody loses by it."""

import time
import unittest
from datetime import datetime

from harness import eventually
from http_api import HttpApi
from jobs import JobsTest


class Planner(JobsTest):
    def start(self, *arguments):
        self.berthd = self.durable("--plan-period", "100ms", *arguments)
        self.worker(self.berthd, "w1", "--max-tasks", "4")
        self.asking = self.peer(self.berthd)

    def planned(self, job):
        """What the newest plan says of this job."""

        def probe():
            said = self.asking.ask("GetPlan", job=int(job))
            return said["jobs"][0] if said["kind"] == "PlanDetails" else None

        return eventually(probe, f"job {job} is in a plan")

    def expect_planned_start(self, job, near_ms):
        """Everybody is told the start that the planner means, and that it is the planner who says so."""
        api = HttpApi(self, self.berthd)
        for said in (self.job(self.berthd, job), self.cli_json(self.berthd, "job", "explain", job),
                     api.request("GET", f"/v1/jobs/{job}").json,
                     api.request("GET", f"/v1/jobs/{job}/explain").json,
                     self.cli_json(self.berthd, "job", "list")["jobs"][0]):
            start = said["estimated_start"]
            self.assertTrue(start["planned"], said)
            at_ms = datetime.fromisoformat(start["at"].replace("Z", "+00:00")).timestamp() * 1000
            # Each plan anew, as what is expected of the job that runs changes.
            self.assertLess(abs(at_ms - near_ms), 30_000, (said, near_ms))
            self.assertLessEqual(start["earliest"], start["at"])
            self.assertLessEqual(start["at"], start["latest"])
        text = self.cli(self.berthd, "job", "explain", job, check=0).stdout
        self.assertRegex(text, r"it is expected to start in \S+ \(\S+ to \S+, as planned\)")

    def submit_slots(self, script, slots, estimate):
        return self.submit(self.berthd, script, "--slots", str(slots), "--estimate", estimate)

    def test_a_big_job_gets_its_slots_and_short_ones_use_the_time_until_then(self):
        self.start()
        self.run_one(self.berthd, "long", "--slots", "2", "--estimate", "60s")
        big = self.submit_slots("true", 4, "10s")
        said = self.planned(big)
        self.assertEqual(said["worker"], "w1", said)
        self.assertGreater(said["start_at_ms"], (time.time() + 20) * 1000, said)
        self.expect_planned_start(big, said["start_at_ms"])
        # It would hold two of the four slots long after the big one could have begun.
        rival = self.submit_slots("true", 2, "10m")
        short = self.submit_slots("true", 1, "2s")
        self.wait_for_state(self.berthd, short, "COMPLETED")
        self.assertEqual(self.job(self.berthd, rival)["state"], "PENDING")
        self.release("long")
        ended = self.wait_for_state(self.berthd, big, "COMPLETED")
        other = self.wait_for_state(self.berthd, rival, "COMPLETED")
        self.assertLessEqual(ended["started_at"], other["started_at"])
        page = self.asking.ask("ListPlans")
        self.assertEqual(page["fallbacks"], 0, page)
        self.assertTrue(any(plan["outcome"] == 0 for plan in page["rows"]), page)
        for plan in page["rows"]:
            self.assertLessEqual(plan["bound"], plan["cost"] + 1e-9, plan)

    def test_without_it_greedy_gives_the_slots_to_whoever_fits(self):
        self.start("--planner=false")
        self.run_one(self.berthd, "long", "--slots", "2", "--estimate", "60s")
        big = self.submit_slots("true", 4, "10s")
        rival = self.submit_slots("true", 2, "10m")
        self.wait_for_state(self.berthd, rival, "COMPLETED")
        self.assertEqual(self.job(self.berthd, big)["state"], "PENDING")
        page = self.asking.ask("ListPlans")
        self.assertEqual((page["rows"], page["state"]), ([], 0), page)
        self.release("long")
        self.wait_for_state(self.berthd, big, "COMPLETED")


if __name__ == "__main__":
    unittest.main()
