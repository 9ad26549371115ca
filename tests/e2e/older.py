"""What tests of the older HTTP APIs share: a client that says exactly what theirs do, and believes no
answer that the OpenAPI document does not describe.
"""

import http.client
import json
import re
import urllib.parse

import http_api
from harness import DEADLINE_S, split_address
from jobs import JobsTest


class Http:
    """One kept-alive connection, as the older clients have."""

    def __init__(self, test, server, headers=None):
        host, port = split_address(server.http)
        self.connection = http.client.HTTPConnection(host, port, timeout=DEADLINE_S)
        self.headers = headers or {}
        self.test = test
        test.addCleanup(self.connection.close)

    def ask(self, method, path, body=None, raw=None):
        """(status, JSON or None) of the answer."""
        data = raw if raw is not None else json.dumps(body).encode() if body is not None else None
        self.connection.request(method, path, body=data, headers=self.headers)
        answer = http_api.Answer(self.connection.getresponse())
        self.test.check(method, path.split("?")[0], answer)
        return answer.status, json.loads(answer.text) if answer.body else None

    def get(self, path, **query):
        return self.ask("GET", path + ("?" + urllib.parse.urlencode(query) if query else ""))

    def post(self, path, **body):
        return self.ask("POST", path, body)


class OlderTest(JobsTest):
    described = None  # the OpenAPI document, the same for all servers
    operations = {}

    def http(self, server, **headers):
        if OlderTest.described is None:
            host, port = split_address(server.http)
            connection = http.client.HTTPConnection(host, port, timeout=DEADLINE_S)
            connection.request("GET", "/v1/openapi.json", headers=headers)
            text = http_api.Answer(connection.getresponse()).body
            connection.close()
            OlderTest.described = http_api.Document(text)
            for name, (method, path, _) in OlderTest.described.operations.items():
                OlderTest.operations[method, re.sub(r"{\w+}", "{}", path)] = name
        return Http(self, server, headers)

    def check(self, method, path, answer):
        """The document describes this answer, unless it is one that every path has."""
        path = re.sub(r"^/jobs/[^/]+$", "/jobs/{}", path)
        operation = OlderTest.operations.get((method, path))
        if operation is not None and answer.status != 401:
            OlderTest.described.check(operation, answer)

    def ok(self, answer, status=200):
        self.assertEqual(answer[0], status, answer)
        return answer[1]

    def refused(self, answer, status, part=""):
        self.assertEqual(answer[0], status, answer)
        self.assertIn(part, answer[1]["error"])


def covered(module, *operations):
    """The tests of this module call these operations, with success and with a refusal."""
    for operation in operations:
        http_api.COVERED.setdefault(operation, module)
