"""/metrics tells exactly what was done, in a form that Prometheus takes; alerts and dashboard ask for nothing else."""

import json
import os
import re
import shutil
import subprocess
import time
import unittest

from harness import eventually
from http_api import Answer, HttpTest, covers
from jobs import ENDED, JobsTest

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGING = os.path.join(HERE, "../../tools/packaging")
RULES = os.path.join(PACKAGING, "prometheus-alerts.yml")
DASHBOARD = os.path.join(PACKAGING, "grafana-dashboard.json")
DOCUMENT = os.path.join(HERE, "../../docs/metrics.md")

SERIES = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")


class Page:
    """One scrape: values by name and labels, types by family."""

    def __init__(self, text):
        self.text = text
        self.values = {}
        self.types = {}
        self.labels = {}
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split()
                self.types[name] = kind
            elif not line.startswith("#"):
                name, labels, value = SERIES.match(line).groups()
                pairs = dict(re.findall(r'(\w+)="([^"]*)"', labels or ""))
                key = (name, frozenset(pairs.items()))
                assert key not in self.values, f"twice: {line}"
                self.values[key] = float(value)
                self.labels.setdefault(self.family(name), set()).update(set(pairs) - {"le"})

    def family(self, name):
        if name in self.types:
            return name
        return re.sub("_(bucket|sum|count)$", "", name)

    def get(self, name, **labels):
        """The sum of all that have these labels; None when there is none."""
        wanted = set(labels.items())
        found = [value for (one, pairs), value in self.values.items() if one == name and wanted <= pairs]
        return sum(found) if found else None

    def only_grow(self):
        """What must never become less."""
        kinds = ("counter", "histogram")
        return {key: value for key, value in self.values.items() if self.types[self.family(key[0])] in kinds}


def promtool(*arguments, **rest):
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, **rest)


NEEDS_PROMTOOL = unittest.skipUnless(shutil.which("promtool"), "promtool (package prometheus) is not installed")
QUIET = ("--suspicious-after", "10m", "--offline-after", "20m")


class MetricsTest(JobsTest, HttpTest):
    def scrape(self, api):
        return Page(api.call("getMetrics").text)

    def expect(self, page, name, value, **labels):
        self.assertEqual(page.get(name, **labels), value, f"{name} {labels}")


