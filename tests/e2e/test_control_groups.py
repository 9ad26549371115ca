"""Control groups of version 2, as systemd and an agent share them. Needs root and no version 1."""

import os
import time
import unittest

from harness import eventually
from jobs import ENDED, JobsTest

ROOT = "/sys/fs/cgroup"


def missing():
    """Why it cannot be tried here, or nothing."""
    try:
        with open(f"{ROOT}/cgroup.subtree_control", encoding="ascii") as file:
            handed_down = file.read().split()
    except OSError:
        return f"no control groups of version 2 at {ROOT}"
    if not {"cpu", "memory", "pids"} <= set(handed_down):
        return f"{ROOT} does not hand down cpu, memory and pids"
    return "" if os.access(f"{ROOT}/cgroup.subtree_control", os.W_OK) else "not root"


@unittest.skipIf(missing(), missing())
class ControlGroups(JobsTest):
    def setUp(self):
        super().setUp()
        self.slice = f"/berth-test-{os.getpid()}"
        for group in ("", "/agent", "/tasks"):
            os.mkdir(ROOT + self.slice + group)
        self.write("/cgroup.subtree_control", "+cpu +memory +pids")

    def doCleanups(self):
        done = super().doCleanups()  # ends the agents
        self.write("/cgroup.kill", "1")
        eventually(self.removed, "the groups are empty")
        return done

    def removed(self):
        for folder, _, _ in os.walk(ROOT + self.slice, topdown=False):
            try:
                os.rmdir(folder)
            except OSError:
                time.sleep(0.05)
                return False
        return True

    def write(self, file, text):
        with open(ROOT + self.slice + file, "w", encoding="ascii") as opened:
            opened.write(text)

    def worker_in_group(self, server, *arguments):
        """As systemd does it: the process enters the service's group before it is the agent."""
        worker = ("w1", "--state-dir", self.path("state"), *arguments)
        agent = self.agent(server, *worker, preexec=lambda: self.write("/agent/cgroup.procs", "0"))
        self.wait_for_status(server, "w1", "online")
        return agent

    # An agent whose tasks were below its own group could not be started again while they ran.
    def test_a_task_elsewhere_keeps_its_limits_while_the_agent_is_started_again(self):
        server = self.durable()
        elsewhere = ("--task-cgroup", f"{self.slice}/tasks")
        agent = self.worker_in_group(server, *elsewhere)
        script = self.waiting("a") + "; head -c 200M /dev/zero | tail | wc"
        job = self.submit(server, script, "--memory", "64MiB")
        self.wait_for_state(server, job, "RUNNING")
        eventually(lambda: self.runs("a"), "it has begun")
        agent.kill()
        agent = self.worker_in_group(server, *elsewhere)
        eventually(lambda: f"below {self.slice}/tasks" in agent.log(), "it uses the group")
        self.release("a")
        shown = self.wait_for_state(server, job, *ENDED)
        self.assertEqual(shown["attempt_count"], 1)
        self.assertEqual(shown["attempts"][0]["error"]["class"], "oom", shown)

    def test_what_holds_the_group_of_tasks_is_not_in_the_way(self):
        server = self.durable()
        pid = os.fork()
        if pid == 0:
            self.write("/tasks/cgroup.procs", "0")
            os.execvp("sleep", ["sleep", "infinity"])
        self.addCleanup(os.waitpid, pid, 0)
        self.addCleanup(os.kill, pid, 9)
        eventually(lambda: f"{self.slice}/tasks" in self.group_of(pid), "the holder is there")
        self.worker_in_group(server, "--task-cgroup", f"{self.slice}/tasks")
        self.assertEqual(self.group_of(pid), f"0::{self.slice}/tasks/berth-agent\n")
        job = self.submit(server, "cat /proc/self/cgroup")
        self.assertEqual(self.wait_for_state(server, job, *ENDED)["state"], "COMPLETED")
        self.assertIn(f"{self.slice}/tasks/berth-", self.cli(server, "job", "logs", job).stdout)

    def group_of(self, pid):
        with open(f"/proc/{pid}/cgroup", encoding="ascii") as file:
            return file.read()


if __name__ == "__main__":
    unittest.main()
