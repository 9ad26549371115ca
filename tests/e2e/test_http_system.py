"""The HTTP server itself: who may ask, health, the document, and its end."""

import http.client
import json
import socket
import subprocess
import threading
import unittest

import jsonschema

from harness import DEADLINE_S, eventually, program, split_address
from http_api import HttpTest, covers


class System(HttpTest):
    @covers("getStats", "listTags", "getVersion", "getLive", "getReady", "getOpenApi")
    def test_the_server_tells_of_itself(self):
        berthd = self.server("--suspicious-after", "10m", "--offline-after", "20m")
        self.beat(self.peer(berthd), "w1", tags=["cpu"])
        api = self.api(berthd)
        names = {stat["name"] for stat in api.call("getStats").json["stats"]}
        said = {stat["name"] for stat in self.cli_json(berthd, "stats")["stats"]}
        self.assertEqual(names, said)
        self.assertIn("berth_http_requests_total", names)
        self.assertEqual(api.call("listTags").json, {"tags": [{"tag": "cpu", "workers": 1}]})
        self.assertTrue(api.call("getVersion").json["software"].startswith("berthd "))
        self.assertEqual(api.call("getLive").json, {"status": "live"})
        self.assertEqual(api.call("getReady").json, {"status": "ready"})
        verbose = api.call("getReady", verbose="").json
        self.assertEqual([each["name"] for each in verbose["checks"]], ["ledger", "store", "draining"])
        self.assertTrue(all(each["ok"] for each in verbose["checks"]))
        self.assertEqual(api.call("getOpenApi").json, api.document.json)
        for operation in ("getStats", "listTags", "getVersion", "getLive", "getReady", "getOpenApi"):
            problem = api.refuses(operation, "bad_request", colour="red")
            self.assertIn("colour", problem["detail"])

    def test_the_document_is_one(self):
        document = self.api().document
        self.assertEqual(document.json["openapi"], "3.1.0")
        for name, schema in document.json["components"]["schemas"].items():
            jsonschema.Draft202012Validator.check_schema(schema)
            self.assertTrue(schema["description"], name)
        for operation, (_, path, described) in document.operations.items():
            self.assertTrue(described["summary"].endswith("."), operation)
            wanted = {part[1:-1] for part in path.split("/") if part.startswith("{")}
            named = {each["name"] for each in described.get("parameters", ()) if each["in"] == "path"}
            self.assertEqual(wanted, named, operation)
            for parameter in described.get("parameters", ()):
                jsonschema.Draft202012Validator.check_schema(parameter["schema"])
                self.assertTrue(parameter["description"], operation)
            for response in described["responses"].values():
                self.assertTrue(response["description"], operation)

    def test_what_is_not_there_is_said_with_what_may_have_been_meant(self):
        api = self.api()
        missing = api.request("GET", "/v1/worker")
        self.assertEqual((missing.status, missing.type), (404, "application/problem+json"))
        self.assertIn("/v1/workers", missing.json["hint"])
        wrong = api.request("PUT", "/v1/workers")
        self.assertEqual((wrong.status, wrong.headers["Allow"]), (405, "GET, HEAD, OPTIONS"))
        options = api.request("OPTIONS", "/v1/workers/w1")
        self.assertEqual((options.status, options.headers["Allow"]), (204, "GET, HEAD, DELETE, OPTIONS"))
        self.assertNotIn("Access-Control-Allow-Origin", options.headers)
        head = api.request("HEAD", "/v1/version")
        self.assertEqual((head.status, head.body), (200, b""))
        self.assertGreater(int(head.headers["Content-Length"]), 0)

    def test_bodies_are_json_and_say_so(self):
        api = self.api()
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
            answer = api.request("POST", "/v1/place", '{"task_id":"t"}', {"Content-Type": kind})
            self.assertEqual((answer.status, answer.json["code"]), (415, "unsupported_media_type"))


