"""The OpenAPI document against the rules of OpenAPI 3.1, and the rules against documents that break them."""

import copy
import unittest

import openapi_rules
from http_api import HttpTest

# (what is wrong, the rule that says so, how it comes to be)
BREACHES = (
    ("an old version", "fits_its_shape", lambda d: d.update(openapi="3.0.3")),
    ("no title", "fits_its_shape", lambda d: d["info"].pop("title")),
    ("a key that nobody knows", "fits_its_shape", lambda d: d.update(pathes={})),
    ("a path without its slash", "fits_its_shape", lambda d: d["paths"].update(x={})),
    ("a method that is none", "fits_its_shape", lambda d: d["paths"]["/v1/jobs"].update(fetch={})),
    ("a status that is none", "fits_its_shape", lambda d: get(d)["responses"].update({"600": {"description": "x"}})),
    ("an answer without description", "fits_its_shape", lambda d: get(d)["responses"]["200"].pop("description")),
    ("no answers", "fits_its_shape", lambda d: get(d).update(responses={})),
    ("a media type that is none", "fits_its_shape", lambda d: body(d)["content"].update(json={})),
    ("a body without content", "fits_its_shape", lambda d: body(d).pop("content")),
    ("a parameter without schema", "fits_its_shape", lambda d: parameter(d).pop("schema")),
    ("a parameter of nowhere", "fits_its_shape", lambda d: parameter(d).update({"in": "body"})),
    ("a parameter of the path that may be left out", "fits_its_shape", lambda d: parameter(d).update(required=False)),
    ("a component with a space", "fits_its_shape", lambda d: schema(d).update({"a b": {}})),
    ("a scheme without its word", "fits_its_shape", lambda d: d["components"]["securitySchemes"]["bearer"].pop("scheme")),
    ("a type that is none", "has_good_schemas", lambda d: schema(d)["Job"].update(type="text")),
    ("a keyword that is none", "has_good_schemas", lambda d: schema(d)["Job"].update(nullable=True)),
    ("a $ref to nothing", "refers_to_what_is_there", lambda d: schema(d).pop("Job")),
    ("a schema for nobody", "refers_to_what_is_there", lambda d: schema(d).update(Spare={"type": "object"})),
    ("a required field that is none", "demands_fields_that_it_has", lambda d: schema(d)["Job"]["required"].append("x")),
    ("a least above the most", "has_limits_that_can_be_met", lambda d: parameter(d)["schema"].update(minimum=9, maximum=1)),
    ("two operations of one name", "names_each_operation_once", lambda d: get(d).update(operationId="getJob")),
    ("one path twice", "has_each_path_once", lambda d: d["paths"].update({"/v1/jobs/{job}": {}})),
    ("a parameter that is in no path", "has_the_parameters_of_its_path", lambda d: parameter(d).update(name="job")),
    ("a parameter twice", "has_the_parameters_of_its_path",
     lambda d: get(d)["parameters"].append({**get(d)["parameters"][0], "description": "again"})),
    ("Authorization as a parameter", "has_no_headers_that_are_said_elsewhere",
     lambda d: get(d)["parameters"].append({"name": "Authorization", "in": "header", "schema": {}})),
    ("no good answer", "says_how_it_ends_well", lambda d: get(d)["responses"].pop("200")),
    ("a body of a GET", "reads_a_body_where_there_may_be_one", lambda d: get(d).update(requestBody=body(d))),
    ("a scheme that is none", "is_secured_by_schemes_that_it_has", lambda d: d["security"].append({"oauth": []})),
    ("a tag that is not listed", "has_tags_that_it_describes", lambda d: get(d)["tags"].append("x")),
)  # fmt: skip


def get(document):
    return document["paths"]["/v1/jobs"]["get"]


def body(document):
    return document["paths"]["/v1/jobs"]["post"]["requestBody"]


def parameter(document):
    return document["paths"]["/v1/jobs/{id}"]["get"]["parameters"][0]


def schema(document):
    return document["components"]["schemas"]


class OpenApi(HttpTest):
    def test_the_document_keeps_every_rule_and_each_rule_is_one(self):
        document = self.api().document.json
        self.assertEqual(openapi_rules.breaches(document), [])
        for name, rule, break_it in BREACHES:
            with self.subTest(name):
                broken = copy.deepcopy(document)
                break_it(broken)
                self.assertTrue(list(getattr(openapi_rules, rule)(broken)))
        tried = {rule for _, rule, _ in BREACHES}
        self.assertEqual(tried, {rule.__name__ for rule in openapi_rules.RULES}, "each rule can fail")


if __name__ == "__main__":
    unittest.main()
