"""Jobs in containers of a Docker engine, a real one."""

import os
import signal
import subprocess
import unittest

from engine import IMAGE, Engine
from harness import DEADLINE_S, eventually, program
from jobs import ENDED, JobsTest

engine = None


def setUpModule():
    global engine
    engine = Engine()
    unittest.addModuleCleanup(engine.close)
    if engine.why_not:
        raise unittest.SkipTest(engine.why_not)


class JobsInAnEngine(JobsTest):
    def setUp(self):
        super().setUp()
        self.berthd = self.durable("--cooldown-base", "0s")
        self.addCleanup(self.expect_nothing_left)

    def engine_worker(self, *arguments):
        return self.worker(self.berthd, "w1", "--docker-socket", engine.socket, *arguments)

    def expect_nothing_left(self):
        eventually(lambda: not engine.containers(), "no container is left")
        self.assertEqual(engine.images(), [IMAGE])

    def run_job(self, script, *options, stdin="", check=0):
        """`berth run` in the image: its streams are the task's, its exit code too."""
        run = subprocess.run(
            [program("berth"), "--server", self.berthd.wire, "run", "--image", IMAGE]
            + [*options, "--", "sh", "-c", script],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=4 * DEADLINE_S,
            env={**os.environ, "HOME": self.folder},
        )
        self.assertEqual(run.returncode, check, run.stdout + run.stderr)
        return run

    def ended(self, script, *options, image=IMAGE):
        job = self.submit(self.berthd, script, "--image", image, *options)
        return self.wait_for_state(self.berthd, job, *ENDED)

    def begun(self, script, *options):
        """A job that has written its first line."""
        job = self.submit(self.berthd, "echo up; " + script, "--image", IMAGE, *options)
        logs = lambda: self.cli(self.berthd, "job", "logs", job).stdout
        eventually(lambda: "up\n" in logs(), "its first line")
        return job

    # ---- What a task finds

    def test_streams_and_exit_code_are_the_tasks_own(self):
        self.engine_worker()
        run = self.run_job("echo out; echo err >&2; exit 7", check=7)
        self.assertEqual((run.stdout, run.stderr.splitlines()[0]), ("out\n", "err"))
        self.assertEqual(self.run_job("head -c 3000000 /dev/zero | tail -c 3000000").stdout, "\0" * 3000000)

    def test_environment_input_and_artifacts_reach_the_container_and_come_back(self):
        agent = self.engine_worker()
        with open(self.path("input"), "w", encoding="ascii") as file:
            file.write("x" * 60_000)
        script = (
            "wc -c; echo $COLOUR $BERTH_TASK_DIR $BERTH_ATTEMPT $BERTH_CPUS; cat /etc/from;"
            "echo kept > kept; pwd; cat /proc/net/dev | grep -c eth; grep NoNewPrivs /proc/self/status"
        )
        options = ["--env", "COLOUR=red", "--stdin-file", self.path("input"), "--artifact", "kept"]
        shown = self.ended(script, "--cpu", "1", *options)
        self.assertEqual(shown["state"], "COMPLETED", shown)
        (attempt,) = shown["attempts"]
        logs = self.cli(self.berthd, "job", "logs", shown["job_id"], check=0).stdout
        self.assertEqual(logs, "60000\nred /berth 1 1\nengine\n/berth\n0\nNoNewPrivs:\t1\n")
        kept = {each["name"]: each["bytes"] for each in attempt["outputs"]}
        self.assertEqual(kept["kept"], 5)
        self.assertTrue(agent.running())

    def test_limits_are_those_of_the_job(self):
        self.engine_worker()
        script = (
            "cd /sys/fs/cgroup; cat memory.max memory/memory.limit_in_bytes 2>/dev/null;"
            "cat cpu.max cpu/cpu.cfs_quota_us 2>/dev/null;"
            "cat pids.max pids/pids.max 2>/dev/null"
        )
        seen = self.run_job(script + "; true", "--memory", "64MiB", "--cpu", "0.5")
        self.assertEqual([line.split()[0] for line in seen.stdout.splitlines()], ["67108864", "50000", "4096"])

    def test_what_it_used_is_reported(self):
        self.engine_worker()
        shown = self.ended("i=0; while [ $i -lt 3000000 ]; do i=$((i+1)); done", "--memory", "64MiB")
        self.assertEqual(shown["state"], "COMPLETED", shown)
        self.assertGreater(shown["usage"]["cpu_s"], 0)
        self.assertGreater(shown["usage"]["memory_peak_bytes"], 0)

    # ---- How it ends

    def test_each_way_to_end_has_its_class(self):
        self.engine_worker()
        large = "head -c 200000000 /dev/zero | tail -c 200000000 | wc -c; exit 9"
        for what, error, message, script, options in (
            ("exit code", "exit", "exit code 3", "exit 3", []),
            ("exit code within a limit", "exit", "exit code 3", "exit 3", ["--memory", "32MiB"]),
            ("signal", "signal", "(SEGV)", "kill -SEGV $$ & sleep 1; exit 139", []),
            ("memory", "oom", "limit of 32 MiB", large, ["--memory", "32MiB"]),
            ("timeout", "timeout", "killed after its grace", "sleep 1000",
             ["--timeout", "500ms", "--kill-grace", "50ms"]),
        ):  # fmt: skip
            with self.subTest(what):
                shown = self.ended(script, *options)
                self.assertEqual(shown["state"], "FAILED")
                self.assertEqual(shown["last_error"]["class"], error, shown["last_error"])
                self.assertIn(message, shown["last_error"]["message"])

    def test_a_kill_at_the_memory_limit_is_known_however_soon_the_container_ends(self):
        self.engine_worker()
        for script in ("tail -c 200000000 /dev/zero; exit 9", "exec tail -c 200000000 /dev/zero"):
            jobs = [self.submit(self.berthd, script, "--image", IMAGE, "--memory", "32MiB") for _ in range(10)]
            for job in jobs:
                shown = self.wait_for_state(self.berthd, job, *ENDED)
                self.assertEqual(shown["last_error"]["class"], "oom", shown["last_error"])

    def test_a_timeout_that_the_task_hears_of_keeps_what_it_still_writes(self):
        self.engine_worker()
        script = "trap 'echo stopping; exit 4' TERM; while :; do sleep 0.05; done"
        shown = self.ended(script, "--timeout", "1s", "--kill-grace", "20s")
        self.assertEqual(shown["last_error"]["class"], "timeout", shown)
        self.assertEqual(self.cli(self.berthd, "job", "logs", shown["job_id"]).stdout, "stopping\n")

    def test_an_abort_ends_the_container(self):
        self.engine_worker()
        job = self.begun("trap '' TERM; while :; do sleep 0.05; done", "--kill-grace", "100ms")
        self.assertEqual(len(engine.containers()), 1)
        self.cli(self.berthd, "job", "abort", job, "--reason", "test", check=0)
        eventually(lambda: not engine.containers(), "its container is gone")

    def test_images_and_commands_that_are_not_there_are_said_so(self):
        self.engine_worker()
        for image, command, error, message in (
            ("no-such:image", "true", "image", "No such image: no-such:image"),
            ("Not A Name", "true", "image", "invalid reference format"),
            (IMAGE, "/no/such/program", "refused", "/no/such/program"),
            ("/no/such/file", "true", "image", "there is no /no/such/file"),
        ):
            with self.subTest(image=image, command=command):
                submit = ["job", "submit", "--image", image, "--", command]
                job = self.cli(self.berthd, *submit, check=0).stdout.strip()
                shown = self.wait_for_state(self.berthd, job, *ENDED)
                self.assertEqual(shown["last_error"]["class"], error, shown["last_error"])
                self.assertIn(message, shown["last_error"]["message"])

    # ---- Which of the two runs it

    def test_a_file_of_the_images_name_goes_to_runc(self):
        images = self.path("images")
        os.makedirs(os.path.join(images, IMAGE, "bin"))
        os.makedirs(os.path.join(images, IMAGE, "etc"))
        subprocess.run(["cp", "/bin/busybox", os.path.join(images, IMAGE, "bin/sh")], check=True)
        with open(os.path.join(images, IMAGE, "etc/from"), "w", encoding="ascii") as file:
            file.write("file\n")
        agent = self.engine_worker("--images", images)
        if "runner container.runc: does not work" in agent.log():
            self.skipTest("runc does not work here: " + agent.log())
        self.assertEqual(self.run_job("read from < /etc/from; echo $from").stdout, "file\n")

    def test_a_worker_says_which_way_works_and_why_the_other_does_not(self):
        self.engine_worker()
        self.assertIn("runner:container.engine", self.worker_of("w1")["tags"])
        self.worker(self.berthd, "w2", "--docker-socket", self.path("none"), state="other")
        shown = self.worker_of("w2")
        self.assertNotIn("runner:container.engine", shown["tags"])
        self.assertIn("there is no socket", shown["labels"]["runner.container.engine"])

    def worker_of(self, name):
        return self.cli_json(self.berthd, "worker", "show", name)

    # ---- Who dies

    def test_a_container_outlives_its_agent(self):
        agent = self.engine_worker()
        job = self.begun("while [ ! -e go ]; do sleep 0.05; done; echo done; exit 5")
        agent.kill()
        self.engine_worker()
        (task,) = self.task_directories()
        with open(os.path.join(task, "work/go"), "w", encoding="ascii"):
            pass
        shown = self.wait_for_state(self.berthd, job, *ENDED)
        self.assertEqual(len(shown["attempts"]), 1)
        self.assertEqual(shown["last_error"]["message"], "ended with exit code 5")
        self.assertEqual(self.cli(self.berthd, "job", "logs", job).stdout, "up\ndone\n")

    def task_directories(self):
        tasks = self.path("state/w1.jobs/tasks")
        return [os.path.join(tasks, each) for each in os.listdir(tasks) if not each.startswith(".")]

    def helpers(self):
        """Processes of berth-task and berth-engine that run a task of this test."""
        found = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", encoding="ascii", errors="replace") as file:
                    words = file.read().split("\0")
                if os.readlink(f"/proc/{pid}/cwd") in self.task_directories():
                    found[int(pid)] = words
            except OSError:
                continue
        return found

    def kill_supervisor(self):
        for pid, words in self.helpers().items():
            if "berth-engine" not in words[0]:
                os.kill(pid, signal.SIGKILL)

    def test_a_container_whose_supervisor_is_killed_is_removed_and_its_attempt_lost(self):
        self.engine_worker()
        job = self.begun("sleep 1000")
        self.kill_supervisor()
        shown = self.wait_for_state(self.berthd, job, *ENDED)
        self.assertEqual(shown["last_error"]["class"], "lost")

    def test_an_agent_removes_what_was_left_when_all_of_it_was_killed(self):
        agent = self.engine_worker()
        job = self.begun("sleep 1000")
        agent.kill()
        self.kill_supervisor()
        eventually(lambda: not self.helpers(), "nobody speaks for the container")
        self.assertEqual(len(engine.containers()), 1)
        self.engine_worker()
        shown = self.wait_for_state(self.berthd, job, *ENDED)
        self.assertEqual(shown["last_error"]["class"], "lost")

    def test_containers_of_tasks_that_are_forgotten_are_removed_by_the_next_agent(self):
        agent = self.engine_worker()
        self.begun("sleep 1000")
        agent.kill()
        self.kill_supervisor()
        eventually(lambda: not self.helpers(), "nobody speaks for the container")
        (task,) = self.task_directories()
        os.rename(task, self.path("elsewhere"))
        again = self.engine_worker()
        eventually(lambda: "runner container.engine" in again.log(), "it has tried the engine")
        self.assertEqual(engine.containers(), [])

    def test_an_attempt_is_lost_with_its_engine(self):
        self.engine_worker()
        job = self.begun("sleep 1000")
        engine.stop()
        engine.start()  # what is left is removed once it is back
        self.assertEqual(engine.why_not, "")
        shown = self.wait_for_state(self.berthd, job, *ENDED)
        self.assertEqual(shown["last_error"]["class"], "lost", shown["last_error"])


if __name__ == "__main__":
    unittest.main()
