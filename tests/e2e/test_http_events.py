"""Events over HTTP: one stream, from any place in it, across reconnects and restarts."""

import json
import socket
import unittest

from harness import DEADLINE_S, Process, eventually, split_address
from http_api import HttpTest, covers
from jobs import JobsTest


class EventStream:
    """A subscriber on a socket of its own: reads the answer's head, then one event after the other."""

    def __init__(self, server, path="/v1/events", last=None, receive_bytes=None):
        self.socket = socket.socket()
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(DEADLINE_S)
        self.socket.connect(split_address(server.http))
        resume = f"Last-Event-ID: {last}\r\n" if last is not None else ""
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: {server.http}\r\n{resume}\r\n".encode())
        self.file = self.socket.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        self.headers = {}
        for line in iter(self.file.readline, b"\r\n"):
            name, value = line.decode().split(":", 1)
            self.headers[name.lower()] = value.strip()
        self.left = b""
        self.last = None

    def problem(self):
        return json.loads(self.file.read(int(self.headers["content-length"])))

    def _line(self):
        while b"\n" not in self.left:
            size = int(self.file.readline(), 16)
            chunk = self.file.read(size + 2)[:size]
            if size == 0:
                return None
            self.left += chunk
        line, self.left = self.left.split(b"\n", 1)
        return line.decode()

    def next(self):
        """The next event, or comment, as its fields; None at the end."""
        fields = {}
        while True:
            line = self._line()
            if line is None:
                return None
            if line == "" and fields:
                break
            if line != "":
                name, value = line.split(":", 1)
                fields[name] = value.removeprefix(" ")
        if set(fields) == {"retry"}:
            return self.next()
        self.last = fields.get("id", self.last)
        return fields

    def event(self):
        fields = self.next()
        if fields is None:
            raise AssertionError("the stream has ended")
        event = json.loads(fields["data"])
        if "event" not in fields:
            assert int(fields["id"]) == event["sequence"], fields
        return event

    def until(self, wanted):
        """All events up to the first that `wanted` accepts, which is the last."""
        events = [self.event()]
        while not wanted(events[-1]):
            events.append(self.event())
        return events

    def close(self):
        self.file.close()
        self.socket.close()


def is_job(job, state):
    return lambda event: event.get("job_id") == job and event.get("state") == state


