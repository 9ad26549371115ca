"""The rows of durable jobs: each measures one thing and returns its figures.

A store that syncs is as fast as the disk under it: those rows stand beside what an `fdatasync` costs
there, measured in the same run.
"""

import json
import os
import statistics
import subprocess
import sys
import time

import programs
from table import Figure

MB = 1e6
LOAD = {"in_flight": 512, "workers": 8}
MANY = 1_000_000
FEW = 1_000


def sqlite_server(bench, name):
    """A server whose jobs are in a file of their own on the disk that is measured."""
    folder = os.path.join(bench.disk(), name)
    os.makedirs(folder, exist_ok=True)
    return bench.berthd("--store", f"sqlite:{os.path.join(folder, 'berth.db')}")


def sync_ms(bench):
    """What an fdatasync of 4 KiB takes on that disk, in ms: the median of 200."""
    took = []
    path = os.path.join(bench.disk(), "sync")
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        for i in range(200):
            os.pwrite(file, b"x" * 4096, 4096 * (i % 16))
            start = time.perf_counter()
            os.fdatasync(file)
            took.append(1e3 * (time.perf_counter() - start))
    finally:
        os.close(file)
        os.unlink(path)
    return statistics.median(took)


def jobs(bench, server, **flags):
    return bench.load(server, "jobs", **{**LOAD, **flags})


def cpu_us(runs):
    """What one life cycle took of the server's processors, in µs."""
    return [1e6 * run["server_cpu_s"] / run["completed"] for run in runs]


def rival(bench, name, *arguments):
    """What a program of bench/rivals measures; nothing when its server is not installed."""
    path = os.path.join(programs.ROOT, "bench", "rivals", name)
    rates = []
    os.chmod(bench.disk(), 0o711)  # a rival may have to run as a user of its own
    for _ in range(bench.runs):
        run = subprocess.run([path, "--seconds", str(bench.seconds), "--folder", bench.disk(), *arguments],
                             capture_output=True, text=True)
        if run.returncode != 0:
            # What cannot be measured here is no reason to lose the rest of the row.
            print(f"without {name}: {run.stderr.strip()}", file=sys.stderr)
            return []
        rates.append(json.loads(run.stdout)["jobs_per_s"])
    return rates


def rival_figures(row, measured):
    return [Figure(row, what, rates, "/s") for what, rates in measured if rates]


def jobs_memory(bench):
    """life cycles of jobs, 512 in flight, --store memory; Redis in RAM where it is installed"""
    with bench.berthd() as server:
        runs = [jobs(bench, server) for _ in range(bench.runs)]
    row = "jobs_memory"
    return [
        Figure(row, "life cycles, 512 in flight", [run["jobs_per_s"] for run in runs], "/s", floor=150_000),
        Figure(row, "server's CPU for one of them", cpu_us(runs), "µs"),
        Figure(row, "life cycle p50", [run["latency_us"]["p50"] / 1e3 for run in runs], "ms"),
        *rival_figures(row, [("Redis in RAM: push, move, remove", rival(bench, "redis_jobs"))]),
    ]


def jobs_sqlite(bench):
    """the same with SQLite, every acknowledgement synced; Redis and PostgreSQL that sync, too"""
    row = "jobs_sqlite"
    runs, syncs = [], []
    with sqlite_server(bench, row) as server:
        for _ in range(bench.runs):
            syncs.append(sync_ms(bench))
            runs.append(jobs(bench, server))
    return [
        Figure(row, "fdatasync of 4 KiB on this disk", syncs, "ms"),
        Figure(row, "life cycles, 512 in flight", [run["jobs_per_s"] for run in runs], "/s", floor=60_000),
        Figure(row, "server's CPU for one of them", cpu_us(runs), "µs"),
        Figure(row, "life cycle p50", [run["latency_us"]["p50"] / 1e3 for run in runs], "ms"),
        *rival_figures(row, [
            ("Redis, appendfsync always", rival(bench, "redis_jobs", "--sync")),
            ("PostgreSQL SKIP LOCKED, 100 a statement", rival(bench, "postgres_jobs"))]),
    ]


