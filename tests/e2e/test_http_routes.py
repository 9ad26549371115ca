"""Every operation of the OpenAPI document is covered by a test that validates its answers."""

import importlib
import unittest

import http_api

# Whose tests cover operations.
MODULES = (
    "test_http_events",
    "test_http_jobs",
    "test_http_place",
    "test_http_plans",
    "test_http_system",
    "test_metrics",
    "test_older_dtask",
    "test_older_hdcf",
    "test_older_job_pool",
)


class Routes(http_api.HttpTest):
    def test_every_operation_is_covered_by_a_test(self):
        for module in MODULES:
            importlib.import_module(module)
        document = self.api().document
        uncovered = sorted(set(document.operations) - set(http_api.COVERED))
        self.assertEqual(uncovered, [], "add a test that calls them, with http_api.covers")
        unknown = sorted(set(http_api.COVERED) - set(document.operations))
        self.assertEqual(unknown, [], "tests cover operations that the document does not have")


if __name__ == "__main__":
    unittest.main()
