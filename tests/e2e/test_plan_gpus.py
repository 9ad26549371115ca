"""GPUs of durable jobs on a real agent: planned device by device, and given to the tasks like that."""

import json
import os
import unittest

from harness import BIN, eventually
from jobs import JobsTest

# Stands in for NVIDIA's library: no machine that tests run on has four GPUs to spare.
STUB = os.environ.get("BERTH_NVML_STUB", os.path.join(BIN, "..", "tests", "agent", "stub"))


class PlanGpus(JobsTest):
    def setUp(self):
        super().setUp()
        self.berthd = self.server("--plan-period", "200ms")
        environment = {"LD_LIBRARY_PATH": STUB, "BERTH_TEST_GPUS": ";".join(["Tesla T4"] * 4)}
        self.agent(self.berthd, "w1", "--state-dir", self.path("state"), "--max-tasks", "16",
                   "--stop-tasks-on-exit", env=environment)
        self.wait_for_status(self.berthd, "w1", "online")

    def submit_gpus(self, name, gpus, estimate):
        """A job that says which devices it sees, and runs until it is released."""
        script = f"echo $CUDA_VISIBLE_DEVICES > {self.path(name)}.gpus; {self.waiting(name)}"
        option = "--gpu" if "." in gpus else "--gpus"
        return self.submit(self.berthd, script, option, gpus, "--estimate", estimate)

    def seen(self, name):
        """The devices that the task of this name was given."""
        eventually(lambda: self.runs(name), f"{name} has begun")
        with open(self.path(name + ".gpus"), encoding="ascii") as file:
            return [int(device) for device in file.read().split(",")]

    def planned(self, job):
        done = self.cli(self.berthd, "plan", "explain", job, "--json")
        if done.returncode != 0:
            return None
        start, = json.loads(done.stdout)["jobs"]
        return start if start["state"] == "waiting" else None

    def test_whole_ones_and_fractions_start_on_the_devices_that_they_were_planned_on(self):
        for name, gpus, estimate, expected in (
            ("half", "0.5", "1h", [0]),
            ("other half", "0.5", "1h", [0]),
            ("short", "1", "10m", [1]),
            ("long", "1", "1h", [2]),
        ):
            with self.subTest(name):
                self.submit_gpus(name.replace(" ", "_"), gpus, estimate)
                self.assertEqual(self.seen(name.replace(" ", "_")), expected)
        pair = self.submit_gpus("pair", "2", "10m")
        start = eventually(lambda: self.planned(pair), "the pair is planned")
        self.assertEqual((start["worker_id"], start["gpus"]), ("w1", [1, 3]))

        # One that would be on GPU 3 for an hour waits; so the pair has it when the short one ends.
        late = self.submit_gpus("late", "0.5", "1h")
        start = eventually(lambda: self.planned(late), "the fraction is planned, too")
        self.assertEqual(len(start["gpus"]), 1)
        told = self.cli_json(self.berthd, "plan", "what-if", "--budget", "200ms", "--add", "1:like=w1")
        before = {job["job_id"]: job["before"] for job in told["jobs"]}
        self.assertEqual(before[pair]["gpus"], [1, 3])

        self.release("short")
        self.assertEqual(self.seen("pair"), [1, 3])
        self.assertEqual(self.runs("late"), [])
        self.release("pair")
        self.assertIn(self.seen("late"), ([1], [3]))
        for name in ("half", "other_half", "long", "late"):
            self.release(name)


if __name__ == "__main__":
    unittest.main()