class Counts(MetricsTest):
    @covers("getMetrics")
    def test_placements_are_counted_by_outcome_and_policy(self):
        berthd = self.server(*QUIET)
        api = self.api(berthd)
        peer = self.peer(berthd)
        for worker in ("w1", "w2"):
            self.beat(peer, worker)
        self.beat(peer, "w1")  # the same once more: stale
        for task in range(5):
            self.assertEqual(peer.ask("Place", task=f"t{task}", hold_ms=600_000)["kind"], "Placed")
        peer.ask("Place", task="t0", hold_ms=600_000)
        api.call("place", {"task_id": "pack", "policy": "pack", "hold_ms": 600_000})
        api.call("place", {"task_id": "no", "policy": "best-fit", "tags": ["fpga"]}, status=409)
        peer.ask("Place", task="x" * 5_000)
        peer.ask("Release", tasks=["t4"])
        api.refuses("getMetrics", "bad_request", colour="red")
        page = self.scrape(api)
        placements = "berth_placements_total"
        self.expect(page, placements, 5, outcome="placed", policy="least-loaded")
        self.expect(page, placements, 1, outcome="repeated", policy="least-loaded")
        self.expect(page, placements, 1, outcome="placed", policy="pack")
        self.expect(page, placements, 1, outcome="refused", policy="best-fit")
        self.expect(page, placements, 8)
        self.expect(page, "berth_requests_refused_total", 1, reason="bad_request")
        self.expect(page, "berth_requests_refused_total", 1)
        self.expect(page, "berth_heartbeats_total", 2)
        self.expect(page, "berth_heartbeats_stale_total", 1)
        self.expect(page, "berth_workers", 2, status="online")
        self.expect(page, "berth_workers", 0, status="offline")
        self.expect(page, "berth_reservations", 5)
        self.expect(page, "berth_releases_total", 1)
        self.expect(page, "berth_connections", 1, kind="wire")
        self.expect(page, "berth_connections_accepted_total", 1, kind="http")
        http = "berth_http_requests_total"
        self.expect(page, http, 1, method="POST", route="/v1/place", code="2xx")
        self.expect(page, http, 1, method="POST", route="/v1/place", code="4xx")
        self.expect(page, http, 1, method="GET", route="/metrics", code="4xx")
        self.expect(page, "berth_http_request_seconds_count", 2, route="/v1/place")
        # The first decision and the first turn of each thread are measured.
        self.expect(page, "berth_placement_decision_seconds_count", 2)
        self.expect(page, "berth_placement_request_seconds_count", 1)
        self.assertGreater(page.get("process_resident_memory_bytes"), 1 << 20)
        for loop in ("shard-0", "gateway", "ledger", "planner"):
            self.assertIsNotNone(page.get("berth_loop_lag_seconds_count", loop=loop), loop)
            self.assertIsNotNone(page.get("berth_mailbox_bytes", loop=loop), loop)
        eventually(lambda: self.scrape(api).get("berth_loop_lag_seconds_count", loop="ledger"), "loops tick")
        eventually(lambda: self.scrape(api).get("berth_received_bytes_total") > 5_000, "bytes are counted")

    def test_requests_that_wait_are_counted_while_and_after_they_do(self):
        berthd = self.server(*QUIET)
        api = self.api(berthd)
        waiter = self.peer(berthd)
        waiter.send("Place", task="later", wait_ms=600_000)
        eventually(lambda: self.scrape(api).get("berth_waiting_oldest_seconds"), "it waits")
        page = self.scrape(api)
        self.expect(page, "berth_waiting", 1)
        self.expect(page, "berth_placements_waited_total", 1)
        self.beat(self.peer(berthd), "w1")
        self.assertEqual(waiter.receive()["kind"], "Placed")
        eventually(lambda: self.scrape(api).get("berth_waiting_oldest_seconds") == 0, "nobody waits")
        page = self.scrape(api)
        self.expect(page, "berth_waiting", 0)
        self.expect(page, "berth_placement_wait_seconds_count", 1)
        self.assertGreaterEqual(page.get("berth_planner_runs_total"), 1)
        self.expect(page, "berth_plan_latency_seconds_count", page.get("berth_plans_total"))
        self.expect(page, "berth_planner_fallbacks_total", 0)

    def test_jobs_are_counted_with_all_that_became_of_them(self):
        berthd = self.durable()
        api = self.api(berthd)
        self.worker(berthd)
        good = [self.submit(berthd, "true") for _ in range(3)]
        late = self.submit(berthd, "true", "--deadline", "2020-01-01T00:00:00Z")
        bad = self.submit(berthd, "exit 3", "--attempts", "2", "--retry-base", "1ms")
        killed = self.submit(berthd, "kill -9 $$")
        for job in (*good, late, bad, killed):
            self.wait_for_state(berthd, job, *ENDED)
        wish = self.submit(berthd, "true", "--tags", "fpga")
        after = self.submit(berthd, "true", "--after", wish)
        self.submit(berthd, "true", "--at", "+1h")
        pending = "berth_pending_jobs"
        eventually(lambda: self.scrape(api).get(pending) == 3, "three are pending")
        page = self.scrape(api)
        self.expect(page, pending, 1, reason="capacity")
        self.expect(page, pending, 1, reason="dependency")
        self.expect(page, pending, 1, reason="schedule")
        self.cli(berthd, "job", "abort", wish, check=0)
        self.wait_for_state(berthd, after, "ABORTED")
        page = eventually(lambda: self.after_commits(api), "rows are written")
        self.expect(page, "berth_jobs_submitted_total", 9)
        self.expect(page, "berth_jobs_completed_total", 4)
        self.expect(page, "berth_jobs_failed_total", 2)
        self.expect(page, "berth_jobs_aborted_total", 2)
        self.expect(page, "berth_assignments_total", 7)
        self.expect(page, "berth_attempts_failed_total", 2, **{"class": "exit"})
        self.expect(page, "berth_attempts_failed_total", 1, **{"class": "signal"})
        self.expect(page, "berth_attempts_failed_total", 3)
        self.expect(page, "berth_deadline_misses_total", 1)
        self.expect(page, "berth_leases_expired_total", 0)
        moves = [
            ("PENDING", "ASSIGNED", 7),
            ("ASSIGNED", "RUNNING", 7),
            ("RUNNING", "COMPLETED", 4),
            ("RUNNING", "FAILED", 2),
            ("RUNNING", "RETRYING", 1),
            ("RETRYING", "PENDING", 1),
            ("PENDING", "ABORTED", 2),
            ("RUNNING", "LOST", 0),
        ]
        for source, target, count in moves:
            self.expect(page, "berth_job_transitions_total", count, **{"from": source, "to": target})
        self.expect(page, "berth_job_transitions_total", sum(count for _, _, count in moves))

    def test_a_scrape_in_a_loop_waits_for_new_numbers_and_takes_no_core(self):
        berthd = self.server(*QUIET)
        peer = self.peer(berthd)
        scrapers = [self.api(berthd) for _ in range(4)]
        for api in scrapers:
            self.scrape(api)
        rounds = 20
        begun = time.monotonic()
        for round_ in range(rounds):
            self.beat(peer, f"w{round_}")
            self.expect(self.scrape(scrapers[0]), "berth_heartbeats_total", round_ + 1)
        self.assertGreaterEqual(time.monotonic() - begun, (rounds - 1) * 0.010, "a page at most every 10 ms")
        # Whoever waits at the same time is sent the same page: each of its own would count the one before.
        eventually(lambda: len(set(self.scrape_at_once(scrapers))) < len(scrapers), "a page is shared")

    def scrape_at_once(self, scrapers):
        for api in scrapers:
            api.connection.request("GET", "/metrics")
        return [Answer(api.connection.getresponse()).text for api in scrapers]

    def after_commits(self, api):
        page = self.scrape(api)
        commits = page.get("berth_store_commits_total")
        counts = [page.get(f"berth_store_{what}_count") for what in ("commit_seconds", "sync_seconds", "commit_rows")]
        rows = page.get("berth_store_commit_rows_sum")
        return page if commits > 0 and rows >= commits and counts == [commits] * 3 else None


