"""Kills and pauses everything at random under a stream of real jobs, then accounts for every one.

    BERTH_CHAOS_SEED=7 BERTH_CHAOS_SECONDS=60 BERTH_BIN=build/release/bin python3 tests/e2e/test_chaos.py

The seed of a run is printed; the same seed gives the same faults and the same jobs.
"""

import collections
import json
import os
import random
import re
import time
import unittest

from chaos import Fleet, storm
from harness import EndToEndTest, Process, eventually

SECONDS = int(os.environ.get("BERTH_CHAOS_SECONDS", "60"))
SEED = int(os.environ.get("BERTH_CHAOS_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
AGENTS = 3
STREAMS = 2
SUBMITS_PER_S = 4  # of each stream, of two and a half jobs each
# Without faults a job that can run does so within a second or two. Nothing at all within this is a hang.
PROGRESS_S = 60
LIVE = "PENDING,ASSIGNED,RUNNING,LOST,RETRYING"
ENDED = ("COMPLETED", "FAILED", "ABORTED")
CAN_COMPLETE = {"quick", "short", "long", "flaky", "once", "forking", "deaf", "loud"}


class Chaos(EndToEndTest):
    def stream(self, fleet, number):
        order = {
            "do": "submit",
            "server": fleet.address,
            "name": f"stream{number}",
            "seed": SEED * 10 + number,
            "seconds": SECONDS,
            "per_s": SUBMITS_PER_S,
            "evidence": self.path("evidence"),
        }
        return Process(self, "job_stream", json.dumps(order))

    def acknowledged(self, streams):
        """Job → its kind, its attempts, and the jobs that it came after."""
        jobs = {}
        for stream in streams:
            for line in stream.output().splitlines():
                for one in json.loads(line)["jobs"]:
                    for job in range(one["job"], one["job"] + one["count"]):
                        jobs[job] = one
        return jobs

    def dump(self, fleet):
        order = {"do": "dump", "server": fleet.address}
        process = Process(self, "job_stream", json.dumps(order))
        self.assertEqual(process.wait(120), 0, process.log())
        return {row["job"]: row for row in map(json.loads, process.output().splitlines())}

    def runs(self):
        """(job, attempt) → how often it was begun."""
        with open(self.path("evidence"), encoding="ascii") as file:
            return collections.Counter(tuple(map(int, line.split())) for line in file)

    def wait_for_all_to_end(self, fleet):
        """As long as something happens, however slowly."""
        seen, since = None, time.monotonic()
        while True:
            page = self.cli_json(fleet.server, "job", "list", "--state", LIVE, "--limit", 500)
            now = [(job["job_id"], job["state"], job["attempt_count"]) for job in page["jobs"]]
            if not now:
                return
            if now != seen:
                seen, since = now, time.monotonic()
            if time.monotonic() - since > PROGRESS_S:
                explained = self.cli(fleet.server, "job", "explain", now[0][0]).stdout
                self.fail(f"nothing happens to {len(now)} jobs, {now[:10]}…; the first: {explained}")
            time.sleep(0.2)

    def test_every_acknowledged_job_is_accounted_for(self):
        print(f"BERTH_CHAOS_SEED={SEED} BERTH_CHAOS_SECONDS={SECONDS}", flush=True)
        fleet = Fleet(self, AGENTS)
        for name in fleet.names:
            self.wait_for_status(fleet.server, name, "online")
        streams = [self.stream(fleet, number) for number in range(STREAMS)]
        faults = storm(fleet, random.Random(SEED), SECONDS)
        fleet.mend_all()
        for stream in streams:
            self.assertEqual(stream.wait(120), 0, stream.log())
        self.wait_for_all_to_end(fleet)

        accepted, jobs = self.acknowledged(streams), self.dump(fleet)
        states = collections.Counter(row["state"] for row in jobs.values())
        print(f"{faults}\n{len(accepted)} jobs, {dict(states)}", flush=True)
        self.account(accepted, jobs, self.runs())
        fleet.leave()
        self.expect_no_groups(fleet, jobs)

        fleet.kill_server(None)
        fleet.mend_server()
        self.assertEqual(self.dump(fleet), jobs)

    def expect_no_groups(self, fleet, jobs):
        try:
            eventually(lambda: not fleet.groups_left(), "no control group of a task is left")
        except AssertionError as problem:
            inside = [name for group in fleet.groups_left() for name in os.listdir(group)]
            left = sorted({name for name in inside if re.fullmatch(r"\d+\.\d+\.\d+", name)})
            tasks = [a for row in jobs.values() for a in row["attempts"] if a["assignment"] in left]
            self.fail(f"{problem}: {left}; {tasks}")

    # ---- The books

    def account(self, accepted, jobs, runs):
        problems = []
        for job, promised in sorted(accepted.items()):
            row = jobs.get(job)
            if row is None:
                problems.append(f"{job}: acknowledged, and forgotten")
                continue
            begun = {a: n for (j, a), n in runs.items() if j == job}
            before = self.states_before(promised, accepted, jobs)
            for problem in self.check(row, promised, begun, before):
                problems.append(f"{job} ({promised['kind']}): {problem}: {row}, began {begun}")
        unknown = {job for job, _ in runs} - set(accepted)
        problems += [f"{job}: ran, and was never acknowledged" for job in sorted(unknown)]
        problems += [f"{j}: attempt {a} began {n} times" for (j, a), n in runs.items() if n > 1]
        self.assertEqual(problems, [], f"{len(problems)} problems; the first: {problems[:3]}")

    def states_before(self, promised, accepted, jobs):
        """Of what it came after; of an array, of all of it."""
        states = set()
        for one in promised["after"]:
            for job in range(one["job"], one["job"] + accepted[one["job"]]["count"]):
                states.add(jobs.get(job, {}).get("state"))
        return states

    def check(self, row, promised, begun, before):
        completed = [a["attempt"] for a in row["attempts"] if a["state"] == "COMPLETED"]
        ids = [tuple(map(int, a["assignment"].split("."))) for a in row["attempts"]]
        if row["state"] not in ENDED:
            yield "has not ended"
        if row["attempts_max"] != promised["attempts_max"]:
            yield "is not as it was submitted"
        if row["attempt_count"] > row["attempts_max"]:
            yield "had more attempts than allowed"
        if any(attempt["state"] in ("ASSIGNED", "RUNNING") for attempt in row["attempts"]):
            yield "has an attempt that has not ended"
        if [epoch for _, _, epoch in ids] != sorted({epoch for _, _, epoch in ids}):
            yield "has assignment ids that do not increase"
        if not set(begun) <= {attempt for _, attempt, _ in ids}:
            yield "has run an attempt that is not in its list"
        if row["state"] == "COMPLETED":
            if promised["kind"] not in CAN_COMPLETE:
                yield "cannot have completed"
            if len(completed) != 1 or completed[0] not in begun:
                yield "has not completed exactly one attempt that ran"
            if promised["kind"] == "flaky" and completed < [3]:
                yield "completed too early"
        elif completed:
            yield "has a completed attempt, and did not complete"
        if row["state"] == "FAILED":
            if row["attempt_count"] != row["attempts_max"]:
                yield "failed with attempts left"
            if row["error"] == "none" or not row["message"]:
                yield "failed without a reason"
        if row["state"] == "ABORTED" and not before & {"FAILED", "ABORTED"}:
            yield f"aborted, and what it came after is {before}"
        if row["state"] == "COMPLETED" and before - {"COMPLETED"}:
            yield f"completed, and what it came after is {before}"


if __name__ == "__main__":
    unittest.main()
