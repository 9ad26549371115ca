"""The rows of the HTTP API: placements by wrk, and what a large page costs those who place meanwhile."""

import contextlib
import http.client
import json
import shutil
import subprocess
import threading
import time

import programs
from table import Figure

CONNECTIONS = 32
PAGES = (("/v1/workers", 100), ("/metrics", 20))  # target, ms


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


class Reader(threading.Thread):
    """Gets one page after the other until it is told to stop, and knows how long each took."""

    def __init__(self, server, target):
        super().__init__()
        self.connection = http.client.HTTPConnection(server.http)
        self.target = target
        self.took_ms = []
        self.problem = None
        self.done = threading.Event()

    def run(self):
        try:
            while not self.done.is_set():
                begin = time.monotonic()
                self.connection.request("GET", self.target)
                answer = self.connection.getresponse()
                answer.read()
                self.took_ms.append(1e3 * (time.monotonic() - begin))
                if answer.status != 200:
                    raise programs.Failed(f"GET {self.target}: {answer.status}")
        except Exception as error:  # told by the thread that started this one
            self.problem = error

    def stop(self):
        self.done.set()
        self.join()
        if self.problem:
            raise programs.Failed(str(self.problem))


def wait_for_workers(server, count):
    end = time.monotonic() + 60
    while count_workers(server) < count:
        if time.monotonic() > end:
            raise programs.Failed(f"{count} workers did not register within a minute")
        time.sleep(0.05)


def http_pages(bench):
    """GET /v1/workers and /metrics at 10,000 workers in a loop, and the wire's placements beside it"""
    rate, workers = 20_000, 10_000
    load = {"rate": rate, "workers": workers, "connections": 8, "depth": 64}
    figures = []
    for target, ceiling in PAGES:
        pages, alone, beside = [], [], []
        with bench.berthd() as server:
            for _ in range(bench.runs):
                alone.append(bench.load(server, "schedule", **load)["latency_us"]["p99"])
                running = bench.start(server, "schedule", **load)
                wait_for_workers(server, workers)
                reader = Reader(server, target)
                reader.start()
                running.wait()
                reader.stop()
                beside.append(bench.finish(running)["latency_us"]["p99"])
                # The last one may have been asked for when the workers had left.
                pages += reader.took_ms[:-1]
        name = f"GET {target}, {workers:,} workers"
        figures += [
            Figure("http_pages", name, pages, "ms", ceiling=ceiling),
            Figure("http_pages", f"p99 of wire placements at {rate:,}/s, alone", alone, "µs"),
            Figure("http_pages", f"the same beside {name}", beside, "µs"),
            Figure("http_pages", "beside / alone", [b / a for a, b in zip(alone, beside)], ceiling=1.5),
        ]
    return figures


ROWS = {row.__name__: row for row in (http_place, http_pages)}