class Form(MetricsTest):
    def busy(self):
        """A server to which a little of everything has happened."""
        berthd = self.durable(*QUIET)
        api = self.api(berthd)
        self.worker(berthd)
        self.wait_for_state(berthd, self.submit(berthd, "true"), *ENDED)
        self.cli(berthd, "place", "--task", "t", check=0)
        self.cli(berthd, "place", "--task", "u", "--tags", "fpga", check=7)
        return berthd, api

    @NEEDS_PROMTOOL
    def test_promtool_finds_no_fault(self):
        _, api = self.busy()
        said = promtool("check", "metrics", input=self.scrape(api).text)
        self.assertEqual((said.returncode, said.stdout + said.stderr), (0, ""))

    def test_counters_never_go_back_and_nothing_disappears(self):
        berthd, api = self.busy()
        before = self.scrape(api).only_grow()
        for round_ in range(5):
            self.cli(berthd, "place", "--task", f"again {round_}")
            self.wait_for_state(berthd, self.submit(berthd, "false"), *ENDED)
            now = self.scrape(api).only_grow()
            for key, value in before.items():
                self.assertGreaterEqual(now.get(key, -1), value, key)
            before = now
        self.assertGreater(before[("berth_jobs_failed_total", frozenset())], 0)

    def test_a_histogram_adds_up(self):
        _, api = self.busy()
        page = self.scrape(api)
        for family in (name for name, kind in page.types.items() if kind == "histogram"):
            last = {}
            for (name, pairs), value in page.values.items():
                if name != f"{family}_bucket":
                    continue
                series = frozenset(pair for pair in pairs if pair[0] != "le")
                self.assertGreaterEqual(value, last.get(series, 0), (family, pairs))
                last[series] = value
            self.assertTrue(last, family)
            for series, value in last.items():
                self.assertEqual(page.values[(f"{family}_count", series)], value, family)

    def test_berth_stats_knows_the_same_names(self):
        berthd, api = self.busy()
        stats = {stat["name"].split("{")[0] for stat in self.cli_json(berthd, "stats")["stats"]}
        page = self.scrape(api)
        families = {page.family(name) if page.family(name) in page.types else name for name in stats}
        self.assertEqual(families, set(page.types))

    def test_the_page_of_metrics_has_them_all(self):
        _, api = self.busy()
        page = self.scrape(api)
        with open(DOCUMENT, encoding="utf-8") as file:
            rows = re.findall(r"^\| `(\w+)` \| (\w+) \|(.*?)\| (.*) \|$", file.read(), re.M)
        helps = dict(re.findall(r"^# HELP (\w+) (.*)$", page.text, re.M))
        documented = {
            name: (kind, set(re.findall(r"`(\w+)`", labels)), about) for name, kind, labels, about in rows
        }
        self.assertEqual(len(rows), len(documented), "a metric comes twice in docs/metrics.md")
        told = {name: (kind, page.labels.get(name, set()), helps[name]) for name, kind in page.types.items()}
        self.assertEqual(documented, told)

    @NEEDS_PROMTOOL
    def test_alerts_are_rules_and_fire_when_they_should(self):
        checked = promtool("check", "rules", RULES)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
        with open(os.path.join(HERE, "prometheus_alerts.yml"), encoding="utf-8") as file:
            cases = file.read()
        tests = self.path("alerts.yml")
        with open(tests, "w", encoding="utf-8") as file:
            file.write(cases.replace("RULES", os.path.realpath(RULES)))
        tested = promtool("test", "rules", tests)
        self.assertEqual(tested.returncode, 0, tested.stdout + tested.stderr)
        with open(RULES, encoding="utf-8") as file:
            rules = file.read()
        alerts = re.findall(r"alert: (\w+)", rules)
        for alert in alerts:
            asked = cases.count(f"expr: 'ALERTS{{alertname=\"{alert}\"")
            self.assertEqual(asked, 2, f"a test of when {alert} fires, and of when not")
        for part in ("summary:", "description:", "runbook:", "severity:"):
            self.assertEqual(rules.count(part), len(alerts), part)

    def test_alerts_and_dashboard_ask_for_what_there_is(self):
        _, api = self.busy()
        page = self.scrape(api)
        with open(RULES, encoding="utf-8") as file:
            asked = re.findall(r"expr: (?:>-\n)?(.*?)\n +(?:for|labels):", file.read(), re.S)
        with open(DASHBOARD, encoding="utf-8") as file:
            panels = json.load(file)["panels"]
        for panel in panels:
            asked += [target["expr"] for target in panel.get("targets", ())]
        self.assertGreater(len(asked), 60)
        known = {name for name, _ in page.values}
        for expression in asked:
            names = re.findall(r"\b((?:berth|process)_\w+)", expression)
            self.assertTrue(names, expression)
            for name in names:
                self.assertIn(name, known, expression)
            for name, labels in re.findall(r"\b(berth_\w+)\{([^}]*)\}", expression):
                for label in re.findall(r"(\w+)(?:=~|=|!=)", labels):
                    self.assertIn(label, page.labels[page.family(name)] | {"job", "instance"}, expression)
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))


if __name__ == "__main__":
    unittest.main()
