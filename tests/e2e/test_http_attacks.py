"""What attackers send over HTTP: each gets the status it deserves, and nobody else notices."""

import json
import threading
import unittest

from harness import DEADLINE_S, eventually
from hostile import HostileTest
from http_attacker import Attacker, documented_statuses, get, place, request

CHUNKED = "Transfer-Encoding: chunked"
JSON = "Content-Type: application/json"


def post(*headers, body=b""):
    head = ["POST /v1/place HTTP/1.1", "Host: localhost", JSON, *headers]
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


class HttpAttack(HostileTest):
    """Afterwards, tasks are still placed, over HTTP and over the wire."""

    def setUp(self):
        super().setUp()
        self.beat(self.bystander, "worker", capacity={"slots": 1000})

    def attacker(self, **rest):
        return Attacker(self, self.berthd, **rest)

    def tearDown(self):
        body = json.dumps({"task_id": "over-http"}).encode()
        attacker = self.attacker()
        attacker.send(place(body))
        status, _, answer = attacker.answer()
        self.assertEqual(status, 200, answer)
        self.assertEqual(self.bystander.ask("Place", task="over-the-wire")["kind"], "Placed")
        super().tearDown()

    def check(self, cases):
        """Each is answered once with its status; above 0 the connection ends after it."""
        for what, data, wanted in cases:
            with self.subTest(what):
                attacker = self.attacker()
                # What follows must never be taken for a request of its own.
                attacker.send(data + get("/livez?smuggled"))
                answer = attacker.answer()
                self.assertIsNotNone(answer, "the connection ended without an answer")
                status, headers, body = answer
                self.assertEqual(status, wanted, body)
                self.assertIn(status, documented_statuses(), "docs/http.md does not have it")
                self.assertEqual(headers.get("connection"), "close")
                self.assertEqual(headers["content-type"], "application/problem+json")
                self.assertEqual(json.loads(body)["status"], wanted)
                self.assertIsNone(attacker.answer())


