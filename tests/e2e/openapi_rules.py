"""What the OpenAPI 3.1 specification demands of a document, as far as a document can be looked at.

`breaches(document)` lists every rule that is broken. The shapes of its objects are a JSON Schema, `SHAPES`: a
key that an object does not have by the specification is a mistake. What a schema cannot say is a function of
`RULES`, whose docstring is the rule.

https://spec.openapis.org/oas/v3.1.0
"""

import re

import jsonschema

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
TEXT = {"type": "string"}
TRUTH = {"type": "boolean"}
SHOWN = {"type": "string", "minLength": 1}


def ref(name):
    return {"$ref": f"#/$defs/{name}"}


def shape(needs=(), /, **fields):
    """An object with these keys, and whatever begins with `x-`."""
    return {
        "type": "object",
        "required": list(needs),
        "properties": {name.removesuffix("_"): value for name, value in fields.items()},
        "patternProperties": {"^x-": True},
        "additionalProperties": False,
    }


def table(of, names=".*"):
    """An object whose keys are names."""
    return {"type": "object", "patternProperties": {names: of}, "additionalProperties": False}


def many(of, **rest):
    return {"type": "array", "items": of, **rest}


COMPONENT = "^[A-Za-z0-9._-]+$"
MEDIA_TYPE = r"^[a-z0-9.+*-]+/[a-z0-9.+*-]+(; ?[a-z]+=[A-Za-z0-9.-]+)*$"
STATUS = "^(default|[1-5]([0-9][0-9]|XX))$"
OPERATION = ref("operation")

SHAPES = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    **shape(
        ("openapi", "info"),
        openapi={"type": "string", "pattern": r"^3\.1\.\d+$"},
        info=ref("info"),
        jsonSchemaDialect=TEXT,
        servers=many(shape(("url",), url=TEXT, description=TEXT, variables={"type": "object"})),
        paths=table(ref("path"), "^/"),
        webhooks=table(ref("path")),
        components=ref("components"),
        security=many(ref("security")),
        tags=many(shape(("name",), name=SHOWN, description=TEXT, externalDocs=ref("docs"))),
        externalDocs=ref("docs"),
    ),
    "anyOf": [{"required": [name]} for name in ("paths", "components", "webhooks")],
    "$defs": {
        "info": shape(
            ("title", "version"),
            title=SHOWN,
            summary=TEXT,
            description=TEXT,
            termsOfService=TEXT,
            contact=shape(name=TEXT, url=TEXT, email=TEXT),
            license=shape(("name",), name=TEXT, identifier=TEXT, url=TEXT),
            version=SHOWN,
        ),
        "docs": shape(("url",), url=TEXT, description=TEXT),
        "security": table(many(TEXT)),
        "path": shape(
            summary=TEXT,
            description=TEXT,
            servers={"type": "array"},
            parameters=many(ref("parameter")),
            **{method: OPERATION for method in METHODS},
        ),
        "operation": shape(
            tags=many(TEXT),
            summary=TEXT,
            description=TEXT,
            externalDocs=ref("docs"),
            operationId=SHOWN,
            parameters=many(ref("parameter"), uniqueItems=True),
            requestBody=ref("body"),
            responses={**table(ref("response"), STATUS), "minProperties": 1},
            callbacks={"type": "object"},
            deprecated=TRUTH,
            security=many(ref("security")),
            servers={"type": "array"},
        ),
        "parameter": {
            **shape(
                ("name", "in"),
                name=SHOWN,
                in_={"enum": ["query", "header", "path", "cookie"]},
                description=TEXT,
                required=TRUTH,
                deprecated=TRUTH,
                allowEmptyValue=TRUTH,
                style={"enum": "matrix label simple form spaceDelimited pipeDelimited deepObject".split()},
                explode=TRUTH,
                allowReserved=TRUTH,
                schema=ref("schema"),
                content={**table(ref("media"), MEDIA_TYPE), "minProperties": 1, "maxProperties": 1},
                example=True,
                examples={"type": "object"},
            ),
            "oneOf": [{"required": ["schema"]}, {"required": ["content"]}],
            "if": {"properties": {"in": {"const": "path"}}},
            "then": {"properties": {"required": {"const": True}, "allowEmptyValue": False}, "required": ["required"]},
        },
        "body": shape(
            ("content",),
            description=TEXT,
            required=TRUTH,
            content={**table(ref("media"), MEDIA_TYPE), "minProperties": 1},
        ),
        "media": shape(
            schema=ref("schema"), example=True, examples={"type": "object"}, encoding={"type": "object"}
        ),
        "response": shape(
            ("description",),
            description=SHOWN,
            headers={"type": "object"},
            content=table(ref("media"), MEDIA_TYPE),
            links={"type": "object"},
        ),
        "components": shape(
            schemas=table(ref("schema"), COMPONENT),
            securitySchemes=table(ref("scheme"), COMPONENT),
            parameters=table(ref("parameter"), COMPONENT),
            responses=table(ref("response"), COMPONENT),
        ),
        "scheme": {
            "oneOf": [
                shape(("type", "scheme"), type={"const": "http"}, scheme=SHOWN, bearerFormat=TEXT, description=TEXT),
                shape(
                    ("type", "name", "in"),
                    type={"const": "apiKey"},
                    name=SHOWN,
                    in_={"enum": ["query", "header", "cookie"]},
                    description=TEXT,
                ),
            ]
        },
        "schema": {"type": ["object", "boolean"]},
    },
}

