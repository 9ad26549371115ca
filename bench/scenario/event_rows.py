"""The rows of the stream of events over HTTP."""

import json
import os
import subprocess

import programs
from table import Figure

SUBSCRIBERS = 1_000
SLOW = 10
JOBS_PER_S = 1_500  # each is four events
# So many, at this rate, have passed a subscriber by when the server's ring has turned round.
SECONDS = 25


def start_readers(bench, server, subscribers, slow, seconds):
    """Once every subscriber has its answer."""
    command = [os.path.join(bench.folder, "sse_readers"), server.http, str(subscribers), str(slow), str(seconds)]
    readers = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=programs.many_files)
    if readers.stdout.readline() != "ready\n":
        raise programs.Failed(f"`{' '.join(command)}` did not get all its subscriptions")
    return readers


def sse(bench):
    """1,000 subscribers of /v1/events while jobs make 5,000 events/s and more; 10 do not read"""
    row = "sse"
    seconds = 3 if bench.quick else SECONDS
    rates, missed, cut, slow_cut = [], [], [], []
    with bench.berthd("--http", "127.0.0.1:0") as server:
        for _ in range(1 if bench.quick else min(bench.runs, 3)):
            readers = start_readers(bench, server, SUBSCRIBERS, SLOW, seconds)
            bench.load(server, "jobs", in_flight=2_000, workers=8, rate=JOBS_PER_S, seconds=seconds - 1)
            report = json.loads(readers.communicate()[0])
            rates.append(report["least"] / report["seconds"])
            missed.append(report["missed"])
            cut.append(report["cut"] + report["ended"])
            slow_cut.append(report["slow_cut"])
    return [
        Figure(row, f"events to each of {SUBSCRIBERS - SLOW} subscribers", rates, "/s",
               floor=None if bench.quick else 5_000),
        Figure(row, "events missed, by their ids, all together", missed, ceiling=0),
        Figure(row, "subscribers that read and were cut", cut, ceiling=0),
        Figure(row, f"of {SLOW} that did not read, cut with a last event", slow_cut,
               floor=None if bench.quick else SLOW),
    ]


ROWS = {row.__name__: row for row in (sse,)}
