"""What a server planned for its jobs, over HTTP: as the command line has it, and held against the OpenAPI document."""

import unittest

from harness import eventually
from http_api import HttpTest, covers


class Plans(HttpTest):
    jobs = 250  # more than a piece of an answer has

    def setUp(self):
        super().setUp()
        self.berthd = self.server()
        self.client = self.api(self.berthd)

    def planned(self):
        """Jobs wait for a worker that is busy for ten minutes; the plan that has the last of them."""
        self.agent(self.berthd, "w1", "--max-tasks", "1", "--stop-tasks-on-exit")
        self.wait_for_status(self.berthd, "w1", "online")
        job = {"command": ["sleep", "600"], "estimate": "10m"}
        given = self.client.call("submitJobs", body=[job] * self.jobs, status=201).json["jobs"]
        last = given[-1]["job_id"]

        def probe():
            page = self.client.request("GET", f"/v1/plans?job={last}")
            return page.json["plans"][0]["plan_id"] if page.status == 200 else None

        return eventually(probe, f"job {last} is planned"), last

    def same_as(self, probe, *command):
        """What `probe` answers is what the command line prints: once nothing happens in between."""
        return eventually(
            lambda: (told := probe()) == self.cli_json(self.berthd, *command) and told,
            f"the answer is that of {command}",
        )

    @covers("listPlans", "getPlan")
    def test_plans_are_what_the_command_line_says_they_are(self):
        plan, last = self.planned()
        api = self.client

        def history():
            page = api.call("listPlans").json
            self.assertIsNone(page.pop("next_cursor"))
            return page

        page = self.same_as(history, "plan", "history")
        ids = [row["plan_id"] for row in page["plans"]]
        self.assertIn(plan, ids)
        self.assertEqual(ids, sorted(ids, reverse=True))
        self.assertGreater(page["planner"]["plans"], 0)

        shown = self.same_as(lambda: api.call("getPlan", id=plan).json, "plan", "show", plan)
        self.assertEqual(shown["planned"], len(shown["jobs"]))
        self.assertGreater(len(shown["jobs"]), 100)
        self.assertEqual(shown["jobs"][-1]["worker_id"], "w1")
        self.same_as(lambda: api.call("getPlan", id="latest").json, "plan", "show")

        explained = self.same_as(
            lambda: api.call("getPlan", id="latest", job=last).json, "plan", "explain", last)
        self.assertEqual([job["job_id"] for job in explained["jobs"]], [last])
        self.same_as(
            lambda: api.call("listPlans", job=last).json["plans"][0], "plan", "explain", last)
        one = api.call("getPlan", id=plan, job=last).json
        self.assertEqual([job["job_id"] for job in one["jobs"]], [last])

        problem = api.refuses("listPlans", "not_found", status=404, job=4711)
        self.assertIn("no job 4711", problem["detail"])
        api.refuses("getPlan", "not_found", status=404, id=4711)
        api.refuses("getPlan", "not_found", status=404, id=plan, job=4711)

    def test_plans_are_paged_newest_first(self):
        self.planned()
        api = self.client

        def probe():
            self.client.call("submitJobs", body=[{"command": ["true"], "estimate": "10m"}] * 100, status=201)
            return len(api.call("listPlans").json["plans"]) > 2

        eventually(probe, "there are some plans")
        ids = [row["plan_id"] for row in api.call("listPlans").json["plans"]]
        first = api.call("listPlans", limit=1, cursor=ids[0]).json
        self.assertEqual([row["plan_id"] for row in first["plans"]], [ids[1]])
        second = api.call("listPlans", limit=1, cursor=first["next_cursor"]).json
        self.assertEqual([row["plan_id"] for row in second["plans"]], [ids[2]])

    def test_a_server_that_has_planned_nothing_says_so(self):
        page = self.client.call("listPlans").json
        self.assertEqual((page["plans"], page["next_cursor"]), ([], None))
        self.assertIn(page["planner"]["state"], ("off", "idle"))
        problem = self.client.refuses("getPlan", "not_found", status=404, id="latest")
        self.assertIn("no plan was made yet", problem["detail"])

    def test_what_is_no_plan_is_refused(self):
        for wrong in ("newest", "0", "-1", "1x", "99999999999999999999"):
            with self.subTest(wrong):
                self.assertIn(wrong, self.client.refuses("getPlan", "bad_request", id=wrong)["detail"])
        self.client.refuses("getPlan", "bad_request", id=1, job=0)
        for wrong in ({"limit": 0}, {"limit": 101}, {"cursor": "x"}, {"job": "x"}, {"job": 0},
                      {"job": 1, "limit": 5}, {"job": 1, "cursor": 5}):
            with self.subTest(wrong):
                self.client.refuses("listPlans", "bad_request", **wrong)


if __name__ == "__main__":
    unittest.main()
