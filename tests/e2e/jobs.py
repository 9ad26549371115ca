"""What tests of durable jobs on real agents share."""

import json

from harness import EndToEndTest, eventually

ENDED = ("COMPLETED", "FAILED", "ABORTED")


class JobsTest(EndToEndTest):
    """Servers with a store in the test's folder, agents, and tasks that wait to be released."""

    def durable(self, *arguments, **rest):
        """A server whose jobs are in the test's folder, also for the server after it."""
        store = f"sqlite:{self.path('berth.db')}"
        return self.server("--store", store, *arguments, **rest)

    def worker(self, server, name="w1", *arguments, state="state"):
        agent = self.agent(server, name, "--state-dir", self.path(state), *arguments)
        self.wait_for_status(server, name, "online")
        return agent

    def submit(self, server, script, *options):
        run = self.cli(server, "job", "submit", "--json", *options, "--", "sh", "-c", script, check=0)
        return json.loads(run.stdout)["jobs"][0]["job_id"]

    def job(self, server, job):
        return self.cli_json(server, "job", "show", job)

    def wait_for_state(self, server, job, *states):
        def probe():
            shown = self.job(server, job)
            return shown if shown["state"] in states else None

        return eventually(probe, f"job {job} is {states}")

    def waiting(self, name):
        """A script that writes a line to a file and waits for `release`, or for the test's end."""
        file = self.path(name)
        return f"echo $$ >> {file}; while [ -e {file} -a ! -e {file}.go ]; do sleep 0.05; done"

    def release(self, name):
        with open(self.path(name + ".go"), "w", encoding="ascii"):
            pass

    def runs(self, name):
        """The process ids of all attempts that have begun."""
        try:
            with open(self.path(name), encoding="ascii") as file:
                return [int(line) for line in file]
        except FileNotFoundError:
            return []

    def run_one(self, server, name, *options):
        job = self.submit(server, self.waiting(name), *options)
        self.wait_for_state(server, job, "RUNNING")
        eventually(lambda: self.runs(name), f"{name} has begun")
        return job

    def expect_one_attempt(self, server, job, name):
        self.release(name)
        shown = self.wait_for_state(server, job, *ENDED)
        self.assertEqual(shown["state"], "COMPLETED", shown)
        self.assertEqual(shown["attempt_count"], 1)
        self.assertEqual(len(shown["attempts"]), 1)
        self.assertEqual(len(self.runs(name)), 1)
