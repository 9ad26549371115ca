"""The programs that a benchmark starts, and the machine it runs on.

Read in this order: `Bench` (what a row is given), `Server`, `machine`.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Failed(Exception):
    """A program failed or gave a wrong answer; the message says which and why."""


def build_release(*targets):
    """Builds programs as tools/demo does, in the folder it uses; where they are."""
    folder = os.path.join(ROOT, "build/release")
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        print("configuring build/release ...", file=sys.stderr, flush=True)
        run("cmake", "-S", ROOT, "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release")
    print("building build/release ...", file=sys.stderr, flush=True)
    run("cmake", "--build", folder, "--target", *targets)
    return os.path.join(folder, "bin")


def default_data():
    return os.path.normpath(os.path.join(ROOT, "..", "shared", "data", "fgd"))


def many_files():
    """For a child: as many open files as this user may have."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Server:
    """berthd, or another program that prints `ready wire=HOST:PORT`, until the end of a `with`."""

    def __init__(self, path, *arguments):
        self.name = os.path.basename(path)
        self.log = tempfile.TemporaryFile()
        try:
            self.child = subprocess.Popen(
                [path, *arguments], stdout=subprocess.PIPE, stderr=self.log, text=True,
                preexec_fn=many_files, env={**os.environ, "BERTH_HTTP": "127.0.0.1:0"})
        except OSError as error:
            raise Failed(f"cannot start {path}: {error.strerror}; build it first, or say --bin") from error
        line = self.child.stdout.readline()
        words = dict(word.split("=", 1) for word in line.split() if "=" in word)
        if "wire" not in words:
            self.stop()
            self.log.seek(0)
            raise Failed(f"{path} did not start: {self.log.read().decode(errors='replace')[-2000:]}")
        self.wire = words["wire"]
        self.http = words.get("http")

    def stop(self):
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(10)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        self.child.stdout.close()

    def resident_bytes(self):
        with open(f"/proc/{self.child.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        self.log.close()


class Bench:
    """What a row is given: how often, how long, and the programs."""

    def __init__(self, folder, data, disk, runs, seconds, quick):
        self.folder = folder
        self.data = data
        self.runs = runs
        self.seconds = seconds
        self.quick = quick
        self.scratch = tempfile.TemporaryDirectory(prefix="berth-bench-", dir=disk)

    def close(self):
        self.scratch.cleanup()

    def path(self, name):
        return os.path.join(self.scratch.name, name)

    def disk(self):
        """A folder on the disk whose stores are measured."""
        return self.scratch.name

    def berthd(self, *arguments, folder=None):
        if "--store" not in arguments:
            arguments += ("--store", "memory")
        return Server(
            os.path.join(folder or self.folder, "berthd"), "--listen", "127.0.0.1:0", "--console",
            "127.0.0.1:0", "--shards", "1", *arguments)

    def echo_server(self):
        return Server(os.path.join(self.folder, "echo_server"))

    def hiccups(self):
        """One run of nothing: how long the machine itself keeps requests waiting."""
        return json.loads(run(os.path.join(self.folder, "hiccups"), str(self.seconds)))

    def load(self, server, scenario, **flags):
        """One run of berth-loadgen; what it reports. `rate=5` is --rate 5, `x=True` is --x."""
        return self.finish(self.start(server, scenario, **flags))

    def start(self, server, scenario, **flags):
        """The same, to go on beside something else until `finish`."""
        command = [os.path.join(self.folder, "berth-loadgen"), scenario, "--server", server.wire, "--json"]
        for name, value in flags.items():
            command += [f"--{name.replace('_', '-')}"] + ([] if value is True else [str(value)])
        if not {"seconds", "requests", "arrivals"} & set(flags):
            command += ["--seconds", str(self.seconds)]
        try:
            return subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=many_files)
        except OSError as error:
            raise Failed(f"cannot start {command[0]}: {error.strerror}; build it first, or say --bin") from error

    def finish(self, running):
        try:
            out, err = running.communicate()
        finally:
            running.kill()
        if running.returncode != 0:
            raise Failed(f"`{' '.join(running.args)}` ended with {running.returncode}: {err.strip()} {out.strip()}")
        return json.loads(out)


def run(*command):
    """A tool that must succeed."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"`{' '.join(command)}` ended with {done.returncode}: {(done.stdout + done.stderr)[-2000:]}")
    return done.stdout


def machine():
    """What a figure depends on besides the program."""
    model = "unknown processor"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"], cwd=ROOT, capture_output=True, text=True)
    return {
        "processor": model,
        "cores": len(os.sched_getaffinity(0)),
        "kernel": os.uname().release,
        "load_average": round(os.getloadavg()[0], 2),
        "commit": commit.stdout.strip() or "unknown",
    }
