"""`berth plan`: schedules for problems in files. No server is needed."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
sys.path.insert(0, os.path.join(ROOT, "bench", "scenario"))

import planning_check  # noqa: E402
from harness import DEADLINE_S, program  # noqa: E402

# For what ends by itself: how long the machine takes must not decide what is proved.
UNHURRIED = ("--budget", "1h")

WORKER = {"id": "a", "capacity": {"cpu": 2}}


def task(name="t", **rest):
    return {"id": name, "demand": {"cpu": 1}, "duration_s": 1, **rest}


def problem(tasks, objective="makespan", workers=(WORKER,)):
    return {"objective": objective, "workers": list(workers), "tasks": tasks}


def solve(text, *options):
    return subprocess.run(
        [program("berth"), "plan", "solve", "--problem", "-", "--json", *options],
        input=text if isinstance(text, str) else json.dumps(text),
        capture_output=True, text=True, timeout=DEADLINE_S, check=False)


class PlanSolve(unittest.TestCase):
    def test_answers_keep_every_rule_and_say_what_they_cost(self):
        chain = [task("x", duration_s=10, demand={"cpu": 2}), task("y", after=["x"], duration_s=2.5),
                 task("z", release_s=3, deadline_s=20, duration_s={"a": 4})]
        for objective, cost in (("makespan", 14), ("weighted_tardiness", 0), ("workers_used", 1)):
            with self.subTest(objective):
                done = solve(problem(chain, objective), *UNHURRIED)
                self.assertEqual(done.returncode, 0, done.stderr)
                answer = json.loads(done.stdout)
                self.assertIsNone(planning_check.fault(problem(chain, objective), answer))
                self.assertEqual((answer["cost"], answer["proved"]), (cost, True))

    def test_every_engine_answers(self):
        tasks = [task(f"t{i}", duration_s=1 + i % 5) for i in range(12)]
        for engine in ("auto", "greedy", "exact", "anytime"):
            answer = json.loads(solve(problem(tasks), "--engine", engine, "--budget", "200ms").stdout)
            self.assertIsNone(planning_check.fault(problem(tasks), answer))
            self.assertIn(engine, answer["engine"])

    def test_the_same_seed_gives_the_same_plan(self):
        tasks = [task(f"t{i}", duration_s=1 + i * 7 % 5) for i in range(10)]
        options = ("--seed", "3", *UNHURRIED)
        first, second = (json.loads(solve(problem(tasks), *options).stdout) for _ in range(2))
        self.assertEqual(first["assignments"], second["assignments"])

    def test_what_has_no_schedule_ends_with_7_and_the_reason(self):
        nobody = "no worker can run task t"
        cases = {
            "too large": ([task(demand={"cpu": 3})], f"{nobody}: it asks for cpu 3, and the most that a worker has which may run it is 2"),
            "a resource nobody has": ([task(demand={"gpu": 1})], f"{nobody}: it asks for gpu 1, and the most that a worker has which may run it is 0"),
            "too late by itself": ([task(duration_s=5, deadline_s=4)],
                                   "task t cannot end before 5 s, its deadline is 4 s"),
            "too late together": ([task(f"t{i}", deadline_s=1) for i in range(3)],
                                  "no schedule meets all deadlines: check the deadlines, or add workers"),
        }
        for name, (tasks, reason) in cases.items():
            with self.subTest(name):
                done = solve(problem(tasks), *UNHURRIED)
                self.assertEqual(done.returncode, 7)
                self.assertEqual(json.loads(done.stdout), {"error": "infeasible", "message": reason})
                self.assertIn(reason, done.stderr)

    # It said that no schedule met all deadlines, though there were none.
    def test_workers_used_says_that_tasks_start_at_their_release(self):
        held = "starts every task without a deadline at its release, as workers_used asks for"
        remedy = "give such tasks a deadline_s, or add workers"
        both = [task("x", demand={"cpu": 1.5}), task("y", demand={"cpu": 1.5})]
        one_dated = [both[0], {**both[1], "deadline_s": 1}]
        for name, tasks, options, message in (
            ("nobody has a deadline", both, (), f"no schedule {held}: {remedy}"),
            ("greedy has no use for more time", both, ("--engine", "greedy"),
             f"no schedule that {held} was found: --engine greedy makes but one, choose auto; or {remedy}"),
            ("one has", one_dated, (),
             f"no schedule meets all deadlines and {held}: {remedy}"),
        ):
            with self.subTest(name):
                done = solve(problem(tasks, "workers_used"), *UNHURRIED, *options)
                self.assertEqual(done.returncode, 7)
                self.assertEqual(json.loads(done.stdout)["message"], message)

    def test_a_file_that_is_no_problem_ends_with_2_and_says_where(self):
        cases = {
            "": "the file is no JSON problem: line 1, column 1: it ends too early",
            "[]": "the problem is [], an object was expected",
            '{"objective": "speed"}': "objective is 'speed', it has to be makespan",
            '{"objective": "makespan", "worker": []}': "unknown key 'worker'; did you mean 'workers'?",
            json.dumps(problem([], workers=[])): "the problem has no workers",
            json.dumps(problem([task(), task()])): "task 't' is there twice",
            json.dumps(problem([task(after=["u"])])): 'tasks[0].after names "u", which is no task',
            json.dumps(problem([task(after=["t"])])): "task t comes after itself",
            json.dumps(problem([task(duration_s=-1)])): "tasks[0].duration_s is -1",
            json.dumps(problem([task(duration_s="1")])): 'tasks[0].duration_s is "1", a number was expected',
            json.dumps(problem([task(duration_s={"b": 1})])): 'names "b", which is no worker',
            json.dumps(problem([task(demand={"cpu": 1e300})])): "tasks[0].demand.cpu is 1e+300",
            json.dumps(problem([task(weight=None)])): "tasks[0].weight is null",
            json.dumps(problem([task(workers=[])])): "tasks[0].workers allows no worker",
            json.dumps(problem([{"id": "t"}])): "tasks[0] has no 'duration_s'",
            '{"objective":\n  "makespan",, "workers": []}': "no JSON problem: line 2, column 14: ',' does not belong there",
            '{"objective": "makespan"} x': "line 1, column 27: 'x' does not belong there",
            '{"objective": "makespan", "workers": 1e999}': "a number in it is larger than any that can be kept",
            "[" * 100_000: "the file is no JSON",
            '{"objective": ' + "[" * 1_000_000 + "]" * 1_000_000 + "}": "nests more than 8 deep",
            json.dumps(problem([task()])).replace('"t"', '"\\ud800"'): "the file is no JSON",
            '{"objective": "makespan", "objective": ["makespan"]}': "the outermost object has 'objective' twice",
            json.dumps(problem([task(), task("u")])).replace('"id": "u"', '"id": "u", "id": "v"'):
                "tasks[1] has 'id' twice",
            json.dumps(problem([task()])).replace('{"cpu": 1}', '{"cpu": 1, "cpu": 2}'):
                "tasks[0].demand has 'cpu' twice",
        }
        for text, words in cases.items():
            with self.subTest(text[:60]):
                done = solve(text)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(words, json.loads(done.stdout)["message"])

    def test_exact_says_how_many_tasks_it_takes(self):
        done = solve(problem([task(f"t{i}") for i in range(21)]), "--engine", "exact")
        self.assertEqual(done.returncode, 2)
        self.assertIn("use --engine auto", done.stderr)

    def test_a_file_that_is_not_there_and_unknown_options(self):
        for options in (["--problem", "/nowhere.json"], ["--problem", "-", "--engine", "magic"],
                        ["--problem", "-", "--budget", "soon"], []):
            done = subprocess.run([program("berth"), "plan", "solve", *options], stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, timeout=DEADLINE_S, check=False)
            self.assertEqual(done.returncode, 2, options)
            self.assertTrue(done.stderr.startswith("berth: "), done.stderr)


LOG = """; MaxProcs: 4
1 0 -1 100 4 -1 -1 -1 100 -1 1 1 -1 -1 0 -1 -1 -1
2 1 -1 50 4 -1 -1 -1 50 -1 1 1 -1 -1 0 -1 -1 -1
3 2 -1 10 1 -1 -1 -1 10 -1 1 1 -1 -1 0 -1 -1 -1
4 3 -1 0 1 -1 -1 -1 10 -1 1 1 -1 -1 0 -1 -1 -1
"""


class PlanSimulate(unittest.TestCase):
    def simulate(self, log, *options):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "log.swf")
            with open(path, "w") as file:
                file.write(log)
            return subprocess.run(
                [program("berth"), "plan", "simulate", "--swf", path, "--out", "-", *options],
                capture_output=True, text=True, timeout=DEADLINE_S, check=False)

    def starts(self, *options):
        done = self.simulate(LOG, *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [(one["job"], one["start_s"]) for one in map(json.loads, done.stdout.splitlines())]

    def test_every_policy_starts_whom_it_says(self):
        for policy, expected in {
            "fcfs": [(1, 0), (2, 100), (3, 150)],
            "easy": [(1, 0), (2, 100), (3, 150)],
            "sjbf": [(1, 0), (2, 100), (3, 150)],
            "greedy": [(1, 0), (2, 100), (3, 150)],
            "plan": [(1, 0), (2, 110), (3, 100)],
        }.items():
            with self.subTest(policy):
                self.assertEqual(self.starts("--policy", policy, "--estimates", "actual"), expected)

    def test_the_same_seed_gives_the_same_output(self):
        """Of a log that is worth a search: 60 jobs on 4 processors, the least and the most of them at once."""
        log = "; MaxProcs: 4\n" + "".join(
            f"{i} {i * 7} -1 {1 + i * i % 97} {1 + i % 4} -1 -1 -1 -1 -1 1 {i % 3} {i % 2} -1 0 -1 -1 -1\n"
            for i in range(1, 61))
        for estimates in ("actual", "learned"):
            with self.subTest(estimates):
                options = ("--policy", "plan", "--estimates", estimates, "--seed", "7", "--steps", "2000")
                first, second = self.simulate(log, *options), self.simulate(log, *options)
                self.assertEqual(first.returncode, 0, first.stderr)
                self.assertEqual(first.stdout, second.stdout)
                self.assertEqual(sorted(json.loads(line)["job"] for line in first.stdout.splitlines()),
                                 list(range(1, 61)))

    def test_a_part_of_the_log(self):
        self.assertEqual(self.starts("--skip", "1", "--count", "1"), [(2, 1)])
        none = self.simulate(LOG, "--count", "0")
        self.assertEqual(none.returncode, 2)
        self.assertIn("'0' would replay nothing: give 1 or more, or leave it out", none.stderr)

    def test_what_has_not_ended_is_not_known(self):
        """A log in which all run ten times as long after the first one ended, read with learned estimates,
        starts the same jobs up to then."""
        changed = LOG.replace("3 2 -1 10 1", "3 2 -1 100 1")
        first = self.starts("--estimates", "learned")
        done = self.simulate(changed, "--estimates", "learned")
        second = [(one["job"], one["start_s"]) for one in map(json.loads, done.stdout.splitlines())]
        self.assertEqual([one for one in first if one[1] <= 100], [one for one in second if one[1] <= 100])

    def test_a_log_that_cannot_be_read_says_why(self):
        cases = {
            "1 2 3\n": "line 1 has no 18 numbers",
            LOG.replace("; MaxProcs: 4", ";"): "add a line '; MaxProcs: N'",
            LOG.replace("; MaxProcs: 4", "; MaxProcs: 2"): "job 1 needs 4 processors, the machine has 2",
            "; MaxProcs: 4\n": "the log has 0 jobs that ran",
            LOG.replace("0 -1 100 4", "0 -1 1e300 4"): "line 2 has no 18 numbers from -1 to 1000000000",
            LOG.replace("0 -1 100 4", "0 -1 nan 4"): "line 2 has no 18 numbers",
            LOG.replace("0 -1 100 4", "0 -1 ten 4"): "line 2 has no 18 numbers",
            LOG.replace("MaxProcs: 4", "MaxProcs: 99999999999"): "at most 1000000000 can be replayed",
            LOG.replace("MaxProcs: 4", "MaxProcs: -4"): "add a line '; MaxProcs: N'",
            LOG.replace("2 1 -1 50", "2 -12 -1 50"): "line 3: its submit time is -12; a number from 0, or -1 where",
            LOG.replace("2 1 -1 50", "1 1 -1 50"): "two jobs that ran have the number 1: give each its own",
            "\0" * 50: "line 1 has no 18 numbers",
            LOG.replace("MaxProcs: 4", "MaxProcs: 100000"): "choose --policy fcfs, easy or sjbf",
        }
        for log, words in cases.items():
            with self.subTest(words):
                done = self.simulate(log)
                self.assertEqual(done.returncode, 2)
                self.assertIn(words, done.stderr)


if __name__ == "__main__":
    unittest.main()
