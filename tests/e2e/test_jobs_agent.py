"""Jobs on real agents: what survives the end of an agent or a server, and what must not."""

import os
import signal
import unittest

from harness import eventually
from jobs import ENDED, JobsTest


class JobsOnAgents(JobsTest):
    # ---- The agent ends

    def test_a_task_outlives_an_agent_that_is_killed(self):
        server = self.durable()
        agent = self.worker(server)
        job = self.run_one(server, "a")
        agent.kill()
        self.worker(server)
        self.expect_one_attempt(server, job, "a")

    def test_what_ended_while_there_was_no_agent_is_reported_by_the_next(self):
        server = self.durable()
        agent = self.worker(server)
        job = self.run_one(server, "a")
        agent.kill()
        self.release("a")
        (task,) = self.runs("a")
        eventually(lambda: not os.path.exists(f"/proc/{task}"), "the task has ended")
        self.worker(server)
        self.expect_one_attempt(server, job, "a")

    def test_a_task_outlives_an_agent_that_is_told_to_stop(self):
        server = self.durable()
        agent = self.worker(server)
        job = self.run_one(server, "a")
        agent.signal(signal.SIGTERM)
        self.assertEqual(agent.wait(), 0)
        self.assertIn("1 tasks go on under their supervisors", agent.log())
        self.worker(server)
        self.expect_one_attempt(server, job, "a")

    def test_on_request_its_tasks_end_first_and_are_tried_again(self):
        server = self.durable()
        agent = self.worker(server, "w1", "--stop-tasks-on-exit")
        job = self.run_one(server, "a", "--attempts", "2", "--retry-base", "1ms")
        agent.signal(signal.SIGTERM)
        self.assertEqual(agent.wait(), 0)
        (task,) = self.runs("a")
        self.assertFalse(os.path.exists(f"/proc/{task}"))
        self.release("a")
        self.worker(server, "w2", state="other")
        shown = self.wait_for_state(server, job, *ENDED)
        self.assertEqual(shown["state"], "COMPLETED", shown)
        self.assertEqual([a["worker_id"] for a in shown["attempts"]], ["w1", "w2"])
        self.assertEqual(shown["attempts"][0]["error"]["class"], "lost")

    # ---- The server ends

    def test_a_task_goes_on_while_the_server_is_killed_and_started_again(self):
        server = self.durable()
        self.worker(server)
        job = self.run_one(server, "a")
        ended = self.run_one(server, "b")
        server.kill()
        self.release("b")  # ends while there is no server
        server = self.durable(listen=server.wire)
        self.wait_for_status(server, "w1", "online")
        self.expect_one_attempt(server, ended, "b")
        self.assertEqual(self.job(server, job)["state"], "RUNNING")
        self.expect_one_attempt(server, job, "a")

    def test_a_broken_pipe_ends_no_agent_and_a_task_that_has_one(self):
        # An agent that stood still says all that is overdue before it sees that its server is gone:
        # the second write to a connection that its peer has left raises the signal.
        server = self.durable()
        agent = self.worker(server)
        agent.signal(signal.SIGPIPE)
        job = self.submit(server, "kill -PIPE $$; sleep 60")
        shown = self.wait_for_state(server, job, "FAILED")
        self.assertEqual(shown["last_error"]["class"], "signal", shown)
        self.assertTrue(agent.running())

    def test_a_server_that_forgot_everything_has_its_tasks_stopped(self):
        server = self.server("--store", "memory")
        self.worker(server)
        self.run_one(server, "a")
        (task,) = self.runs("a")
        server.kill()
        server = self.server("--store", "memory", listen=server.wire)
        eventually(lambda: not os.path.exists(f"/proc/{task}"), "the stale task is stopped")

    # ---- Stopping, draining

    def test_a_task_that_ignores_term_is_killed_after_its_grace(self):
        server = self.durable()
        self.worker(server)
        job = self.submit(server, "trap '' TERM; " + self.waiting("a"), "--kill-grace", "200ms")
        (task,) = eventually(lambda: self.runs("a"), "the task has begun")
        self.cli(server, "job", "abort", job, "--reason", "test", check=0)
        self.wait_for_state(server, job, "ABORTED")
        eventually(lambda: not os.path.exists(f"/proc/{task}"), "the task is killed")

    def test_a_draining_worker_ends_what_it_has_and_gets_nothing_new(self):
        server = self.durable()
        agent = self.worker(server)
        job = self.run_one(server, "a")
        self.cli(server, "worker", "drain", "w1", "--reason", "test", check=0)
        eventually(lambda: "draining" in agent.log(), "the agent knows")
        later = self.submit(server, "true")
        self.expect_one_attempt(server, job, "a")
        self.assertEqual(self.job(server, later)["state"], "PENDING")
        self.cli(server, "worker", "undrain", "w1", check=0)
        self.wait_for_state(server, later, "COMPLETED")

    # The agent hears of it with its next heartbeat: until then it refused what it was given.
    def test_an_undrained_worker_takes_jobs_at_once(self):
        server = self.durable()
        agent = self.worker(server)
        first = self.submit(server, "true")
        self.wait_for_state(server, first, "COMPLETED")
        self.cli(server, "worker", "drain", "w1", check=0)
        eventually(lambda: "draining" in agent.log(), "the agent knows")
        agent.signal(signal.SIGSTOP)  # whatever it does next, it has not heard of the end
        self.cli(server, "worker", "undrain", "w1", check=0)
        later = self.submit(server, "true")
        self.wait_for_state(server, later, "ASSIGNED")
        agent.signal(signal.SIGCONT)
        self.wait_for_state(server, later, "COMPLETED")
        epochs = [
            int(self.job(server, job)["assignment_id"].split(".")[2]) for job in (first, later)
        ]
        self.assertEqual(epochs[1], epochs[0] + 1, "it was assigned once")

    # ---- Two agents with one id

    def test_jobs_stay_with_the_agent_whose_nonce_the_server_knows(self):
        server = self.durable()
        first = self.worker(server)
        self.wait_for_state(server, self.submit(server, "true"), "COMPLETED")
        second = self.agent(server, "w1", "--state-dir", self.path("other"))
        self.assertEqual(first.wait(), 6)
        eventually(lambda: "gives this worker no jobs" in second.log(), "the second is told so")
        job = self.submit(server, "echo ran > " + self.path("ran"))
        self.assertEqual(self.job(server, job)["state"], "PENDING")
        second.signal(signal.SIGTERM)
        self.assertEqual(second.wait(), 0)
        self.worker(server)
        self.wait_for_state(server, job, "COMPLETED")


if __name__ == "__main__":
    unittest.main()
