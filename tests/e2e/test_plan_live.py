"""`berth plan history`, `show` and `explain`: what a server planned for its jobs."""

import unittest

from harness import EndToEndTest


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
                               (("explain", "4711"), "no plan has job 4711")):
            with self.subTest(command):
                done = self.cli(self.berthd, "plan", *command, check=3)
                self.assertIn(words, done.stderr)

    def test_ids_are_numbers(self):
        for command in (("show", "last"), ("explain", "x"), ("explain",), ("history", "--limit", "many")):
            with self.subTest(command):
                self.cli(self.berthd, "plan", *command, check=2)


if __name__ == "__main__":
    unittest.main()
