"""What happens to a worker: operators take it out, its agent dies, comes back, or leaves."""

import signal
import unittest

from harness import EndToEndTest, eventually, terminate_and_time


class Operators(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.berthd = self.server()
        self.agent(self.berthd, "w1", "--tags", "cpu", "--max-tasks", 4)
        self.wait_for_status(self.berthd, "w1", "online")

    def place(self, task, check):
        return self.cli_json(self.berthd, "place", "--task", task, "--tags", "cpu", check=check)

    def test_a_drained_worker_gets_nothing_until_it_is_undrained(self):
        for action, token in (("drain", "draining"), ("cordon", "cordoned")):
            with self.subTest(action):
                self.cli(self.berthd, "worker", action, "w1", "--reason", "new disk", check=0)
                shown = self.cli_json(self.berthd, "worker", "show", "w1")
                self.assertTrue(shown[token])
                self.assertEqual(shown["reason"], "new disk")
                refused = self.place("t", check=7)
                self.assertEqual(refused["explanation"]["eliminated"], {token: 1})
                self.cli(self.berthd, "worker", "undrain", "w1", check=0)
                self.place("t", check=0)
                self.cli(self.berthd, "release", "--task", "t", check=0)

    def test_a_drain_survives_the_heartbeats_that_follow(self):
        self.cli(self.berthd, "worker", "drain", "w1", check=0)
        log = self.processes[1]
        eventually(lambda: "drain" in log.log(), "the agent is told to drain")
        self.assertTrue(self.cli_json(self.berthd, "worker", "show", "w1")["draining"])

    def test_a_forgotten_worker_that_beats_again_registers_again(self):
        self.cli(self.berthd, "worker", "forget", "w1", check=0)
        self.wait_for_status(self.berthd, "w1", "online")
        self.cli(self.berthd, "worker", "forget", "nobody", check=3)


class Ages(EndToEndTest):
    def test_a_killed_agent_is_suspected_then_offline_and_one_beat_brings_it_back(self):
        berthd = self.server("--suspicious-after", "1s", "--offline-after", "2s")
        agent = self.agent(berthd, "w1", "--tags", "cpu")
        self.wait_for_status(berthd, "w1", "online")
        agent.kill()
        self.wait_for_status(berthd, "w1", "suspicious")
        self.assertEqual(
            self.cli_json(berthd, "place", "--task", "t", "--tags", "cpu")["worker_id"],
            "w1",
            "a suspicious worker is better than none",
        )
        self.wait_for_status(berthd, "w1", "offline")
        refused = self.cli_json(berthd, "place", "--task", "u", "--tags", "cpu", check=7)
        self.assertEqual(refused["explanation"]["eliminated"], {"offline": 1})
        self.agent(berthd, "w1", "--tags", "cpu")
        self.wait_for_status(berthd, "w1", "online")

    def test_an_agent_that_is_told_to_stop_is_offline_at_once(self):
        berthd = self.server("--suspicious-after", "5m", "--offline-after", "10m")
        agent = self.agent(berthd, "w1")
        self.wait_for_status(berthd, "w1", "online")
        code, seconds = terminate_and_time(agent)
        self.assertEqual(code, 0)
        self.assertLess(seconds, 5)
        self.wait_for_status(berthd, "w1", "offline")

    def test_a_stopped_agent_comes_back_when_it_continues(self):
        berthd = self.server("--suspicious-after", "1s", "--offline-after", "2s")
        agent = self.agent(berthd, "w1")
        self.wait_for_status(berthd, "w1", "online")
        agent.signal(signal.SIGSTOP)
        self.wait_for_status(berthd, "w1", "offline")
        agent.signal(signal.SIGCONT)
        self.wait_for_status(berthd, "w1", "online")

    def test_of_two_agents_with_one_id_the_older_ends(self):
        berthd = self.server()
        older = self.agent(berthd, "twin", "--state-dir", self.path("older"))
        self.wait_for_status(berthd, "twin", "online")
        newer = self.agent(berthd, "twin", "--state-dir", self.path("newer"))
        self.assertEqual(older.wait(), 6, older.log())
        self.wait_for_status(berthd, "twin", "online")
        self.assertTrue(newer.running())

    def test_one_state_directory_serves_one_agent(self):
        berthd = self.server()
        self.agent(berthd, "twin")
        self.wait_for_status(berthd, "twin", "online")
        second = self.agent(berthd, "twin")
        self.assertEqual(second.wait(), 2)
        self.assertIn("--state-dir", second.log())

    def test_an_agent_beats_to_every_server_it_names(self):
        first, second = self.server(), self.server()
        self.agent(f"{first.wire},{second.wire}", "w1")
        self.wait_for_status(first, "w1", "online")
        self.wait_for_status(second, "w1", "online")


if __name__ == "__main__":
    unittest.main()
