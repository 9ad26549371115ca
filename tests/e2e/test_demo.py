"""tools/demo from start to end, and cut short: nothing may be left behind."""

import os
import re
import signal
import subprocess
import unittest

from harness import BIN, DEADLINE_S, EndToEndTest, eventually

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PLAIN = os.path.join(ROOT, "build/release/bin")


def restore_signals():
    """A shell cannot trap what was ignored when it started, as under nohup or after `&`."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@unittest.skipUnless(
    os.path.realpath(BIN) == os.path.realpath(PLAIN), "tools/demo runs what build/release holds"
)
class Demo(EndToEndTest):
    def start(self, *arguments):
        """In a session of its own, as from a terminal: a signal reaches the whole group."""
        child = subprocess.Popen(
            [os.path.join(ROOT, "tools/demo"), "--no-install", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=open(self.path("out"), "wb"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=restore_signals,
            env={**os.environ, "TMPDIR": self.folder},
        )
        self.addCleanup(lambda: child.poll() is None and os.killpg(child.pid, signal.SIGKILL))
        return child

    def output(self):
        with open(self.path("out"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def left_behind(self):
        """Processes and folders of this run: they have its folder in their environment, or, as
        supervisors of tasks and tasks do, work in it."""
        mark = f"TMPDIR={self.folder}".encode()
        found = [name for name in os.listdir(self.folder) if name != "out"]
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/environ", "rb") as file:
                    if mark in file.read().split(b"\0"):
                        found.append(pid)
                        continue
                if os.readlink(f"/proc/{pid}/cwd").startswith(self.folder + "/"):
                    found.append(pid)
            except OSError:
                pass
        return found

    def assert_nothing_left(self):
        eventually(lambda: not self.left_behind(), "everything of the demo is gone")

    def test_it_runs_to_its_end_and_leaves_nothing(self):
        child = self.start()
        self.assertEqual(child.wait(10 * DEADLINE_S), 0, self.output())
        for words in ("demo-cpu", "demo-gpu", "demo-ssd", "impossible", "tag:"):
            self.assertIn(words, self.output())
        for words in ("hello from job", "flaky failed once", "hungry: ", "survivor completed"):
            self.assertIn(words, self.output())
        self.assert_nothing_left()

    def test_ended_at_any_moment_it_leaves_nothing(self):
        moments = ["Building", "Starting the server", "Waiting until", "Who got which", "survivor runs"]
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            for moment in moments:
                with self.subTest(f"{number.name} at '{moment}'"):
                    child = self.start()
                    eventually(
                        lambda: moment in self.output() or child.poll() is not None, moment, 120
                    )
                    if number == signal.SIGINT:
                        os.killpg(child.pid, number)
                    else:
                        child.send_signal(number)
                    # Too late for the last moments is no failure: then it has ended by itself.
                    self.assertIn(child.wait(DEADLINE_S), (128 + number, 0), self.output())
                    self.assert_nothing_left()

    def test_a_program_that_dies_midway_ends_the_demo_with_its_log(self):
        child = self.start("--keep")
        pid = eventually(lambda: re.search(r"^berthd +process (\d+)", self.output(), re.M), "berthd")
        os.kill(int(pid.group(1)), signal.SIGKILL)
        self.assertEqual(child.wait(2 * DEADLINE_S), 1, self.output())
        self.assertIn("tools/demo:", self.output())
        self.assert_nothing_left()

    def test_keep_leaves_a_server_that_answers_until_the_printed_command_stops_it(self):
        child = self.start("--keep")
        self.assertEqual(child.wait(10 * DEADLINE_S), 0, self.output())
        self.assertTrue(self.left_behind())
        reach = re.search(r"^  (\S+berth --server \S+ worker list)$", self.output(), re.M).group(1)
        listed = subprocess.run(reach.split(), cwd=ROOT, capture_output=True, text=True, check=True)
        self.assertIn("demo-gpu", listed.stdout)
        stop = re.search(r"^  (kill .*)$", self.output(), re.M).group(1)
        subprocess.run(["bash", "-c", stop], check=True)
        self.assert_nothing_left()

    def test_a_wrong_flag_is_told(self):
        child = self.start("--colour")
        self.assertEqual(child.wait(DEADLINE_S), 2)
        self.assertIn("--colour", self.output())


if __name__ == "__main__":
    unittest.main()
