"""Who gets a task, and what is said when nobody can."""

import unittest

from harness import EndToEndTest, eventually


class Placement(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.berthd = self.server()
        self.agent(self.berthd, "w-cpu", "--tags", "cpu", "--label", "zone=a", "--max-tasks", 2)
        self.agent(self.berthd, "w-gpu", "--tags", "gpu,a100", "--label", "zone=b", "--max-tasks", 1)
        self.agent(self.berthd, "w-ssd", "--tags", "cpu,ssd", "--label", "zone=b", "--max-tasks", 2)
        for worker in ("w-cpu", "w-gpu", "w-ssd"):
            self.wait_for_status(self.berthd, worker, "online")

    def place(self, task, *arguments, check=0):
        return self.cli_json(self.berthd, "place", "--task", task, *arguments, check=check)

    def test_tags_choose_the_worker(self):
        cases = [
            ("all of two", ["--tags", "gpu,a100"], "w-gpu"),
            ("one that a single worker has", ["--tags", "ssd"], "w-ssd"),
            ("not the other one with cpu", ["--tags", "cpu", "--not", "ssd"], "w-cpu"),
            ("any of a group", ["--any", "h100|a100"], "w-gpu"),
        ]
        for what, arguments, worker in cases:
            with self.subTest(what):
                answer = self.place(f"task {what}", *arguments)
                self.assertEqual(answer["worker_id"], worker)
                self.assertGreater(answer["expires_in_s"], 0)
                self.cli(self.berthd, "release", "--task", f"task {what}", check=0)

    def test_the_same_task_gets_the_same_answer_while_it_is_held(self):
        first = self.place("same", "--tags", "cpu")
        again = self.place("same", "--tags", "cpu")
        self.assertEqual(first["reservation_id"], again["reservation_id"])
        self.assertEqual(first["worker_id"], again["worker_id"])

    def test_a_full_worker_takes_nothing_until_something_is_released(self):
        self.place("first", "--tags", "gpu")
        refused = self.place("second", "--tags", "gpu", check=7)
        self.assertEqual(refused["explanation"]["eliminated"], {"tag:gpu": 2, "slots": 1})
        self.cli(self.berthd, "release", "--task", "first", check=0)
        self.assertEqual(self.place("second", "--tags", "gpu")["worker_id"], "w-gpu")

    def test_a_hold_ends_by_itself(self):
        self.place("brief", "--tags", "gpu", "--hold", "300ms")
        eventually(
            lambda: self.cli(self.berthd, "place", "--task", "next", "--tags", "gpu").returncode == 0,
            "the hold of 300 ms expires",
        )

    def test_the_explanation_counts_every_worker_once(self):
        cases = [
            ("a tag nobody has", ["--tags", "fpga"], {"tag:fpga": 3}),
            ("two tags that no worker unites", ["--tags", "ssd,gpu"], {"tag:ssd": 2, "tag:gpu": 1}),
            ("more memory than anybody has", ["--memory", "900TiB"], {"memory": 3}),
            ("a device where there is none", ["--gpus", "1"], {"gpu": 3}),
        ]
        for what, arguments, eliminated in cases:
            with self.subTest(what):
                answer = self.place(f"task {what}", *arguments, check=7)
                self.assertEqual(answer["explanation"]["eliminated"], eliminated)
                self.assertIn("error", answer)

    def test_the_least_loaded_worker_comes_first(self):
        took = [self.place(f"t{i}", "--tags", "cpu")["worker_id"] for i in range(4)]
        self.assertEqual(sorted(took), ["w-cpu", "w-cpu", "w-ssd", "w-ssd"])
        self.assertNotEqual(took[0], took[1])

    def test_wrong_use_is_told_from_an_unreachable_server(self):
        cases = [
            ("no task", ["place"], 2),
            ("an unknown flag", ["place", "--task", "x", "--colour", "red"], 2),
            ("an unknown command", ["dance"], 2),
            ("a duration without a unit that makes sense", ["place", "--task", "x", "--hold", "soon"], 2),
            ("a worker that is not there", ["worker", "show", "nobody"], 3),
        ]
        for what, arguments, code in cases:
            with self.subTest(what):
                run = self.cli(self.berthd, *arguments, check=code)
                self.assertEqual(run.stdout, "")
                self.assertNotEqual(run.stderr, "")
        self.cli("127.0.0.1:1", "worker", "list", check=5)


if __name__ == "__main__":
    unittest.main()
