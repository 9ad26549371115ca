"""bench/scenario/planning: every row runs, on sets of a few small problems in the published formats."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))

from harness import program  # noqa: E402

PLANNING = os.path.join(ROOT, "bench", "scenario", "planning")
SHOPS = ("ft06", "ft10", "la01", "la02", "la03", "la04", "la05")

PROJECT = """************************************************************************
PRECEDENCE RELATIONS:
jobnr.    #modes  #successors   successors
   1        1          2           2   3
   2        1          1           4
   3        1          1           4
   4        1          0
************************************************************************
REQUESTS/DURATIONS:
jobnr. mode duration  R 1
------------------------------------------------------------------------
  1      1     0       0
  2      1     3       2
  3      1     4       2
  4      1     0       0
************************************************************************
RESOURCEAVAILABILITIES:
  R 1
    3
************************************************************************
"""

FILES = {
    "rcmax/best.csv": "file,best\n1,4\n",
    "rcmax/inst/1.txt": "3 2\n4 9\n9 2\n9 2\n",
    "psplib_j30/j30.sm/optimum/optimum.csv": "problem,optimum\none.sm,7\n",
    "psplib_j30/j30.sm/one.sm": PROJECT,
    "vbp_new/New_summary_known.csv": "instance_name\tOPT\nset_one\t2\nset_two\t-1\n",
    "vbp_new/New_instances_multidim/set/set_one.vbp": "2\n10 10\n2\n6 1 2\n4 4 1\n",
    "jsplib/instances.json": json.dumps(
        [{"name": name, "optimum": 5, "bounds": None} for name in SHOPS]),
    **{f"jsplib/instances/{name}": "# two jobs, two machines\n2 2\n0 3 1 2\n1 2 0 2\n" for name in SHOPS},
    "lublin_windows.txt": "# first jobs\n0\n5\n",
    "lublin_256.swf": "; MaxProcs: 8\n" + "".join(
        f"{i + 1} {7 * i} -1 {20 + 13 * i % 50} {1 + i % 5} -1 -1 -1 100 -1 1 1 -1 -1 0 -1 -1 -1\n" for i in range(30)),
}


class Planning(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        for name, text in FILES.items():
            path = os.path.join(self.folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)

    def planning(self, *options):
        return subprocess.run(
            [sys.executable, "-B", PLANNING, "--bin", os.path.dirname(program("berth")), "--data", self.folder, *options],
            capture_output=True, text=True, timeout=300, check=False)

    def test_every_row_prints_its_figures_and_draws_its_plots(self):
        plots = os.path.join(self.folder, "plots")
        os.mkdir(plots)
        rows = "rcmax,rcpsp,bins,shops,exact,log,kube"
        done = self.planning("--rows", rows, "--json", "--sample", "1", "--windows", "2", "--seeds", "1",
                             "--exact", "3", "--fleet-tasks", "60", "--plots", plots)
        self.assertEqual(done.returncode, 0, done.stderr)
        figures = json.loads(done.stdout)["figures"]
        self.assertEqual({figure["row"] for figure in figures}, set(rows.split(",")))
        found = {figure["what"]: figure["median"] for figure in figures}
        for what in ("R‖Cmax, 1 s: mean excess", "RCPSP j30, 1 s: mean excess", "vector bins, 1 s: mean excess"):
            self.assertEqual(found[what], 0, what)
        self.assertEqual([found[name] for name in SHOPS], [5] * len(SHOPS))
        for name in ("rcmax", "rcpsp", "bins", "log", "kube_use", "kube_late"):
            with open(os.path.join(plots, f"planning_{name}.svg"), encoding="utf-8") as file:
                self.assertTrue(file.read().startswith("<svg "), name)

    def test_the_table_names_the_machine_and_each_figure(self):
        done = self.planning("--rows", "rcpsp", "--sample", "1")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("| rcpsp | RCPSP j30, 1 s: mean excess | 0 % |", done.stdout)

    def test_an_answer_that_breaks_a_rule_ends_the_run(self):
        with open(os.path.join(self.folder, "psplib_j30/j30.sm/optimum/optimum.csv"), "a", encoding="utf-8") as file:
            file.write("none.sm,7\n")
        with open(os.path.join(self.folder, "psplib_j30/j30.sm/none.sm"), "w", encoding="utf-8") as file:
            file.write(PROJECT.replace("  2      1     3       2", "  2      1     3       4"))
        done = self.planning("--rows", "rcpsp", "--sample", "1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no worker can run task 2", done.stderr)

    def test_unknown_rows_and_numbers_are_refused(self):
        for options, words in ((("--rows", "speed"), "no row speed"), (("--sample", "0"), "--sample must be at least 1"),
                               (("--fleet-tasks", "0"), "--fleet-tasks must be at least 1")):
            done = self.planning(*options)
            self.assertEqual(done.returncode, 2)
            self.assertIn(words, done.stderr)


if __name__ == "__main__":
    unittest.main()
