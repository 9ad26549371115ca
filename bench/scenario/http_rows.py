"""The rows of the HTTP API: placements by wrk, and what a large page costs those who place meanwhile."""

import contextlib
import http.client
import json
import shutil
import subprocess
import tempfile
import time

import programs
from table import Figure

CONNECTIONS = 32
PAGES = (("/v1/workers", 100), ("/metrics", 20))  # target, ms
TAGS = ("cpu", "gpu", "ssd")


def wrk(bench, server, target, script=None):
    """One run of wrk on one thread; what it reports. `script` is Lua that makes the requests."""
    if shutil.which("wrk") is None:
        raise programs.Failed("wrk is missing; install it with: apt-get install wrk")
    path = bench.path("wrk.lua")
    with open(path, "w", encoding="ascii") as file:
        file.write((script or "") + REPORT)
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(bench.seconds))}s", "-s", path,
               f"http://{server.http}{target}"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise programs.Failed(f"`{' '.join(command)}`: {done.stderr.strip()} {done.stdout.strip()}")
    report = json.loads(done.stdout.splitlines()[-1])
    if report["failed"] or not report["per_s"]:
        raise programs.Failed(f"`{' '.join(command)}`: {report['failed']} requests failed")
    return report


REPORT = """
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format('{"per_s":%f,"p50_us":%d,"p99_us":%d,"failed":%d}\\n',
    summary.requests * 1e6 / summary.duration, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""

# Every task has a name of its own, and every name the same length, so that the head is made once. Tasks
# give their places back soon, for the load generator's workers have room for few.
PLACE = """
local run = os.time() % 1000000
local head = 'POST /v1/place HTTP/1.1\\r\\nHost: localhost\\r\\n' ..
  'Content-Type: application/json\\r\\nContent-Length: 43\\r\\n\\r\\n'
local count = 0
request = function()
  count = count + 1
  return head .. string.format('{"task_id":"%06d-%09d","hold_ms":20}', run, count)
end
"""


SCHEDULE = """
local run = os.time() % 1000000
local head = 'POST /api/v1/schedule HTTP/1.1\\r\\nHost: localhost\\r\\n' ..
  'Content-Type: application/json\\r\\nContent-Length: 54\\r\\n\\r\\n'
local count = 0
request = function()
  count = count + 1
  return head .. string.format('{"task_id":"%06d-%09d","required_tags":["gpu"]}', run, count)
