"""Starts the real programs and talks to them; what every end-to-end test stands on.

Read in this order: `EndToEndTest` (owns what a test starts), `Server`, `Agent`, `Peer` (a raw
socket that may send anything), `FrameTool`. Nothing here sleeps for a fixed time: `eventually`
waits for an event, with a deadline so generous that only a real failure meets it.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

BIN = os.environ.get("BERTH_BIN", os.path.join(os.getcwd(), "build/release/bin"))
# A sanitizer needs memory of its own: limits on it mean nothing then.
SANITIZED = os.environ.get("BERTH_SANITIZE", "") != ""
DEADLINE_S = 60 if SANITIZED else 30

# The enumerators of wire/messages.h that the tests look at.
BAD_REQUEST, NOT_FOUND, CONFLICT, DENIED, BUSY, LIMIT_REACHED, STALE, UNSUPPORTED = range(1, 9)


def program(name):
    return os.path.join(BIN, name)


def eventually(probe, what, deadline_s=DEADLINE_S):
    """The first true answer of `probe`; fails with `what` when none comes."""
    end = time.monotonic() + deadline_s
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline_s} s: {what}")
        time.sleep(0.02)


def split_address(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


class Process:
    """A program of the build, its output in files of the test's folder."""

    def __init__(self, test, name, *arguments, preexec=None, env=None):
        self.name = name
        self.out_path = test.path(f"{name}.{len(test.processes)}.out")
        self.log_path = test.path(f"{name}.{len(test.processes)}.log")
        with open(self.out_path, "wb") as out, open(self.log_path, "wb") as log:
            self.child = subprocess.Popen(
                [program(name), *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                preexec_fn=preexec,
                env={**os.environ, "HOME": test.folder, "XDG_STATE_HOME": test.folder, **(env or {})},
            )
        test.processes.append(self)

    def output(self):
        with open(self.out_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def running(self):
        return self.child.poll() is None

    def signal(self, number):
        self.child.send_signal(number)

    def wait(self, timeout_s=DEADLINE_S):
        return self.child.wait(timeout_s)

    def kill(self):
        """As a power cut would."""
        if self.running():
            self.child.kill()
        self.child.wait()

    def resident_bytes(self):
        with open(f"/proc/{self.child.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def open_files(self):
        return len(os.listdir(f"/proc/{self.child.pid}/fd"))


class Server(Process):
    """berthd on free ports, with its jobs in memory unless told; ready when constructed."""

    def __init__(self, test, *arguments, listen="127.0.0.1:0", http="127.0.0.1:0", **rest):
        if "--store" not in arguments:
            arguments += ("--store", "memory")
        super().__init__(
            test,
            "berthd",
            *("--listen", listen, "--http", http, "--console", "127.0.0.1:0"),
            *arguments,
            **rest,
        )
        eventually(self._ready, "the ready line of berthd")
        words = dict(word.split("=", 1) for word in self.output().split() if "=" in word)
        self.wire = words["wire"]
        self.http = words["http"]
        self.console = words["console"]

    def _ready(self):
        if not self.running():
            raise AssertionError(f"berthd ended while starting:\n{self.log()}")
        return self.output().startswith("ready ") and self.output().endswith("\n")


class Agent(Process):
    """berth-agent with short intervals, sending to `server`."""

    def __init__(self, test, server, worker, *arguments, **rest):
        self.worker = worker
        super().__init__(
            test,
            "berth-agent",
            "--server",
            server if isinstance(server, str) else server.wire,
            "--id",
            worker,
            "--interval",
            "200ms",
            *arguments,
            **rest,
        )


class FrameTool:
    """Requests to frames and frames to replies, by the C++ code of the project."""

    def __init__(self):
        self.child = subprocess.Popen(
            [program("frame_tool")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def _ask(self, question):
        self.child.stdin.write(json.dumps(question).encode() + b"\n")
        self.child.stdin.flush()
        answer = json.loads(self.child.stdout.readline())
        if "error" in answer:
            raise AssertionError(answer["error"])
        return answer

    def frame(self, kind, request_id=1, **fields):
        question = {"kind": kind, "id": request_id, **fields}
        return bytes.fromhex(self._ask(question)["frame"])

    def replies(self, received):
        answer = self._ask({"decode": received.hex()})
        return answer["replies"], bytes.fromhex(answer["rest"])

    def close(self):
        self.child.stdin.close()
        self.child.stdout.close()
        self.child.wait()


class Peer:
    """A raw connection to a server's wire port."""

    def __init__(self, test, server, hello=True, receive_buffer=None, role=0):
        self.tool = test.tool
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(DEADLINE_S)
        self.socket.connect(split_address(server.wire))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        test.addCleanup(self.socket.close)
        self.received = b""
        self.replies = []
        self.next_id = 1
        if hello:
            self.welcome = self.ask("Hello", identity="test", software="tests/1", role=role)

    def send_bytes(self, data):
        self.socket.sendall(data)

    def send(self, kind, **fields):
        self.next_id += 1
        self.send_bytes(self.tool.frame(kind, self.next_id, **fields))
        return self.next_id

    def receive(self):
        """The next reply, or None when the server has closed the connection."""
        while not self.replies:
            try:
                data = self.socket.recv(1 << 16)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self.replies, self.received = self.tool.replies(self.received + data)
        return self.replies.pop(0)

    def ask(self, kind, **fields):
        """The answer to one request; events that come in between are dropped."""
        wanted = self.send(kind, **fields)
        while True:
            reply = self.receive()
            if reply is None or reply["id"] == wanted:
                return reply

    def until_closed(self):
        """Everything the server says before it closes the connection."""
        said = []
        while True:
            reply = self.receive()
            if reply is None:
                return said
            said.append(reply)

    def stats(self):
        return self.ask("GetStats")["stats"]

    def close(self):
        self.socket.close()


class EndToEndTest(unittest.TestCase):
    """Owns the folder and the processes of one test, and ends both with it."""

    maxDiff = None

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="berth-e2e.")
        self.processes = []
        self._tool = None
        self.addCleanup(self._end)

    @property
    def tool(self):
        if self._tool is None:
            self._tool = FrameTool()
        return self._tool

    def path(self, name):
        return os.path.join(self.folder, name)

    def _end(self):
        for process in self.processes:
            process.kill()
        if self._tool is not None:
            self._tool.close()
        # How a failure is told from a success is not public; losing the logs would be worse.
        if not getattr(self._outcome, "success", True):
            self._show_logs()
        self._fail_on_sanitizer_findings()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _show_logs(self):
        for process in self.processes:
            print(f"--- {process.name}, process {process.child.pid}: {process.child.args}")
            print("\n".join(process.log().splitlines()[-40:]), flush=True)

    def _fail_on_sanitizer_findings(self):
        for process in self.processes:
            for mark in ("ERROR: AddressSanitizer", "WARNING: ThreadSanitizer", "runtime error:"):
                self.assertNotIn(mark, process.log())

    # ---- What the tests start and ask

    def server(self, *arguments, **rest):
        return Server(self, *arguments, **rest)

    def agent(self, server, worker, *arguments, **rest):
        return Agent(self, server, worker, *arguments, **rest)

    def peer(self, server, **rest):
        return Peer(self, server, **rest)

    def cli(self, server, *arguments, check=None, timeout=DEADLINE_S):
        """One run of the command line; `check` is the exit code it must have."""
        address = server if isinstance(server, str) else server.wire
        run = subprocess.run(
            [program("berth"), "--server", address, *map(str, arguments)],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=timeout,
            env={**os.environ, "HOME": self.folder},
        )
        if check is not None:
            self.assertEqual(run.returncode, check, f"berth {arguments}: {run.stdout}{run.stderr}")
        return run

    def cli_json(self, server, *arguments, check=0):
        run = self.cli(server, *arguments, "--json", check=check)
        return json.loads(run.stdout)

    def workers(self, server):
        """Worker id → status, through the command line."""
        rows = self.cli_json(server, "worker", "list")["workers"]
        return {row["id"]: row["status"] for row in rows}

    def wait_for_status(self, server, worker, status):
        eventually(lambda: self.workers(server).get(worker) == status, f"{worker} is {status}")

    def console(self, server, text, timeout=10):
        """What nc prints after `text` was pasted into it."""
        host, port = split_address(server.console)
        run = subprocess.run(
            ["nc", "-N", "-w", str(timeout), host, str(port)],
            input=text.encode() if isinstance(text, str) else text,
            capture_output=True,
            timeout=DEADLINE_S,
        )
        return run.stdout.decode(errors="replace")

    def beat(self, peer, worker, **fields):
        """One full heartbeat of `worker`; the reply."""
        beat = {
            "epoch": 1,
            "sequence": 1,
            "address": "127.0.0.1:9",
            "tags": ["cpu"],
            "capacity": {"slots": 4, "cpu_milli": 4000, "memory_mib": 4096},
        }
        beat.update(fields)
        return peer.ask("Heartbeat", worker=worker, **beat)


def terminate_and_time(process):
    """Exit code after SIGTERM, and the seconds it took."""
    begin = time.monotonic()
    process.signal(signal.SIGTERM)
    code = process.wait()
    return code, time.monotonic() - begin
