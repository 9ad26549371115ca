"""`berth plan what-if`: what would happen to the jobs of a server, without anything happening."""

import json
import unittest

from harness import EndToEndTest


class PlanWhatIf(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.berthd = self.server("--suspicious-after", "10m", "--offline-after", "20m")
        self.operator = self.peer(self.berthd)
        for worker in ("w1", "w2"):
            self.beat(self.operator, worker)

    def submit(self, *options, count=1):
        """Jobs that are not due for an hour: they wait for as long as the test needs them."""
        for _ in range(count):
            self.cli(self.berthd, "job", "submit", "--at", "+1h", "--cpu", "4", *options, "--", "true", check=0)

    def what_if(self, *options):
        return self.cli_json(self.berthd, "plan", "what-if", "--budget", "200ms", *options)

    def jobs(self):
        listed = self.cli_json(self.berthd, "job", "list")["jobs"]
        return [(job["job_id"], job["state"], job["worker_id"]) for job in listed]

    def test_a_drained_worker_makes_everything_later_and_nothing_is_changed(self):
        self.submit("--estimate", "10m", count=4)
        before = self.jobs()
        told = self.what_if("--drain", "w1")
        self.assertEqual(len(told["jobs"]), 4)
        self.assertEqual({job["after"]["worker"] for job in told["jobs"]}, {"w2"})
        self.assertEqual({job["before"]["worker"] for job in told["jobs"]}, {"w1", "w2"})
        self.assertEqual(told["moved"], 2)
        self.assertAlmostEqual(told["end_after_s"] - told["end_before_s"], 1200, delta=1)
        self.assertEqual(self.jobs(), before)
        self.assertEqual(set(self.workers(self.berthd).values()), {"online"})

    def test_added_workers_make_it_earlier(self):
        self.submit("--estimate", "10m", count=4)
        told = self.what_if("--add", "2:like=w2")
        self.assertAlmostEqual(told["end_before_s"] - told["end_after_s"], 600, delta=1)
        self.assertEqual({job["after"]["worker"] for job in told["jobs"]}, {"w1", "w2", "w2+1", "w2+2"})
        self.assertGreater(told["earlier"], 0)

    def test_further_jobs_and_who_is_late(self):
        self.submit("--estimate", "10m", "--deadline", "+71m", count=2)
        path = self.path("more.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write('[[job]]\nname = "more"\ncpu = 4\nestimate = "10m"\nat = "+1h"\ndeadline = "+71m"\n'
                       'priority = 3\ncommand = ["true"]\n')
        told = self.what_if("--job", path)
        self.assertEqual((told["late_before"], told["late_after"]), (0, 1))
        new = next(job for job in told["jobs"] if job.get("new") == "new-1")
        self.assertIsNone(new["before"])
        self.assertNotIn("job_id", new)
        self.assertEqual({job["job_id"] for job in told["jobs"] if "new" not in job},
                         {job[0] for job in self.jobs()}, "numbers, as everywhere")
        self.assertFalse(new["after"]["late"], "of higher priority")
        self.assertEqual(len(self.jobs()), 2, "it was not submitted")

    def job_file(self, text):
        path = self.path("supposed.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    # `array` and `after` of the file were lost: one row each, and everybody began at once.
    def test_supposed_jobs_wait_as_submitted_ones_would(self):
        self.submit("--estimate", "10m")
        first = self.jobs()[0][0]
        self.cli(self.berthd, "job", "submit", "--", "false", "--at", "+1h", check=0)
        aborted = max(job[0] for job in self.jobs())
        self.cli(self.berthd, "job", "abort", str(aborted), check=0)
        told = self.what_if("--job", self.job_file(
            'command = ["true"]\nestimate = "5s"\n'
            '[[job]]\nname = "c"\nafter = ["b"]\n'
            '[[job]]\nname = "b"\nafter = ["a"]\n'
            '[[job]]\nname = "a"\narray = "1-3"\n'
            f'[[job]]\nname = "late"\nafter = [{first}]\n'))
        planned = {job["name"]: job["after"] for job in told["jobs"] if job["after"] and job["name"]}
        self.assertEqual(sum(job["name"] == "a" for job in told["jobs"]), 3)
        self.assertGreaterEqual(planned["b"]["start_s"], planned["a"]["end_s"])
        self.assertGreaterEqual(planned["c"]["start_s"], planned["b"]["end_s"])
        self.assertGreater(planned["late"]["start_s"], 4000)
        never = self.job_file(f'command = ["true"]\nafter = [{aborted}]\n')
        text = self.cli(self.berthd, "plan", "what-if", "--job", never, check=7).stdout
        self.assertIn(f"job new-1: it waits for job {aborted}, which did not complete", text)

    def test_supposed_jobs_that_a_submit_would_refuse(self):
        for text, code, words in (
            ('after = [99999]', 3, "99999"),
            ('name = "a"\nafter = ["a"]', 2, "waits, in a circle, for itself"),
            ('after = ["nobody"]', 2, "neither the id of a job nor the name of one"),
            ('array = "1-6000"', 2, "that is 6000 jobs, every one of an array counted; at most 5000"),
        ):
            with self.subTest(text):
                path = self.job_file(f'[[job]]\ncommand = ["true"]\n{text}\n')
                done = self.cli(self.berthd, "plan", "what-if", "--job", path, check=code)
                self.assertIn(words, done.stderr)

    def test_what_cannot_run_is_named(self):
        self.submit("--gpu", "1")
        self.submit()
        told = self.what_if("--drain", "w1")
        self.assertEqual(told["left_out"], [
            {"job_id": min(job[0] for job in self.jobs()), "why": "no worker that takes jobs could ever run it"}])
        self.assertEqual(told["assumed"], 1)
        text = self.cli(self.berthd, "plan", "what-if", "--drain", "w1", check=0).stdout
        self.assertIn("1 jobs do not say how long they run: 1m is assumed", text)
        self.assertTrue(text.endswith("nothing was changed\n"), text)

    # It ended with 0, as if all were well, though nothing could run any more.
    def test_jobs_that_could_not_run_anywhere_any_more_are_a_failure(self):
        self.submit("--estimate", "10m", count=2)
        for drained, stranded in ((("w1",), 0), (("w1", "w2"), 2)):
            with self.subTest(drained=drained):
                options = [word for worker in drained for word in ("--drain", worker)]
                done = self.cli(self.berthd, "plan", "what-if", "--budget", "200ms", *options, "--json",
                                check=7 if stranded else 0)
                told = json.loads(done.stdout)
                self.assertEqual((told["stranded"], len(told["left_out"])), (stranded, stranded))
                self.assertEqual([job["after"] is None for job in told["jobs"]], [stranded > 0] * 2)
                words = "2 of the jobs could not run anywhere then; add a worker that suits them, or drain fewer"
                self.assertEqual(words in done.stderr, stranded > 0, done.stderr)
        self.assertEqual(self.what_if("--drain", "w1", "--drain", "w2", "--add", "1:like=w1")["stranded"], 0)
        path = self.path("huge.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write('[[job]]\ncpu = 4000\ncommand = ["true"]\n')
        text = self.cli(self.berthd, "plan", "what-if", "--job", path, check=7).stdout
        self.assertIn("job new-1: no worker that takes jobs could ever run it", text)
        self.assertIn("the rest done", text)

    def test_mistakes_are_told(self):
        for options, code, words in (
            (("--drain", "w9"), 3, "there is no worker 'w9'"),
            (("--add", "2:like=w9"), 3, "there is no worker 'w9'"),
            (("--add", "0:like=w1"), 2, "which adds nothing: give 1 or more, or leave it out"),
            (("--add", "two"), 2, "give how many and a worker to copy, as 2:like=gpu-1"),
            (("--job", "/nowhere.toml"), 2, "/nowhere.toml"),
            (("--emit", "xml"), 2, "--emit"),
        ):
            with self.subTest(options=options):
                done = self.cli(self.berthd, "plan", "what-if", *options, check=code)
                self.assertIn(words, done.stderr)

    def test_the_snapshot_as_pddl(self):
        self.submit("--estimate", "10m")
        text = self.cli(self.berthd, "plan", "what-if", "--emit", "pddl", check=0).stdout
        self.assertEqual(text.count("("), text.count(")"))
        self.assertIn("(define (domain berth)", text)
        self.assertIn("w1-w2 - worker", text)


if __name__ == "__main__":
    unittest.main()