# What JSON Schema 2020-12 defines, and OpenAPI adds. Anything else would be passed over in silence.
KEYWORDS = set(
    "$ref $defs $id $schema $comment type enum const title description default examples deprecated readOnly "
    "writeOnly format properties required additionalProperties patternProperties propertyNames minProperties "
    "maxProperties items prefixItems contains minItems maxItems uniqueItems minLength maxLength pattern minimum "
    "maximum exclusiveMinimum exclusiveMaximum multipleOf allOf anyOf oneOf not if then else "
    "contentMediaType contentEncoding unevaluatedProperties discriminator example externalDocs".split()
)


def operations(document):
    """(where, path, operation) of each."""
    for path, item in document.get("paths", {}).items():
        for method in METHODS:
            if method in item:
                yield f"{method.upper()} {path}", path, item[method]


def schemas(document):
    """(where, schema) of each, those within others included."""
    found = [(f"schema {name}", schema) for name, schema in document["components"].get("schemas", {}).items()]
    for where, _, operation in operations(document):
        holders = [(each["name"], each) for each in operation.get("parameters", ())]
        holders += operation.get("requestBody", {}).get("content", {}).items()
        for response in operation["responses"].values():
            holders += response.get("content", {}).items()
        found += [(f"{where} {name}", holder["schema"]) for name, holder in holders if "schema" in holder]
    while found:
        where, schema = found.pop()
        yield where, schema
        if not isinstance(schema, dict):
            continue
        inner = list(schema.get("properties", {}).items())
        for name in ("items", "additionalProperties", "not", "if", "then", "else"):
            inner += [(name, schema[name])] if name in schema else []
        for name in ("anyOf", "oneOf", "allOf"):
            inner += [(name, each) for each in schema.get(name, ())]
        found += [(f"{where}/{name}", each) for name, each in inner]


def fits_its_shape(document):
    """Every object has the keys that the specification gives it, and those that it demands."""
    for error in jsonschema.Draft202012Validator(SHAPES).iter_errors(document):
        yield f"{error.json_path}: {error.message[:200]}"


def has_good_schemas(document):
    """A schema is one of JSON Schema 2020-12, and has no keyword that nobody knows."""
    for where, schema in schemas(document):
        try:
            jsonschema.Draft202012Validator.check_schema(schema)
        except jsonschema.SchemaError as error:
            yield f"{where}: {error.message[:200]}"
        if isinstance(schema, dict):
            yield from (f"{where}: {word} is no keyword" for word in set(schema) - KEYWORDS)


def refers_to_what_is_there(document):
    """What a $ref names is in the document, and what is in the components is used."""
    used = set()
    for where, schema in schemas(document):
        target = schema.get("$ref") if isinstance(schema, dict) else None
        if target is None:
            continue
        name = target.removeprefix("#/components/schemas/")
        used.add(name)
        if name not in document["components"]["schemas"]:
            yield f"{where}: there is no {target}"
    yield from (f"schema {name} is not used" for name in set(document["components"]["schemas"]) - used)


def demands_fields_that_it_has(document):
    """A schema that requires a field has it among its properties, and requires none twice."""
    for where, schema in schemas(document):
        if not isinstance(schema, dict):
            continue
        names = schema.get("required", [])
        if len(names) != len(set(names)):
            yield f"{where}: a field is required twice"
        if schema.get("type") == "object" and "properties" in schema:
            yield from (f"{where}: {name} is required" for name in set(names) - set(schema["properties"]))


