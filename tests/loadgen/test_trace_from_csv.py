#!/usr/bin/env python3
"""tools/trace_from_csv: what it writes, that a seed says it all, and what it refuses."""

import collections
import json
import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOOL = os.path.join(ROOT, "tools", "trace_from_csv")

NODES = """sn,cpu_milli,memory_mib,gpu,model
n0,8000,1024,2,T4
n1,4000,512,0,
"""
PODS = """name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos
p0,100,10,1,460,,LS
p1,200,20,0,0,,LS
p2,300,30,2,1000,T4|G2|T4,BE
"""


class TraceFromCsv(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name, text=None):
        path = os.path.join(self.folder, name)
        if text is not None:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        return path

    def run_tool(self, *more, nodes=NODES, pods=PODS):
        return subprocess.run(
            [sys.executable, TOOL, "--nodes", self.path("nodes.csv", nodes),
             "--pods", self.path("pods.csv", pods), "--out", "-", *more],
            capture_output=True, text=True)

    def trace(self, *more, **lists):
        run = self.run_tool(*more, **lists)
        self.assertEqual(run.returncode, 0, run.stderr)
        items = [json.loads(line) for line in run.stdout.splitlines()]
        nodes = [item for item in items if "node" in item]
        self.assertEqual(items[:len(nodes)], nodes, "nodes come first")
        return nodes, items[len(nodes):]

    def test_nodes_and_tasks_are_as_listed(self):
        nodes, tasks = self.trace()
        self.assertEqual(nodes, [
            {"node": "n0", "cpu_milli": 8000, "memory_mib": 1024, "gpus": 2, "model": "T4"},
            {"node": "n1", "cpu_milli": 4000, "memory_mib": 512, "gpus": 0, "model": ""}])
        big = next(task for task in tasks if task["num_gpu"] == 2)
        self.assertEqual({**big, "pod": 0}, {
            "pod": 0, "cpu_milli": 300, "memory_mib": 30, "num_gpu": 2, "gpu_milli": 1000,
            "models": ["T4", "G2"]})

    def test_each_task_comes_once_before_any_comes_again(self):
        pods = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\n" + "".join(
            f"p{i},{i},1,1,10,\n" for i in range(100))
        _, tasks = self.trace(pods=pods)
        first_round = [task["cpu_milli"] for task in tasks[:100]]
        self.assertEqual(sorted(first_round), list(range(100)))
        self.assertNotEqual(first_round, sorted(first_round), "in random order")
        # 2 GPUs are 2,000 milli, 130 % are 2,600, at 10 each.
        self.assertEqual(len(tasks), 260)
        self.assertEqual([task["pod"] for task in tasks], list(range(260)))
        again = collections.Counter(task["cpu_milli"] for task in tasks[100:])
        self.assertGreater(max(again.values()), 2, "drawn with replacement")

    def test_it_ends_with_the_task_that_reaches_the_percentage(self):
        for percent in (50, 100, 130):
            _, tasks = self.trace("--percent", str(percent))
            asked = [task["num_gpu"] * task["gpu_milli"] for task in tasks]
            self.assertGreaterEqual(sum(asked) * 100, 2000 * percent)
            self.assertLess(sum(asked[:-1]) * 100, 2000 * percent)

    def test_the_same_seed_makes_the_same_trace(self):
        pods = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\n" + "".join(
            f"p{i},{i},1,1,10,\n" for i in range(100))
        runs = {seed: [self.trace("--seed", seed, pods=pods) for _ in range(2)] for seed in "12"}
        for seed, (first, second) in runs.items():
            self.assertEqual(first, second, f"seed {seed}")
        self.assertNotEqual(runs["1"][0], runs["2"][0])

    def test_what_cannot_be_used_is_refused_with_its_place(self):
        cases = [
            ("a missing column", {"nodes": "sn,cpu_milli\n"}, "no column memory_mib, gpu, model"),
            ("a number that is none", {"pods": PODS.replace("460", "4x0")}, "line 2: gpu_milli is '4x0'"),
            ("a fraction above one", {"pods": PODS.replace("460", "1460")}, "line 2: gpu_milli is 1460"),
            ("nodes without GPUs", {"nodes": NODES.replace(",2,T4", ",0,T4")}, "no node in it has a GPU"),
            ("tasks without GPUs", {"pods": PODS.splitlines()[0] + "\np1,1,1,0,0,\n"},
             "no task in it asks for a GPU"),
        ]
        for name, lists, said in cases:
            with self.subTest(name):
                run = self.run_tool(**lists)
                self.assertEqual(run.returncode, 1)
                self.assertIn(said, run.stderr)
                self.assertEqual(run.stdout, "")

    def test_usage(self):
        self.assertEqual(self.run_tool("--percent", "0").returncode, 2)
        self.assertEqual(subprocess.run([sys.executable, TOOL], capture_output=True).returncode, 2)
        missing = subprocess.run(
            [sys.executable, TOOL, "--nodes", "/nonexistent", "--pods", "/nonexistent", "--out", "-"],
            capture_output=True, text=True)
        self.assertEqual(missing.returncode, 1)
        self.assertIn("/nonexistent", missing.stderr)


if __name__ == "__main__":
    unittest.main()