class Access(HttpTest):
    def token(self):
        path = self.path("token")
        with open(path, "w", encoding="utf-8") as file:
            file.write("s3cret\n")
        return path

    def test_with_a_token_nothing_is_told_without_it(self):
        berthd = self.server("--token-file", self.token())
        api = self.api(berthd, token="s3cret")
        self.assertEqual(api.call("listWorkers").json["workers"], [])
        bad = [{}, {"Authorization": "Bearer wrong"}, {"X-API-Token": "s3cre"}]
        for headers in bad:
            api.headers = headers
            for method, target in (("GET", "/v1/workers"), ("GET", "/nowhere"), ("POST", "/v1/place")):
                answer = api.request(method, target)
                self.assertEqual((answer.status, answer.json["code"]), (401, "denied"), headers)
                self.assertEqual(answer.headers["WWW-Authenticate"], "Bearer")
        api.headers = {}
        api.call("getLive")
        api.call("getReady")
        api.headers = {"X-API-Token": "s3cret"}
        api.call("listWorkers")

    def test_beyond_this_machine_nothing_is_served_without_a_token(self):
        for where in ("0.0.0.0:0", "[::]:0"):
            run = self.berthd_once("--http", where)
            self.assertEqual(run.returncode, 2)
            self.assertIn("--token-file", run.stderr)
            self.assertIn("--http", run.stderr)
        berthd = self.server("--token-file", self.token(), http="0.0.0.0:0")
        self.api_at("127.0.0.1", berthd, {"Authorization": "Bearer s3cret"}, 200)

    def test_a_request_for_another_name_is_not_answered(self):
        berthd = self.server("--http-host", "berth.example.org,b2")
        for host, status in (
            ("localhost", 200),
            ("localhost:17", 200),
            ("127.0.0.1", 200),
            ("[::1]:7641", 200),
            ("Berth.Example.org", 200),
            ("b2:80", 200),
            ("evil.example.org", 421),
            ("127.0.0.1.evil.example.org", 421),
            ("10.1.2.3", 421),
        ):
            answer = self.api_at("127.0.0.1", berthd, {"Host": host}, status)
            if status == 421:
                self.assertIn("--http-host", json.loads(answer)["hint"])

    def test_pages_of_other_sites_change_nothing(self):
        berthd = self.server("--suspicious-after", "10m", "--offline-after", "20m")
        self.beat(self.peer(berthd), "w1")
        api = self.api(berthd)
        for origin in ("http://evil.example.org", "null"):
            answer = api.request("POST", "/v1/workers/w1/drain", headers={"Origin": origin})
            self.assertEqual((answer.status, answer.json["code"]), (403, "denied"))
            self.assertNotIn("Access-Control-Allow-Origin", answer.headers)
        self.assertFalse(api.call("getWorker", id="w1").json["draining"])
        own = {"Origin": f"http://{berthd.http}", "Host": berthd.http}
        api.call("drainWorker", id="w1", headers=own)

    def berthd_once(self, *arguments):
        return subprocess.run(
            [program("berthd"), "--listen", "127.0.0.1:0", "--console", "off", "--store", "memory", *arguments],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=DEADLINE_S,
        )

    def api_at(self, host, berthd, headers, status):
        connection = http.client.HTTPConnection(host, split_address(berthd.http)[1], timeout=DEADLINE_S)
        self.addCleanup(connection.close)
        connection.request("GET", "/v1/version", headers=headers)
        response = connection.getresponse()
        self.assertEqual(response.status, status, headers)
        return response.read()


class Life(HttpTest):
    def test_http_can_be_off(self):
        berthd = self.server(http="off")
        self.assertEqual(berthd.http, "off")

    def test_connections_beyond_the_limit_are_told_so(self):
        berthd = self.server("--http-connections-max", "2")
        first, second = self.api(berthd), self.api(berthd)
        third = http.client.HTTPConnection(*split_address(berthd.http), timeout=DEADLINE_S)
        self.addCleanup(third.close)
        third.request("GET", "/livez")
        answer = third.getresponse()
        problem = json.loads(answer.read())
        self.assertEqual((answer.status, problem["code"]), (503, "limit_reached"))
        self.assertIn("--http-connections-max", problem["hint"])
        first.call("getLive")
        second.connection.close()

        def served():
            try:
                self.api(berthd)
            except (AssertionError, ValueError, KeyError, ConnectionError, http.client.HTTPException):
                return False
            return True

        eventually(served, "a connection that has ended makes room")

    def test_requests_sent_at_once_are_answered_in_order(self):
        berthd = self.server()
        count = 500
        with socket.create_connection(split_address(berthd.http), timeout=DEADLINE_S) as peer:
            lines = [f"GET /v1/workers/w{i} HTTP/1.1\r\nHost: localhost\r\n\r\n" for i in range(count)]
            lines.append("GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            peer.sendall("".join(lines).encode())
            said = b""
            while data := peer.recv(1 << 16):
                said += data
        answers = said.split(b"HTTP/1.1 ")[1:]
        self.assertEqual(len(answers), count + 1)
        for i in range(count):
            self.assertIn(f"'w{i}'".encode(), answers[i])
        self.assertTrue(answers[-1].startswith(b"200"))

    def test_what_is_in_flight_at_a_stop_is_answered(self):
        berthd = self.server("--suspicious-after", "10m", "--offline-after", "20m")
        self.beat(self.peer(berthd), "w1", capacity={"slots": 1})
        idle = self.api(berthd)
        waits = self.api(berthd)
        idle.call("place", body={"task_id": "first"})
        got = []
        body = {"task_id": "second", "wait_ms": 600_000}
        waiting = threading.Thread(target=lambda: got.append(waits.request("POST", "/v1/place", body)))
        waiting.start()

        def queued():
            stats = idle.call("getStats").json["stats"]
            return any(each["name"] == "berth_waiting" and each["value"] == 1 for each in stats)

        eventually(queued, "the request waits")
        berthd.child.terminate()
        waiting.join()
        self.assertEqual((got[0].status, got[0].json["code"]), (503, "shutting_down"))
        self.assertEqual(berthd.wait(5), 0)


if __name__ == "__main__":
    unittest.main()