def has_limits_that_can_be_met(document):
    """No least is above its most, and the words of an enum are of its type."""
    pairs = ("minimum", "maximum"), ("minLength", "maxLength"), ("minItems", "maxItems")
    for where, schema in schemas(document):
        if not isinstance(schema, dict):
            continue
        for low, high in pairs:
            if low in schema and high in schema and schema[low] > schema[high]:
                yield f"{where}: {low} is above {high}"
        if schema.get("type") == "string" and not all(isinstance(word, str) for word in schema.get("enum", ())):
            yield f"{where}: an enum of a text has something else"


def names_each_operation_once(document):
    """Every operation has an id, and no two have the same."""
    seen = set()
    for where, _, operation in operations(document):
        name = operation.get("operationId")
        if name is None or name in seen:
            yield f"{where}: operationId {name}"
        seen.add(name)


def has_each_path_once(document):
    """No two paths differ only in the names of their parameters."""
    seen = {}
    for path in document.get("paths", {}):
        same = seen.setdefault(re.sub("{[^}]*}", "{}", path), path)
        if same != path:
            yield f"{path} is {same}"
        if path != "/" and path.endswith("/"):
            yield f"{path} ends with a slash"


def has_the_parameters_of_its_path(document):
    """The parameters of a path are those that stand in it, and of none there are two."""
    for where, path, operation in operations(document):
        given = [(each["in"], each["name"]) for each in operation.get("parameters", ())]
        if len(given) != len(set(given)):
            yield f"{where}: a parameter is there twice"
        if {name for place, name in given if place == "path"} != set(re.findall("{([^}]*)}", path)):
            yield f"{where}: the parameters of the path"


def has_no_headers_that_are_said_elsewhere(document):
    """Accept, Content-Type and Authorization are no parameters: they would be ignored."""
    for where, _, operation in operations(document):
        for each in operation.get("parameters", ()):
            if each["in"] == "header" and each["name"].lower() in ("accept", "content-type", "authorization"):
                yield f"{where}: {each['name']}"


def says_how_it_ends_well(document):
    """Every operation has an answer below 400; one of 204 has no content."""
    for where, _, operation in operations(document):
        answers = operation.get("responses", {})
        if not any(status[0] in "123" for status in answers if status != "default"):
            yield f"{where}: no good answer"
        if "content" in answers.get("204", {}):
            yield f"{where}: 204 with content"


def reads_a_body_where_there_may_be_one(document):
    """GET, HEAD and DELETE take no body."""
    for where, _, operation in operations(document):
        if "requestBody" in operation and where.split()[0] in ("GET", "HEAD", "DELETE"):
            yield where


def is_secured_by_schemes_that_it_has(document):
    """A security requirement names a scheme of the components, without scopes where it has none."""
    schemes = document["components"].get("securitySchemes", {})
    wanted = [("the document", each) for each in document.get("security", ())]
    for where, _, operation in operations(document):
        wanted += [(where, each) for each in operation.get("security", ())]
    for where, requirement in wanted:
        for name, scopes in requirement.items():
            if name not in schemes or scopes:
                yield f"{where}: {name}"


def has_tags_that_it_describes(document):
    """The tags of operations are in the list of tags, each of which is there once and used."""
    listed = [tag["name"] for tag in document.get("tags", ())]
    if len(listed) != len(set(listed)):
        yield "a tag is listed twice"
    used = {tag for _, _, operation in operations(document) for tag in operation.get("tags", ())}
    yield from (f"tag {name}" for name in used ^ set(listed))


RULES = (
    fits_its_shape,
    has_good_schemas,
    refers_to_what_is_there,
    demands_fields_that_it_has,
    has_limits_that_can_be_met,
    names_each_operation_once,
    has_each_path_once,
    has_the_parameters_of_its_path,
    has_no_headers_that_are_said_elsewhere,
    says_how_it_ends_well,
    reads_a_body_where_there_may_be_one,
    is_secured_by_schemes_that_it_has,
    has_tags_that_it_describes,
)


def breaches(document):
    """(rule, where) of everything that is wrong; the shape first, since the other rules rely on it."""
    found = [(fits_its_shape.__name__, where) for where in fits_its_shape(document)]
    if found:
        return found
    return [(rule.__name__, where) for rule in RULES[1:] for where in rule(document)]