class Events(HttpTest, JobsTest):
    def stream(self, server, *arguments, **rest):
        stream = EventStream(server, *arguments, **rest)
        self.addCleanup(stream.close)
        return stream

    def test_all_kinds_come_in_one_order_and_as_the_command_line_has_them(self):
        server = self.server()
        stream = self.stream(server)
        self.assertEqual(stream.status, 200)
        self.assertEqual(stream.headers["content-type"], "text/event-stream")
        self.worker(server)
        job = self.submit(server, "exit 0")
        events = stream.until(is_job(job, "COMPLETED"))
        self.cli(server, "worker", "drain", "w1", "--reason", "new disk")
        events += stream.until(lambda event: event.get("change") == "draining")
        states = [event["state"] for event in events if event["kind"] == "job"]
        self.assertEqual(states, ["PENDING", "ASSIGNED", "RUNNING", "COMPLETED"])
        self.assertEqual(events[-1]["reason"], "new disk")
        numbers = [event["sequence"] for event in events]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))))
        shown = self.cli(
            server, "events", "--json", "--after", numbers[0], "--count", len(events) - 1)
        lines = [json.loads(line) for line in shown.stdout.splitlines()]
        self.assertEqual(lines, [{"gap": False, **event} for event in events[1:]])

    def test_filters_choose(self):
        server = self.server()
        streams = {
            "kind=worker": self.stream(server, "/v1/events?kind=worker"),
            "kind=job&worker=w1": self.stream(server, "/v1/events?kind=job&worker=w1"),
            "job=2": self.stream(server, "/v1/events?job=2"),
            "watch of jobs": self.stream(server, "/v1/jobs?watch"),
        }
        self.worker(server)
        for _ in range(2):
            job = self.submit(server, "exit 0")
            self.wait_for_state(server, job, "COMPLETED")
        self.assertEqual(streams["kind=worker"].event()["change"], "registered")
        of_worker = streams["kind=job&worker=w1"].until(is_job(2, "COMPLETED"))
        self.assertEqual([event["state"] for event in of_worker],
                         2 * ["ASSIGNED", "RUNNING", "COMPLETED"])
        events = streams["job=2"].until(is_job(2, "COMPLETED"))
        self.assertEqual([event["job_id"] for event in events], [2, 2, 2, 2])
        self.assertEqual(len(streams["watch of jobs"].until(is_job(2, "COMPLETED"))), 8)

    def test_a_plan_of_jobs_is_an_event_with_the_id_that_plan_show_takes(self):
        server = self.server()
        stream = self.stream(server, "/v1/events?kind=plan")
        self.worker(server, "w1", "--max-tasks", "1")
        go = self.path("go")
        wait = f"while ! test -e {go}; do sleep 0.05; done"
        last = [self.submit(server, wait, "--estimate", "1m") for _ in range(3)][-1]
        event = stream.event()
        self.assertEqual((event["of"], event["outcome"]), ("jobs", "applied"))
        shown = self.cli_json(server, "plan", "show", event["plan_id"])
        for key in ("plan_id", "outcome", "cause", "planned"):
            self.assertEqual(event[key], shown[key], key)
        self.assertEqual(event["moved"], shown["diff"]["moved"])
        told = self.cli(server, "events", "--json", "--kind", "plan", "--after",
                        event["sequence"] - 1, "--count", 1)
        self.assertEqual(json.loads(told.stdout), {"gap": False, **event})
        with open(go, "w", encoding="utf-8"):
            pass
        self.wait_for_state(server, last, "COMPLETED")

    def test_one_job_is_watched_by_itself(self):
        server = self.server()
        other, job = self.submit(server, "exit 0"), self.submit(server, "exit 0")
        stream = self.stream(server, f"/v1/jobs/{job}?watch")
        self.assertEqual(stream.status, 200)
        self.worker(server)
        self.wait_for_state(server, other, "COMPLETED")
        events = stream.until(is_job(job, "COMPLETED"))
        self.assertEqual(
            [(event["job_id"], event["state"]) for event in events],
            [(job, "ASSIGNED"), (job, "RUNNING"), (job, "COMPLETED")],
        )

    def test_a_watch_of_a_job_that_is_not_there_is_refused_and_no_silent_stream(self):
        server = self.server()
        for path in ("/v1/jobs/999?watch", "/v1/jobs/999?watch&after=1"):
            stream = self.stream(server, path)
            self.assertEqual(stream.status, 404, path)
            self.assertEqual(stream.problem()["code"], "not_found")
        self.assertEqual(self.api(server).request("HEAD", "/v1/jobs/999?watch").status, 404)

    def test_jobs_are_watched_by_what_they_are_listed_by(self):
        server = self.server()
        self.worker(server)
        first = self.submit(server, "exit 0", "--queue", "night", "--label", "team=web", "--name", "a-1")
        self.wait_for_state(server, first, "COMPLETED")
        events = self.stream(server, "/v1/jobs?watch")
        after = {}
        for question in ("queue=night", "label=team=web", "name=a-", "queue=night&state=COMPLETED",
                         "tenant=nobody", "state=RUNNING&state=COMPLETED"):
            after[question] = self.stream(server, f"/v1/jobs?watch&{question}")
        others = [self.submit(server, "exit 0", "--queue", "day", "--name", "b") for _ in range(3)]
        second = self.submit(server, "exit 0", "--queue", "night", "--label", "team=web", "--name", "a-2")
        for job in (*others, second):
            self.wait_for_state(server, job, "COMPLETED")
        events.until(is_job(second, "COMPLETED"))
        for question in ("queue=night", "label=team=web", "name=a-"):
            told = after[question].until(is_job(second, "COMPLETED"))
            self.assertEqual([(e["job_id"], e["state"]) for e in told],
                             [(second, s) for s in ("PENDING", "ASSIGNED", "RUNNING", "COMPLETED")])
        told = after["queue=night&state=COMPLETED"].event()
        self.assertEqual((told["job_id"], told["state"]), (second, "COMPLETED"))
        told = [after["state=RUNNING&state=COMPLETED"].event() for _ in range(8)]
        self.assertEqual(sorted((e["job_id"], e["state"]) for e in told),
                         sorted((job, s) for job in (*others, second) for s in ("RUNNING", "COMPLETED")))
        resumed = self.stream(server, "/v1/jobs?watch&queue=night", last=events.last)
        third = self.submit(server, "exit 0", "--queue", "night")
        self.assertEqual(resumed.event()["job_id"], third)
        with self.assertRaises(TimeoutError, msg="nothing happened to jobs of this tenant"):
            after["tenant=nobody"].socket.settimeout(0.1)
            after["tenant=nobody"].next()

    def test_a_filter_that_is_resumed_is_told_of_what_it_missed(self):
        server = self.server()
        self.worker(server)
        stream = self.stream(server, "/v1/jobs?watch&queue=night")
        first = self.submit(server, "exit 0", "--queue", "night")
        stream.until(is_job(first, "COMPLETED"))
        stream.close()
        jobs = [self.submit(server, "exit 0", "--queue", queue) for queue in ("day", "night", "day")]
        for job in jobs:
            self.wait_for_state(server, job, "COMPLETED")
        told = self.stream(server, "/v1/jobs?watch&queue=night&state=COMPLETED", last=stream.last).event()
        self.assertEqual(told["job_id"], jobs[1])

    def test_so_many_different_filters_and_no_more(self):
        server = self.server()
        for i in range(32):
            self.assertEqual(self.stream(server, f"/v1/jobs?watch&queue=q{i}").status, 200)
        refused = self.stream(server, "/v1/jobs?watch&queue=q32")
        self.assertEqual((refused.status, refused.problem()["code"]), (429, "limit_reached"))
        self.assertEqual(self.stream(server, "/v1/jobs?watch&queue=q7").status, 200)

    def test_open_streams_are_counted(self):
        server = self.server()

        def streams():
            stats = self.cli_json(server, "stats")["stats"]
            return next(stat["value"] for stat in stats if stat["name"] == "berth_event_streams")

        self.assertEqual(streams(), 0)
        two = [self.stream(server), self.stream(server, "/v1/workers?watch")]
        eventually(lambda: streams() == 2, "both are counted")
        for stream in two:
            stream.close()
        eventually(lambda: streams() == 0, "both have gone")

    def test_a_stream_goes_on_where_it_was(self):
        server = self.server()
        self.worker(server)
        stream = self.stream(server)
        first = self.submit(server, "exit 0")
        stream.until(is_job(first, "PENDING"))
        stream.close()
        second = self.submit(server, "exit 0")
        self.wait_for_state(server, second, "COMPLETED")
        for how in ({"last": stream.last}, {"path": f"/v1/events?after={stream.last}"}):
            events = self.stream(server, **how).until(is_job(second, "COMPLETED"))
            self.assertEqual(events[0]["sequence"], int(stream.last) + 1)
            numbers = [event["sequence"] for event in events]
            self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))))

    def test_a_stream_goes_on_after_the_server_has_restarted(self):
        server = self.durable()
        agent = self.worker(server)
        stream = self.stream(server)
        first = self.submit(server, "exit 0")
        stream.until(is_job(first, "COMPLETED"))
        second = self.submit(server, "exit 0")
        self.wait_for_state(server, second, "COMPLETED")
        agent.kill()
        server.kill()
        server = self.durable()
        stream = self.stream(server, last=stream.last)
        self.assertEqual(stream.status, 200)
        events = stream.until(lambda event: event.get("change") == "started")
        self.assertIn((second, "COMPLETED"), [(e.get("job_id"), e.get("state")) for e in events])
        self.assertNotIn((first, "COMPLETED"), [(e.get("job_id"), e.get("state")) for e in events])
        numbers = [event["sequence"] for event in events]
        self.assertEqual(numbers, sorted(set(numbers)))

    @covers("streamEvents")
    def test_what_is_gone_or_never_was_is_refused(self):
        server = self.server()
        for last, status, code in (
            ("1", 410, "gone"),
            (str(2**62), 410, "gone"),
            ("yesterday", 400, "bad_request"),
            ("99999999999999999999999", 400, "bad_request"),
        ):
            with self.subTest(last):
                stream = self.stream(server, last=last)
                self.assertEqual(stream.status, status)
                problem = stream.problem()
                self.assertEqual(problem["code"], code)
                self.assertTrue(problem["hint"])
        api = self.api(server)
        api.refuses("streamEvents", "gone", 410, headers={"Last-Event-ID": "1"})
        head = api.request("HEAD", "/v1/events")
        api.document.check("streamEvents", head)
        api.answered["streamEvents"].add(head.status)
        for path in ("/v1/events?job=x", "/v1/events?kind=jobs", "/v1/events?after=-1"):
            self.assertEqual(self.stream(server, path).status, 400, path)

    def test_who_does_not_read_is_cut_and_told_and_the_others_are_not(self):
        server = self.server()
        slow = self.stream(server, receive_bytes=4096)
        keen = self.stream(server, "/v1/events?job=1000000")
        load = Process(
            self, "berth-loadgen", "jobs", "--server", server.wire, "--jobs", "40000")  # fmt: skip
        self.assertEqual(load.wait(4 * DEADLINE_S), 0, load.log())
        seen = 0
        while True:
            fields = slow.next()
            self.assertIsNotNone(fields, "the stream ended without a last event")
            if "event" in fields:
                break
            seen += 1
        self.assertEqual(fields["event"], "cut")
        self.assertEqual(json.loads(fields["data"])["code"], "slow_reader")
        self.assertGreater(seen, 100)
        self.assertIsNone(slow.next())
        keen.socket.settimeout(0.2)
        with self.assertRaises(TimeoutError, msg="who waits for another job was cut, too"):
            keen.next()

    def test_a_server_that_stops_says_so_last(self):
        server = self.server()
        stream = self.stream(server)
        server.child.terminate()
        fields = stream.next()
        while "event" not in fields:
            fields = stream.next()
        self.assertEqual(json.loads(fields["data"])["code"], "shutting_down")
        self.assertIsNone(stream.next())
        self.assertEqual(server.wait(), 0)


if __name__ == "__main__":
    unittest.main()