def jobs_single(bench):
    """one job at a time with SQLite, submit to completed: three syncs one after the other"""
    row = "jobs_single"
    runs, syncs = [], []
    with sqlite_server(bench, row) as server:
        for _ in range(bench.runs):
            syncs.append(sync_ms(bench))
            runs.append(jobs(bench, server, in_flight=1, batch=1, workers=1))
    # 1.5 ms is meant for a disk that syncs in 0.2: a slower one is given what its syncs take longer.
    ceiling = 1.5 + 3 * max(0, statistics.median(syncs) - 0.2)
    return [
        Figure(row, "fdatasync of 4 KiB on this disk", syncs, "ms"),
        Figure(row, "submit to completed, p50", [run["latency_us"]["p50"] / 1e3 for run in runs], "ms",
               ceiling=ceiling),
        Figure(row, "submit to completed, p99", [run["latency_us"]["p99"] / 1e3 for run in runs], "ms"),
    ]


def jobs_pending(bench):
    """1,000,000 pending jobs: memory, dispatch against 1,000 pending, questions, a restart"""
    row = "jobs_pending"
    many = MANY // 20 if bench.quick else MANY
    few_rates, many_rates = [], []
    with bench.berthd() as few, bench.berthd() as full:
        jobs(bench, few, seconds=0.2, pending=FEW, keep=True)
        loaded = jobs(bench, full, seconds=0.2, pending=many, keep=True)
        for _ in range(bench.runs):
            few_rates.append(jobs(bench, few)["jobs_per_s"])
            many_rates.append(jobs(bench, full)["jobs_per_s"])
        asked = [bench.load(full, "jobs-query", requests=3_000) for _ in range(bench.runs)]
    figures = [
        Figure(row, f"server with {many:,} pending", [loaded["server_rss_bytes"] / MB], "MB", ceiling=500),
        Figure(row, f"life cycles beside {FEW:,} pending", few_rates, "/s"),
        Figure(row, f"life cycles beside {many:,} pending", many_rates, "/s"),
        Figure(row, f"{many:,} / {FEW:,}", [m / f for m, f in zip(many_rates, few_rates)], floor=0.8),
    ]
    for question in ("explain", "list", "show"):
        p99 = [run[f"{question}_latency_us"]["p99"] / 1e3 for run in asked]
        figures.append(Figure(row, f"{question} with {many:,} jobs, p99", p99, "ms", ceiling=10))
    return figures + restart(bench, row, many)


def restart(bench, row, pending):
    """From the start of a server, after the one before was killed, until it has answered questions."""
    with sqlite_server(bench, row) as server:
        jobs(bench, server, seconds=0.2, pending=pending, keep=True)
        server.child.kill()
        server.child.wait()
    took = []
    for _ in range(bench.runs):
        start = time.monotonic()
        with sqlite_server(bench, row) as server:
            bench.load(server, "jobs-query", requests=3)
            took.append(time.monotonic() - start)
            server.child.kill()
            server.child.wait()
    return [Figure(row, f"restart with {pending:,} pending until it answers", took, "s", ceiling=5)]


def jobs_placing(bench):
    """placements at 10,000 workers while 20,000 jobs/s run beside, in turn with none"""
    row = "jobs_placing"
    rate = 20_000
    alone, beside, jobs_done = [], [], []
    with bench.berthd() as server:
        for _ in range(bench.runs):
            placing = {"connections": 8, "depth": 64, "workers": 10_000}
            alone.append(bench.load(server, "schedule", **placing)["throughput_per_s"])
            running = bench.start(server, "jobs", **LOAD, rate=rate, seconds=2 + 2 * bench.seconds)
            try:
                beside.append(bench.load(server, "schedule", **placing)["throughput_per_s"])
            finally:
                jobs_done.append(bench.finish(running)["jobs_per_s"])
    return [
        Figure(row, "placements, 8 × 64, 10,000 workers", alone, "/s"),
        Figure(row, f"the same while jobs run at {rate:,}/s", beside, "/s"),
        Figure(row, "with jobs / without", [b / a for a, b in zip(alone, beside)], floor=0.5),
        Figure(row, "life cycles beside", jobs_done, "/s", floor=0.95 * rate),
    ]


ROWS = {row.__name__: row for row in (jobs_memory, jobs_sqlite, jobs_single, jobs_pending, jobs_placing)}
