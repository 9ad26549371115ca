"""The row of the server's planner: what placements notice of it."""

import json
import os
import subprocess
import tempfile
import time
import urllib.request
from contextlib import contextmanager

import programs
from table import Figure

BACKLOG = 400


def post(server, path, body):
    request = urllib.request.Request(
        f"http://{server.http}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


@contextmanager
def backlog(bench, server):
    """One agent with one slot, taken for hours, and jobs behind it that differ in everything but that."""
    with tempfile.TemporaryDirectory() as state:
        agent = subprocess.Popen(
            [os.path.join(bench.folder, "berth-agent"), "--server", server.wire, "--id", "only", "--max-tasks", "1",
             "--state-dir", state, "--stop-tasks-on-exit"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            jobs = [{"command": ["sleep", "36000"], "estimate": "10h"}]
            jobs += [{"command": ["true"], "estimate": f"{10 + 7 * i % 1000}s"} for i in range(BACKLOG)]
            post(server, "/v1/jobs", jobs)
            yield
        finally:
            agent.terminate()
            agent.wait()


def planner_seconds(server):
    """Processor time of the planner's thread so far."""
    tasks = f"/proc/{server.child.pid}/task"
    for thread in os.listdir(tasks):
        with open(f"{tasks}/{thread}/stat", encoding="utf-8") as file:
            name, fields = file.read().rsplit(")", 1)
        if name.endswith("(planner"):
            user, system = fields.split()[11:13]
            return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    raise programs.Failed("the server has no thread named planner")


def planner(bench):
    """the wire's placements beside the planner at work all the time, and with no planner"""
    load = {"rate": 20_000, "workers": 1_000, "connections": 8, "depth": 64}
    busy, idle, shares = [], [], []
    settings = ("--plan-budget", "500ms", "--plan-period", "10ms")
    with bench.berthd(*settings) as one, bench.berthd("--planner=false") as other:
        with backlog(bench, one), backlog(bench, other):
            for _ in range(bench.runs):
                began, used = time.monotonic(), planner_seconds(one)
                busy.append(bench.load(one, "schedule", **load)["latency_us"]["p99"])
                shares.append((planner_seconds(one) - used) / (time.monotonic() - began))
                idle.append(bench.load(other, "schedule", **load)["latency_us"]["p99"])
    return [
        Figure("planner", f"p99 of wire placements at {load['rate']:,}/s, no planner", idle, "µs"),
        Figure("planner", f"the same while {BACKLOG} jobs are planned all the time", busy, "µs"),
        Figure("planner", "of one core, the planner's", [100 * share for share in shares], "%"),
        Figure("planner", "planning / no planner", [b / i for b, i in zip(busy, idle)], ceiling=1.3),
    ]


ROWS = {row.__name__: row for row in (planner,)}
