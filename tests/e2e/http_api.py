"""Calls the HTTP API by the names of its OpenAPI document, and believes no answer that the document
does not describe.

    class Workers(HttpTest):
        @covers("listWorkers", "getWorker")
        def test_…(self):
            api = self.api()
            api.call("listWorkers", tag=["gpu"])
            api.call("getWorker", id="nobody", status=404)

`covers` fails the test unless each operation was answered well and was refused in it, both as the document has
it; `test_http_routes.py` fails when an operation of the document is covered by no test. Add your module
to `MODULES` there.
"""

import copy
import functools
import gzip
import http.client
import json
import urllib.parse

import jsonschema

from harness import DEADLINE_S, EndToEndTest, split_address
from http_attacker import documented_statuses

COVERED = {}  # operation → the test that covers it

JSON = "application/json"
PROBLEM = "application/problem+json"


def covers(*operations):
    """The test calls each of these, with success and with a refusal."""

    def wrap(test):
        for operation in operations:
            COVERED.setdefault(operation, f"{test.__module__}.{test.__qualname__}")

        @functools.wraps(test)
        def run(self, *arguments):
            test(self, *arguments)
            for operation in operations:
                kinds = {status < 400 for api in self.apis for status in api.answered.get(operation, ())}
                self.assertIn(True, kinds, f"{operation} was never answered well")
                self.assertIn(False, kinds, f"{operation} was never refused")

        return run

    return wrap


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()
        if self.headers.get("Content-Encoding") == "gzip":
            self.body = gzip.decompress(self.body)
        self.type = self.headers.get("Content-Type", "")

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body, object_pairs_hook=no_duplicates)


def no_duplicates(pairs):
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise AssertionError(f"a key comes twice: {names}")
    return dict(pairs)


class Document:
    """The OpenAPI document, and what it says of an answer."""

    def __init__(self, text):
        self.json = json.loads(text, object_pairs_hook=no_duplicates)
        self.operations = {}
        for path, methods in self.json["paths"].items():
            for method, operation in methods.items():
                self.operations[operation["operationId"]] = (method.upper(), path, operation)
        # Keys may be added for clients that ignore them; this one wants them described.
        self.components = copy.deepcopy(self.json["components"])
        for schema in self.components["schemas"].values():
            if schema["properties"]:
                schema.setdefault("additionalProperties", False)

    def target(self, operation, parameters):
        """The path and query of a call; `parameters` by name, lists where they repeat."""
        _, path, described = self.operations[operation]
        query = []
        known = {each["name"]: each for each in described.get("parameters", ())}
        for name, value in parameters.items():
            if name in known and known[name]["in"] == "path":
                path = path.replace("{" + name + "}", urllib.parse.quote(str(value), safe=""))
            else:
                query += [(name, each) for each in (value if isinstance(value, list) else [value])]
        return path + ("?" + urllib.parse.urlencode(query) if query else "")

    def check(self, operation, answer):
        """Fails unless the document describes this answer to that operation."""
        responses = self.operations[operation][2]["responses"]
        response = responses.get(str(answer.status), responses.get("default"))
        if response is None or (str(answer.status) not in responses and answer.status < 400):
            raise AssertionError(f"{operation} does not say that it answers {answer.status}: {answer.text}")
        content = response.get("content")
        if content is None:
            if answer.body:
                raise AssertionError(f"{operation} says that {answer.status} has no body: {answer.text}")
            return
        if answer.type not in content:
            # A status of the table may be a problem of another kind, as 404 of a path is.
            content = responses.get("default", {}).get("content", {})
        if answer.type not in content:
            raise AssertionError(f"{operation} does not say that {answer.status} is {answer.type}")
        if answer.type in (JSON, PROBLEM):
            self.validate(content[answer.type]["schema"], answer.json, operation)
        if answer.type == PROBLEM and answer.json["status"] != answer.status:
            raise AssertionError(f"{operation}: the problem is of another status than {answer.status}")

    def validate(self, schema, value, what):
        whole = {**schema, "components": self.components}
        error = jsonschema.exceptions.best_match(
            jsonschema.Draft202012Validator(whole).iter_errors(value)
        )
        if error is not None:
            raise AssertionError(f"{what}: {error.json_path}: {error.message}")


class HttpApi:
    """One client of a server's HTTP port, on one connection kept alive."""

    def __init__(self, test, server, token=None):
        self.test = test
        host, port = split_address(server.http)
        self.connection = http.client.HTTPConnection(host, port, timeout=DEADLINE_S)
        test.addCleanup(self.connection.close)
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.answered = {}
        self.document = Document(self.request("GET", "/v1/openapi.json").body)

    def request(self, method, target, body=None, headers=None):
        """Any request, and its answer, unchecked."""
        sent = {**self.headers, **(headers or {})}
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            sent.setdefault("Content-Type", JSON)
        self.connection.request(method, target, body, sent)
        return Answer(self.connection.getresponse())

    def call(self, operation, body=None, headers=None, status=200, **parameters):
        """The operation's answer, which is as the document has it and of this status."""
        method, _, _ = self.document.operations[operation]
        answer = self.request(method, self.document.target(operation, parameters), body, headers)
        self.document.check(operation, answer)
        self.answered.setdefault(operation, set()).add(answer.status)
        self.test.assertEqual(answer.status, status, f"{operation}: {answer.text}")
        if status >= 400:
            self.test.assertIn(status, documented_statuses(), "docs/http.md does not have it")
        return answer

    def refuses(self, operation, code, status=400, **rest):
        """A call that is refused with this code; the problem."""
        problem = self.call(operation, status=status, **rest).json
        self.test.assertEqual(problem["code"], code, problem)
        return problem


class HttpTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.apis = []

    def api(self, server=None, **rest):
        self.apis.append(HttpApi(self, server or self.server(), **rest))
        return self.apis[-1]
