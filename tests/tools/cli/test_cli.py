"""The `berth` program against real servers: exit codes, JSON, loss, terminals and shells."""

import json
import os
import pty
import select
import shutil
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(HERE)), "e2e"))

from harness import DEADLINE_S, EndToEndTest, eventually, program  # noqa: E402

EVERY_KEY_OF_A_WORKER = [
    "id", "address", "status", "cordoned", "draining", "reason", "load", "tags", "labels",
    "capacity", "free", "gpus", "reported_tasks", "held_slots", "usage", "heartbeat_age_s",
    "cooldown_s", "agent_version",
]  # fmt: skip
EVERY_KEY_OF_A_PLACEMENT = [
    "worker_id", "address", "reservation_id", "expires_in_s", "gpus", "load", "repeated",
]  # fmt: skip


class CliTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.berthd = self.server()
        self.fleet = self.peer(self.berthd)
        self.beat(self.fleet, "w1", tags=["cpu", "ssd"])
        self.beat(self.fleet, "w2", tags=["cpu", "gpu"])

    def run_cli(self, *arguments, env=None, **rest):
        return subprocess.run(
            [program("berth"), *map(str, arguments)],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=DEADLINE_S,
            env={**os.environ, "HOME": self.folder, "BERTH_SERVER": self.berthd.wire, **(env or {})},
            **rest,
        )

    def start_cli(self, *arguments):
        child = subprocess.Popen(
            [program("berth"), "--server", self.berthd.wire, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "HOME": self.folder},
        )
        self.addCleanup(child.stdout.close)
        self.addCleanup(child.stderr.close)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        return child

    def json_of(self, *arguments, check=0):
        run = self.run_cli(*arguments, "--json")
        self.assertEqual(run.returncode, check, run.stderr)
        return json.loads(run.stdout)