class Heads(HttpAttack):
    def test_what_two_readers_could_read_in_two_ways_is_refused(self):
        self.check(
            [
                ("both lengths", post("Content-Length: 6", CHUNKED, body=b"0\r\n\r\nG"), 400),
                ("both, turned", post(CHUNKED, "Content-Length: 6", body=b"0\r\n\r\nG"), 400),
                ("two lengths", post("Content-Length: 0", "Content-Length: 44"), 400),
                ("the same twice", post("Content-Length: 2", "Content-Length: 2", body=b"{}"), 400),
                ("a list of lengths", post("Content-Length: 2, 2", body=b"{}"), 400),
                ("a signed length", post("Content-Length: +2", body=b"{}"), 400),
                ("a huge length", post("Content-Length: 18446744073709551618", body=b"{}"), 400),
                ("another coding", post("Transfer-Encoding: gzip, chunked"), 501),
                ("a coding in disguise", post("Transfer-Encoding: \x0bchunked"), 400),
                ("a coding twice", post(CHUNKED, CHUNKED), 400),
                ("a space before the colon", post("Content-Length : 2", body=b"{}"), 400),
                ("a folded header", post("X: a", " Content-Length: 2", body=b"{}"), 400),
                ("a bare LF", b"GET /livez HTTP/1.1\nHost: localhost\n\n", 400),
                ("a bare LF in a head", b"GET /livez HTTP/1.1\r\nHost: localhost\nX: 1\r\n\r\n", 400),
                ("a bare CR in a head", post("X: a\rContent-Length: 2", body=b"{}"), 400),
                ("a NUL", post("X: a\0b"), 400),
                ("no Host", b"GET /livez HTTP/1.1\r\n\r\n", 400),
                ("two Hosts", get("/livez", "Host: localhost"), 400),
                ("an unknown expectation", post("Expect: 200-ok", "Content-Length: 2"), 417),
            ]
        )

    def test_request_lines_that_are_none_are_refused(self):
        end = b"\r\nHost: localhost\r\n\r\n"
        self.check(
            [
                ("HTTP/2's preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
                ("HTTP/2 by name", b"GET /livez HTTP/2.0" + end, 505),
                ("HTTP/0.9", b"GET /livez\r\n\r\n", 400),
                ("two spaces", b"GET  /livez HTTP/1.1" + end, 400),
                ("a method nobody knows", b"BREW /livez HTTP/1.1" + end, 501),
                ("a tunnel", b"CONNECT localhost:22 HTTP/1.1" + end, 501),
                ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64), 400),
                ("a frame of the wire", self.tool.frame("Hello", identity="x"), 400),
            ]
        )

    def test_paths_lead_nowhere_else(self):
        paths = ["/v1/../livez", "/v1/%2e%2e/livez", "/./livez", "//livez", "/livez/", "/v1//workers"]
        paths += ["/livez%00", "/livez%0d%0aX:1", "/v1%2fworkers", "/%c0%ae%c0%ae/", "/livez%", "/a%zz"]
        paths += ["/livez\\", "/livez#x", "/\xfc", "*", "livez"]
        self.check([(path, get(path), 400) for path in paths])

    def test_heads_that_are_too_large_are_refused(self):
        self.check(
            [
                ("a long target", get("/" + "a" * 9000), 414),
                ("a long header", get("/livez", "X: " + "a" * 40000), 431),
                ("many headers", get("/livez", *["X: a"] * 200), 431),
                ("many parameters", get("/livez?" + "a&" * 300), 400),
            ]
        )

    def test_a_head_without_end_is_cut_off(self):
        cases = ((b"GET /", b"a" * 1000, 414), (b"GET / HTTP/1.1\r\n", b"X: a\r\n" * 100, 431))
        for start, piece, wanted in cases:
            attacker = self.attacker()
            attacker.send(start)
            attacker.send_until_answered(piece)
            self.assertEqual(attacker.answer()[0], wanted)

    def test_names_of_other_servers_are_refused(self):
        for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80"):
            attacker = self.attacker()
            attacker.send(f"GET /v1/workers HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            self.assertEqual(attacker.answer()[0], 421, host)
        self.check([("a user", b"GET / HTTP/1.1\r\nHost: a@localhost\r\n\r\n", 400)])

    def test_a_target_that_names_somebody_counts_instead_of_the_host(self):
        for target, host, wanted in (
            ("http://localhost/v1/version", "localhost", 200),
            (f"http://{self.berthd.http}/v1/version", "localhost", 200),
            (f"HTTP://{self.berthd.http}/v1/workers?limit=1", self.berthd.http, 200),
            ("http://localhost/v1/version", "evil.example", 200),
            ("http://localhost", "localhost", 404),
            ("http://evil.example/v1/version", "localhost", 421),
            ("http://localhost.evil.example/v1/version", "localhost", 421),
            ("http://127.0.0.1.evil.example:80/v1/version", "localhost", 421),
        ):
            with self.subTest(target=target, host=host):
                attacker = self.attacker()
                attacker.send(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
                self.assertEqual(attacker.answer()[0], wanted)
        targets = ["https://localhost/livez", "ftp://localhost/livez", "http:/livez", "http:livez"]
        targets += ["http:///livez", "http://", "http://?x", "http://a@localhost/livez"]
        targets += ["http://localhost:80@evil.example/livez", "http://localhost,evil.example/livez"]
        targets += ["http://localhost\\@evil.example/livez", "http://localhost#@evil.example/livez"]
        targets += ["http://localhost//livez", "http://localhost/../livez", "//localhost/livez"]
        cases = [(target, get(target), 400) for target in targets]
        cases.append(("no Host", b"GET http://localhost/livez HTTP/1.1\r\n\r\n", 400))
        cases.append(("two Hosts", get("http://localhost/livez", "Host: localhost"), 400))
        self.check(cases)

    def test_an_offer_to_speak_something_else_is_not_taken(self):
        attacker = self.attacker()
        attacker.send(get("/livez", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c"))
        attacker.send(get("/livez"))
        self.assertEqual([attacker.answer()[0], attacker.answer()[0]], [200, 200])


class Bodies(HttpAttack):
    # A body of 8 MiB has grown by doubling, and the allocator keeps the halves: 17 MiB, however many come.
    resident_growth_max = 32 << 20

    def test_bodies_that_are_too_large_are_refused_before_they_are_sent(self):
        self.check([("a length", post("Content-Length: 999999999999"), 413)])
        attacker = self.attacker()
        attacker.send(post("Content-Length: 99999999", "Expect: 100-continue"))
        self.assertEqual(attacker.answer()[0], 413)

    def test_a_body_without_end_is_cut_off(self):
        attacker = self.attacker()
        attacker.send(post(CHUNKED))
        attacker.send_until_answered(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
        self.assertEqual(attacker.answer()[0], 413)

    def test_chunks_that_are_none_are_refused(self):
        bodies = [b"xyz\r\n", b"-1\r\n\r\n", b"0x2\r\n{}\r\n", b"\r\n", b" 2\r\n{}\r\n0\r\n\r\n"]
        bodies += [b"2\n{}\r\n0\r\n\r\n", b"2\r\n{}x\r\n0\r\n\r\n", b"2\r\n{}\n0\r\n\r\n"]
        bodies += [b"fffffffffffffffff\r\n", b"2;a\n\r\n{}\r\n", b"0\r\nX: a\n\r\n", b"0\r\n X: a\r\n\r\n"]
        cases = [(str(body), post(CHUNKED, body=body), 400) for body in bodies]
        cases.append(("a huge chunk", post(CHUNKED, body=b"7fffffffffffffff\r\n"), 413))
        cases.append(("an extension", post(CHUNKED, body=b"2;" + b"a" * 9000), 431))
        cases.append(("trailers", post(CHUNKED, body=b"0\r\n" + b"X: a\r\n" * 9000), 431))
        self.check(cases)

    def test_json_that_is_wrong_is_refused_and_the_connection_goes_on(self):
        deep = b'{"task_id":' + b"[" * 100000 + b"]" * 100000 + b"}"
        cases = [
            (b"", ""),
            (b"{", ""),
            (b'{"task_id":"a"} {"task_id":"b"}', ""),
            (b'{"task_id":"a",}', ""),
            (deep, ""),
            (b'{"task_id":"\xff"}', ""),
            (b'{"task_id":"\\ud800"}', ""),
            (b'{"task_id":"a","priority":1e999}', ""),
            (b'{"task_id":"a","priority":123456789012345678901234567890}', ""),
            (b'{"task_id":"a","priority":1e300}', "/priority"),
            (b'{"task_id":"a","priority":9999999999}', "/priority"),
            (b'{"task_id":"a","priority":"1"}', "/priority"),
            (b'{"task_id":"a","task_id":"b"}', "/task_id"),
            (b'{"task_id":"a","t\\u0061sk_id":"b"}', "/task_id"),
            (b'{"task_id":"a","prioritee":1}', "/prioritee"),
            (b'{"task_id":1}', "/task_id"),
            (b'{"task_id":"\\u0000"}', "/task_id"),
            (b'{"task_id":""}', "/task_id"),
            (b'{"priority":1}', "/task_id"),
            (b'[{"task_id":"a"}]', ""),
            (b"null", ""),
        ]
        attacker = self.attacker()
        for body, pointer in cases:
            with self.subTest(body=body[:80]):
                attacker.send(place(body))
                status, _, answer = attacker.answer()
                problem = json.loads(answer)
                self.assertEqual((status, problem.get("pointer", "")), (400, pointer), problem)
        attacker.send(request("POST", "/v1/place", "Content-Type: text/plain", "Content-Length: 2") + b"{}")
        self.assertEqual(attacker.answer()[0], 415)

    def test_many_large_bodies_at_once_do_not_fill_the_memory_for_good(self):
        # A body that is announced costs nothing until it comes.
        attackers = [self.attacker() for _ in range(100)]
        for attacker in attackers:
            attacker.send(post("Content-Length: 8000000", body=b"x" * 1000))
        self.assertEqual(self.ping()["kind"], "Pong")


class BodiesTogether(HttpAttack):
    """Many large bodies at once, none of which is too large by itself."""

    budget = 32 << 20
    flags = ("--http-bodies-max", f"{budget >> 20}MiB")
    resident_growth_max = budget + (24 << 20)
    large = 4_000_000
    attackers = 40

    def test_those_over_the_limit_are_told_to_come_later_and_the_others_are_served(self):
        head = post(f"Content-Length: {self.large}")
        attackers = [self.attacker() for _ in range(self.attackers)]
        for attacker in attackers:
            attacker.send(head + b"x" * (self.large - 1))
            self.check_small()
        # Each that is kept takes what it sent of the budget at least.
        refused_min = self.attackers - self.budget // self.large
        eventually(
            lambda: sum(attacker.has_answer() for attacker in attackers) >= refused_min,
            "those over the limit are refused",
        )
        self.check_small()
        self.check_bystander()
        refused = [attacker for attacker in attackers if attacker.has_answer()]
        told = [answer for attacker in refused if (answer := attacker.answer()) is not None]
        self.assertTrue(told, "some have sent all before the server hangs up, and hear why")
        for status, headers, body in told:
            self.assertEqual((status, headers["retry-after"]), (503, "1"), body)
            self.assertEqual(headers["connection"], "close")
            self.assertIn("--http-bodies-max", json.loads(body)["hint"])
        # What is whole is answered and makes room: nothing counts for good.
        taken = [attacker for attacker in attackers if attacker not in refused]
        self.assertTrue(taken, "the limit is there to be used")
        for attacker in [*taken, self.attacker()]:
            attacker.send((b"" if attacker in taken else head + b"x" * (self.large - 1)) + b"x")
            self.assertEqual(attacker.answer()[0], 400, "it is no JSON")

    def check_small(self):
        attacker = self.attacker()
        attacker.send(place(b'{"task_id":"small"}'))
        self.assertEqual(attacker.answer()[0], 200)
        attacker.socket.close()


class Patience(HttpAttack):
    def test_heads_that_trickle_in_get_408(self):
        slow = [self.attacker() for _ in range(50)]
        for attacker in slow:
            attacker.send(b"GET /livez HTTP/1.1\r\n")
        stop = threading.Event()

        def drip():
            while not stop.wait(0.5):
                for attacker in slow:
                    attacker.send(b"X: a\r\n")

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            for attacker in slow:
                answer = attacker.answer()
                self.assertEqual(answer and answer[0], 408)
        finally:
            stop.set()
            thread.join()

    def test_a_client_that_ends_its_side_is_still_answered(self):
        attacker = self.attacker()
        attacker.send(get("/livez") * 3)
        attacker.end_sending()
        self.assertEqual(attacker.statuses(), [200, 200, 200])

    def test_half_a_request_and_the_end_is_no_request(self):
        for data in (b"GET /livez HTT", post("Content-Length: 9", body=b"{}")):
            attacker = self.attacker()
            attacker.send(data)
            attacker.end_sending()
            self.assertEqual(attacker.statuses(), [])


class Floods(HttpAttack):
    requests = 10_000
    unread_max = 8 << 20  # what a connection may have unsent, and 4 MiB of the kernel

    def test_ten_thousand_requests_without_reading_an_answer(self):
        attacker = self.attacker(receive_buffer=4096)
        flood = get("/v1/openapi.json") * self.requests
        sender = threading.Thread(target=attacker.send, args=(flood,))
        sender.start()
        for _ in range(20):
            self.check_bystander()
        # Cut off, or read at last: in order, and whole.
        attacker.socket.shutdown(2)
        sender.join()

    def test_ten_thousand_requests_that_are_read_in_the_end(self):
        attacker = self.attacker()
        sender = threading.Thread(target=attacker.send, args=(get("/livez") * self.requests,))
        sender.start()
        for _ in range(self.requests):
            self.assertEqual(attacker.answer()[0], 200)
        sender.join()

    def test_a_reader_that_never_reads_is_cut_off(self):
        first = self.attacker()  # whatever the server opens once, it has opened then
        first.send(get("/v1/openapi.json"))
        status, _, page = first.answer()
        self.assertEqual(status, 200)
        before = self.berthd.open_files()
        answered = self.stat("berth_http_requests_total")
        attacker = self.attacker(receive_buffer=4096)
        eventually(lambda: self.berthd.open_files() > before, "the connection is accepted")
        flood = get("/v1/openapi.json") * self.requests
        sender = threading.Thread(target=attacker.send, args=(flood,))
        sender.start()
        eventually(
            lambda: self.berthd.open_files() == before,
            "the reader that does not read is cut off",
            2 * DEADLINE_S,
        )
        sender.join()
        # No answer was made that it had no room for, in our memory or in the kernel's.
        answered = self.stat("berth_http_requests_total") - answered
        self.assertGreater(answered, 0)
        self.assertLess(answered * len(page), self.unread_max)


if __name__ == "__main__":
    unittest.main()