end
"""


@contextlib.contextmanager
def registered(bench, server, workers):
    """Keeps so many workers there: the load generator forgets them at its end."""
    running = bench.start(server, "schedule", workers=workers, rate=10, connections=1, depth=1, seconds=600)
    try:
        wait_for_workers(server, workers)
        yield
    finally:
        running.kill()
        running.communicate()


def count_workers(server):
    connection = http.client.HTTPConnection(server.http)
    connection.request("GET", "/v1/stats")
    stats = json.loads(connection.getresponse().read())
    connection.close()
    return next(stat["value"] for stat in stats["stats"] if stat["name"] == 'berth_workers{status="online"}')


def http_place(bench):
    """POST /v1/place by wrk at 500 and 10,000 workers, in turn with GET /livez"""
    figures = []
    for workers in (500, 10_000):
        with bench.berthd() as server, registered(bench, server, workers):
            pairs = [(wrk(bench, server, "/livez"), wrk(bench, server, "/", PLACE))
                     for _ in range(bench.runs)]
        alive, placed = zip(*pairs)
        name = f"{workers:,} workers, {CONNECTIONS} connections"
        figures += [
            Figure("http_place", f"GET /livez, {name}", [run["per_s"] for run in alive], "/s"),
            Figure("http_place", f"placements, {name}", [run["per_s"] for run in placed], "/s",
                   floor=60_000),
            Figure("http_place", f"placements / GET /livez, {workers:,} workers",
                   [b["per_s"] / a["per_s"] for a, b in pairs]),
            Figure("http_place", f"p99 of the placements, {workers:,} workers",
                   [run["p99_us"] / 1e3 for run in placed], "ms", ceiling=3),
        ]
    return figures


def beat(server, workers):
    """Workers of the older API, with room for all that one run places: no beat of theirs follows."""
    connection = http.client.HTTPConnection(server.http)
    for i in range(workers):
        said = {"worker_id": f"w{i}", "address": "127.0.0.1:9", "resource_tags": TAGS,
                "max_tasks": 65535, "current_tasks": 0, "timestamp": int(time.time())}
        connection.request("POST", "/api/v1/heartbeat", json.dumps(said))
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise programs.Failed(f"POST /api/v1/heartbeat: {answer.status} {text[:200]}")
    connection.close()


def http_schedule(bench):
    """POST /api/v1/schedule by wrk at 500 and 10,000 workers, in turn with GET /livez"""
    figures = []
    for workers in (500, 10_000):
        pairs = []
        for _ in range(bench.runs):
            with bench.berthd("--suspicious-after", "10m", "--offline-after", "20m") as server:
                beat(server, workers)
                pairs.append((wrk(bench, server, "/livez"), wrk(bench, server, "/", SCHEDULE)))
        alive, placed = zip(*pairs)
        name = f"{workers:,} workers, {CONNECTIONS} connections"
        figures += [
            Figure("http_schedule", f"GET /livez, {name}", [run["per_s"] for run in alive], "/s"),
            Figure("http_schedule", f"placements, {name}", [run["per_s"] for run in placed], "/s",
                   floor=60_000),
            Figure("http_schedule", f"placements / GET /livez, {workers:,} workers",
                   [b["per_s"] / a["per_s"] for a, b in pairs]),
            Figure("http_schedule", f"p99 of the placements, {workers:,} workers",
                   [run["p99_us"] / 1e3 for run in placed], "ms", ceiling=3),
        ]
    return figures


class Reader:
    """Gets one page after the other until it is told to stop, and then knows how long each took.

    curl, and the lowest priority, since it stands for a machine of its own."""

    def __init__(self, server, target):
        self.target = target
        self.said = tempfile.TemporaryFile()
        # A part behind # is not sent: it only makes curl ask the same a million times.
        self.child = subprocess.Popen(
            ["nice", "-n", "19", "curl", "--silent", "--show-error", "--output", "/dev/null", "--write-out",
             "%{stderr}%{http_code} %{size_download} %{time_total}\n", f"http://{server.http}{target}#[1-1000000]"],
            stdout=self.said, stderr=subprocess.STDOUT)

    def stop(self):
        """How long each took that was whole, in ms: the last were asked for when the workers had left."""
        self.child.terminate()
        self.child.wait()
        self.said.seek(0)
        pages = []
        for line in self.said.read().decode().split("\n")[:-1]:
            if not line.startswith("200 "):
                raise programs.Failed(f"GET {self.target}: {line}")
            pages.append([float(word) for word in line.split()[1:]])
        if not pages:
            raise programs.Failed(f"GET {self.target}: no answer during the whole run")
        whole = max(size for size, _ in pages)
        return [1e3 * seconds for size, seconds in pages if size > 0.9 * whole]


def wait_for_workers(server, count):
    end = time.monotonic() + 60
    while count_workers(server) < count:
        if time.monotonic() > end:
            raise programs.Failed(f"{count} workers did not register within a minute")
        time.sleep(0.05)


def p99_beside(bench, server, target, asked, load):
    """p99 of placements on `server` while `asked` is read, in µs; how long each of its pages took."""
    running = bench.start(server, "schedule", **load)
    wait_for_workers(server, load["workers"])
    reader = Reader(asked, target)
    running.wait()
    pages = reader.stop()
    return bench.finish(running)["latency_us"]["p99"], pages


def http_pages(bench):
    """GET /v1/workers and /metrics at 10,000 workers in a loop, and the wire's placements beside it"""
    rate, workers = 20_000, 10_000
    load = {"rate": rate, "workers": workers, "connections": 8, "depth": 64}
    figures = []
    for target, ceiling in PAGES:
        pages, alone, beside, elsewhere = [], [], [], []
        with bench.berthd() as server:
            for _ in range(bench.runs):
                alone.append(bench.load(server, "schedule", **load)["latency_us"]["p99"])
                p99, took = p99_beside(bench, server, target, server, load)
                beside.append(p99)
                pages += took
            # The same processor time, and nothing else in common: what is left is the machine's.
            with bench.berthd() as other, registered(bench, other, workers):
                for _ in range(bench.runs):
                    elsewhere.append(p99_beside(bench, server, target, other, load)[0])
        name = f"GET {target}, {workers:,} workers"
        figures += [
            Figure("http_pages", name, pages, "ms", ceiling=ceiling),
            Figure("http_pages", f"p99 of wire placements at {rate:,}/s, alone", alone, "µs"),
            Figure("http_pages", f"the same beside {name}", beside, "µs"),
            Figure("http_pages", f"the same beside GET {target} of another server", elsewhere, "µs"),
            Figure("http_pages", "beside / alone", [b / a for a, b in zip(alone, beside)], ceiling=1.5),
            Figure("http_pages", "beside / beside another server's",
                   [b / a for a, b in zip(elsewhere, beside)]),
        ]
    return figures


ROWS = {row.__name__: row for row in (http_place, http_schedule, http_pages)}