class CommandLine(CliTest):
    def test_every_answer_has_its_shape(self):
        placed = self.json_of("place", "--task", "t", "--tags", "ssd", "--hold", "60s")
        self.assertEqual(list(placed), EVERY_KEY_OF_A_PLACEMENT)
        self.assertEqual(placed["worker_id"], "w1")
        explained = self.json_of("place", "--task", "t2", "--tags", "ssd", "--explain")
        self.assertEqual(list(explained), EVERY_KEY_OF_A_PLACEMENT + ["explanation"])
        self.assertEqual(explained["explanation"]["eliminated"], {"tag:ssd": 1})

        refused = self.json_of("place", "--task", "u", "--tags", "fpga", check=7)
        self.assertEqual(list(refused), ["error", "message", "reason", "explanation"])
        self.assertEqual(refused["error"], "cannot_be_placed")
        self.assertEqual(refused["explanation"]["eliminated"], {"tag:fpga": 2})

        self.assertEqual(list(self.json_of("worker", "show", "w1")), EVERY_KEY_OF_A_WORKER)
        listed = self.json_of("worker", "list", "--tag", "gpu")
        self.assertEqual([list(row) for row in listed["workers"]], [EVERY_KEY_OF_A_WORKER])
        self.assertEqual(listed["workers"][0]["id"], "w2")

        self.assertEqual(
            {row["tag"]: row["workers"] for row in self.json_of("tags")["tags"]},
            {"cpu": 2, "gpu": 1, "ssd": 1},
        )
        self.assertEqual(set(self.json_of("stats")["stats"][0]), {"name", "shard", "value"})
        self.assertEqual(
            list(self.json_of("ping", "--count", "1")), ["endpoint", "software", "count", "rtt_us"]
        )
        self.assertEqual(self.json_of("top")["total"], 2)
        self.assertEqual(
            self.json_of("worker", "drain", "w2"), {"worker_id": "w2", "change": "draining"}
        )
        self.assertEqual(
            self.json_of("release", "--reservation", placed["reservation_id"]),
            {"released": 1, "unknown": 0},
        )
        self.assertEqual(list(self.json_of("version")), ["version"])

    # A folder opens, and only reading it fails: that threw, and the program was gone (134).
    def test_a_folder_where_a_file_is_meant_is_one_sentence(self):
        for arguments in (
            ["plan", "solve", "--problem", self.folder],
            ["plan", "simulate", "--swf", self.folder, "--out", "-"],
            ["plan", "what-if", "--job", self.folder],
            ["job", "submit", "--file", self.folder],
            ["job", "submit", "--each-line", self.folder, "--", "echo"],
            ["job", "submit", "--stdin-file", self.folder, "--", "cat"],
            ["stats", "--token-file", self.folder],
        ):
            with self.subTest(arguments[:3]):
                run = self.run_cli(*arguments)
                self.assertEqual(run.returncode, 2, run.stderr)
                self.assertIn(f"'{self.folder}' cannot be read (Is a directory); name a file", run.stderr)

    def test_the_exit_code_says_what_went_wrong(self):
        cases = [
            ("nothing went wrong", ["worker", "list"], 0),
            ("an unknown option", ["worker", "list", "--colour"], 2),
            ("a request the server finds absurd", ["place", "--task", "x", "--cpu", "999999999"], 2),
            ("a token file that is not there", ["stats", "--token-file", "/nonexistent"], 2),
            ("no such worker", ["worker", "show", "nobody"], 3),
            ("no such worker to change", ["worker", "cordon", "nobody"], 3),
            ("nothing to release", ["release", "--task", "nothing"], 3),
            ("nobody there", ["stats", "--server", "127.0.0.1:1"], 5),
            ("nobody at the console", ["console", "127.0.0.1:1"], 5),
            ("no place now", ["place", "--task", "x", "--tags", "fpga"], 7),
            ("no place in time", ["place", "--task", "x", "--tags", "fpga", "--wait", "50ms"], 8),
        ]
        for what, arguments, code in cases:
            with self.subTest(what):
                run = self.run_cli(*arguments)
                self.assertEqual(run.returncode, code, run.stdout + run.stderr)
                self.assertEqual(run.stdout == "", code != 0)
                self.assertEqual(run.stderr == "", code == 0)

    def test_a_wrong_token_is_denied_and_the_right_one_is_not(self):
        for name, text in (("right", "secret\n"), ("wrong", "guess\n")):
            with open(self.path(name), "w", encoding="utf-8") as file:
                file.write(text)
        os.chmod(self.path("right"), 0o600)
        guarded = self.server("--token-file", self.path("right"))
        for name, code in (("right", 0), ("wrong", 4)):
            with self.subTest(name):
                run = self.run_cli(
                    "stats", "--server", guarded.wire, env={"BERTH_TOKEN_FILE": self.path(name)}
                )
                self.assertEqual(run.returncode, code, run.stderr)

    def test_an_unreachable_server_is_one_sentence_with_the_remedy(self):
        run = self.run_cli("stats", "--server", "127.0.0.1:1")
        self.assertEqual(len(run.stderr.splitlines()), 1)
        self.assertIn("127.0.0.1:1", run.stderr)
        self.assertIn("--server or BERTH_SERVER", run.stderr)

    def test_an_absent_worker_is_named(self):
        self.assertIn("'nobody'", self.run_cli("worker", "show", "nobody").stderr)
        self.assertIn("'nobody'", self.run_cli("worker", "drain", "nobody").stderr)

    def test_an_answer_that_cannot_be_written_is_a_failure(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            run = subprocess.run(
                [program("berth"), "--server", self.berthd.wire, "worker", "list"],
                stdout=full,
                stderr=subprocess.DEVNULL,
                timeout=DEADLINE_S,
            )
        self.assertEqual(run.returncode, 1)

    def test_a_list_of_many_pages_is_one_array(self):
        for i in range(620):
            self.beat(self.fleet, f"many-{i}", tags=["many"])
        rows = self.json_of("worker", "list", "--tag", "many")["workers"]
        self.assertEqual(len({row["id"] for row in rows}), 620)
        rows = self.json_of("worker", "list", "--tag", "many", "--limit", "510")["workers"]
        self.assertEqual(len(rows), 510)
        table = self.run_cli("worker", "list", "--tag", "many").stdout.splitlines()
        self.assertEqual(len(table), 1 + 620)
        column = table[0].index("STATE")
        self.assertTrue(all(line[column:].startswith("online") for line in table[1:]))

    def test_the_next_server_is_asked_when_the_first_is_gone(self):
        other = self.server()
        self.beat(self.peer(other), "standby")
        both = f"{self.berthd.wire},{other.wire}"
        self.berthd.kill()
        rows = self.json_of("worker", "list", "--server", both)["workers"]
        self.assertEqual([row["id"] for row in rows], ["standby"])

    def test_a_watch_goes_on_when_the_server_has_restarted(self):
        watch = self.start_cli("watch", "--json", "--count", "3")
        self.assertIn("watching", watch.stderr.readline())
        self.assertEqual(self.run_cli("worker", "cordon", "w1", "--reason", "fan").returncode, 0)
        event = json.loads(watch.stdout.readline())
        self.assertEqual(
            (event["worker_id"], event["change"], event["reason"], event["gap"]),
            ("w1", "cordoned", "fan", False),
        )
        self.berthd.kill()
        self.berthd = self.server(listen=self.berthd.wire)
        self.assertEqual(json.loads(watch.stdout.readline()), {"gap": True})
        self.beat(self.peer(self.berthd), "w3")
        self.assertEqual(json.loads(watch.stdout.readline())["worker_id"], "w3")
        self.assertEqual(watch.wait(DEADLINE_S), 0)


class Terminals(CliTest):
    def on_terminal(self, *arguments):
        """Starts `berth` on a terminal of its own; the process, and our end of the terminal."""
        ours, theirs = pty.openpty()
        child = subprocess.Popen(
            [program("berth"), "--server", self.berthd.wire, *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            env={**os.environ, "HOME": self.folder, "TERM": "xterm", "LC_ALL": "C.UTF-8"},
        )
        os.close(theirs)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        self.addCleanup(os.close, ours)
        return child, ours

    def read_until(self, ours, text):
        seen = b""

        def more():
            nonlocal seen
            while select.select([ours], [], [], 0)[0]:
                try:
                    seen += os.read(ours, 1 << 16)
                except OSError:  # the other end is closed
                    break
            return text.encode() in seen

        eventually(more, f"{text!r} on the terminal")
        return seen.decode(errors="replace")

    def test_top_shows_the_workers_until_q_or_ctrl_c(self):
        for key in (b"q", b"\x03"):
            with self.subTest(key):
                child, ours = self.on_terminal("top", "--interval", "50ms")
                self.read_until(ours, "w2")
                os.write(ours, key)
                seen = self.read_until(ours, "\x1b[?1049l")
                self.assertIn("\x1b[?25h", seen)
                self.assertEqual(child.wait(DEADLINE_S), 0)

    def test_top_prints_one_frame_where_there_is_no_terminal(self):
        run = self.run_cli("top")
        self.assertEqual(run.returncode, 0)
        self.assertIn("workers 2 (2 online", run.stdout)
        self.assertNotIn("\x1b", run.stdout)

    def test_the_console_edits_lines_and_remembers_them(self):
        child, ours = self.on_terminal("console", self.berthd.console)
        self.read_until(ours, "berth> ")
        os.write(ours, b"pinX\x7fg\n")  # X, taken back
        self.read_until(ours, "OK pong")
        os.write(ours, b"\x10\n")  # Ctrl-P: the line before
        self.read_until(ours, "OK pong")
        os.write(ours, b"\x04")
        self.assertEqual(child.wait(DEADLINE_S), 0)
        with open(self.path(".berth_history"), encoding="utf-8") as file:
            self.assertIn("ping", file.read())

    def test_the_console_is_found_by_its_variable(self):
        done = subprocess.run(
            [program("berth"), "console"],
            input="ping\n",
            env={**os.environ, "BERTH_CONSOLE": self.berthd.console},
            capture_output=True,
            text=True,
            timeout=30,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("OK", done.stdout)

    def test_the_console_passes_on_what_is_piped_into_it(self):
        run = subprocess.run(
            [program("berth"), "console", self.berthd.console],
            input="ping\r\nworkers\ndance",
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
        )
        self.assertEqual(run.returncode, 0)
        lines = run.stdout.splitlines()
        self.assertEqual(lines[0], "OK pong")
        self.assertTrue(lines[-1].startswith("ERR "), lines)

    def completions(self, *words):
        """What bash offers for the last of `words`."""
        script = (
            'source <("$1" completion bash); shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1));'
            ' _berth; printf "%s\\n" "${COMPREPLY[@]}"'
        )
        run = subprocess.run(
            ["bash", "--norc", "-c", script, "bash", program("berth"), *words],
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
        )
        self.assertEqual(run.stderr, "")
        return run.stdout.split()

    def test_bash_completes_commands_options_and_choices(self):
        cases = [
            ("a command", ["berth", "wo"], ["worker"]),
            ("a verb", ["berth", "worker", "un"], ["undrain"]),
            ("an option", ["berth", "place", "--not"], ["--not", "--not-label"]),
            ("a common option after the command", ["berth", "stats", "--js"], ["--json"]),
            ("after an option in front", ["berth", "--json", "completion", "f"], ["fish"]),
            ("a choice", ["berth", "place", "--policy", "best"], ["best-fit"]),
            ("a verb of jobs", ["berth", "job", "ab"], ["abort"]),
            ("a choice of a job's field", ["berth", "run", "--runner", "sand"], ["sandbox"]),
            ("an option of a verb of jobs", ["berth", "job", "logs", "--fol"], ["--follow"]),
            ("a verb of operators", ["berth", "admin", "back"], ["backup"]),
            ("nothing for a free value", ["berth", "place", "--task", ""], []),
        ]
        for what, words, offered in cases:
            with self.subTest(what):
                self.assertEqual(self.completions(*words), offered)

    def test_other_shells_can_read_their_script(self):
        for shell in ("zsh", "fish"):
            with self.subTest(shell):
                script = self.run_cli("completion", shell).stdout
                self.assertIn("berth", script)
                if shutil.which(shell):
                    run = subprocess.run([shell, "-n"], input=script, text=True, check=False)
                    self.assertEqual(run.returncode, 0)


if __name__ == "__main__":
    unittest.main()
