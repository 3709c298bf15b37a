"""Routes, types and the OpenAPI document say the same."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from api.app import create_app
from api.http.problems import KINDS, Code
from api.http.requests import Ignored, Nothing
from api.openapi.document import examples_of, openapi_document
from api.openapi.examples import PROBLEMS
from api.routes import ROUTES
from engine.settings import Settings
from tests.support.openapi_conformance import Document

Json = Any


@pytest.fixture(scope="module")
def document() -> Json:
    return msgspec.json.decode(msgspec.json.encode(openapi_document(ROUTES)))


def _operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def _codes(document: Json, operation: Json) -> set[str]:
    """The codes of all problems that an operation may answer with."""
    codes = set()
    for given in operation["responses"].values():
        shared = document["components"]["responses"].get(given.get("$ref", "").rpartition("/")[2])
        problem = (shared or given).get("content", {}).get("application/problem+json")
        if problem:
            schema = document["components"]["schemas"][problem["schema"]["$ref"].rpartition("/")[2]]
            codes.update(problem.get("examples", ()))
            assert set(schema["properties"]["code"]["enum"]).issuperset(problem.get("examples", ()))
    return codes


def test_the_document_is_openapi(document: Json) -> None:
    assert document["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(document).validate()


def test_routes_and_documented_paths_are_the_same(document: Json) -> None:
    routed = {
        (route.method, route.resource.canonical.rstrip("/") or "/")
        for route in create_app(Settings(auth="off")).router.routes()
        if route.resource and route.method not in ("HEAD", "*")
    }
    assert {(method, path) for method, path, _ in _operations(document)} == routed


def test_each_operation_says_what_it_is_for(document: Json) -> None:
    operations = [operation for _, _, operation in _operations(document)]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    for operation in operations:
        assert re.fullmatch(r"[A-Z].*\w\)?", operation["summary"]), operation["operationId"]


def test_every_operation_but_the_redirect_may_succeed(document: Json) -> None:
    """The linter of tests/clients would take `/` for a mistake, so its rule is off there."""
    failing = {
        (method, path)
        for method, path, operation in _operations(document)
        if not any(status.startswith("2") for status in operation["responses"])
    }
    assert failing == {("GET", "/")}


def test_every_code_is_documented_with_its_example(document: Json) -> None:
    assert set(document["components"]["responses"]) - {"late"} == set(Code) == set(PROBLEMS)
    for code, problem in PROBLEMS.items():
        assert problem.code is code
        response = document["components"]["responses"][code]
        validator = Document(document).validator(response["content"]["application/problem+json"]["schema"])
        example = response["content"]["application/problem+json"]["examples"][code]["value"]
        assert example == msgspec.to_builtins(problem.document())
        assert [str(error) for error in validator.iter_errors(example)] == []


def test_every_code_but_that_of_methods_is_met_somewhere(document: Json) -> None:
    met = {code for _, _, operation in _operations(document) for code in _codes(document, operation)}
    assert met == set(Code) - {Code.METHOD_NOT_ALLOWED}, "what has the wrong method has no operation"


def test_a_problem_stands_under_its_status(document: Json) -> None:
    for _, _, operation in _operations(document):
        for code in _codes(document, operation):
            assert str(KINDS[Code(code)][0]) in operation["responses"]


EXAMPLES = examples_of(
    kind for route in ROUTES for kind in (route.body, *route.answers.values()) if kind not in (None, Nothing)
)


@pytest.mark.parametrize("kind", list(EXAMPLES))
def test_examples_are_what_they_are_examples_of(document: Json, kind: type) -> None:
    schema = document["components"]["schemas"][kind.__name__]
    (example,) = schema["examples"]
    assert example == EXAMPLES[kind]
    assert [str(error) for error in Document(document).validator(schema).iter_errors(example)] == []
    msgspec.json.decode(msgspec.json.encode(example), type=kind)


def test_every_body_that_is_sent_has_an_example() -> None:
    assert {route.body for route in ROUTES if route.body not in (None, Nothing, Ignored)} <= set(EXAMPLES)


def test_links_lead_to_operations_and_fill_parameters_that_are_there(document: Json) -> None:
    operations = {operation["operationId"]: operation for _, _, operation in _operations(document)}
    links = [(route.operation_id, link) for route in ROUTES for link in route.links]
    assert len(links) > 30
    for origin, link in links:
        operation = operations[link.to]
        assert set(link.parameters) <= {each["name"] for each in operation["parameters"]}, (origin, link)
        assert (link.body is None) or "requestBody" in operation, (origin, link)


def test_undocumented_answers_are_noticed(document: Json) -> None:
    """The control of tests that hold answers against the document."""
    held = Document(document)
    headers = {"Content-Type": "application/json", "X-Request-ID": "1"}
    held.check("GET", "/healthz", 200, headers, b'{"status":"ok"}')
    for status, sent, body in (
        (201, headers, b'{"status":"ok"}'),
        (200, {"X-Request-ID": "1", "Content-Type": "text/html"}, b'{"status":"ok"}'),
        (200, {"Content-Type": "application/json"}, b'{"status":"ok"}'),
        (200, headers, b'{"status":"fine"}'),
        (200, headers, b"{}"),
    ):
        with pytest.raises(AssertionError):
            held.check("GET", "/healthz", status, sent, body)


def test_a_member_that_may_be_left_out_is_not_taken_for_a_required_one(document: Json) -> None:
    """openapi-typescript takes a member with a default for one that is always there."""
    for name, schema in document["components"]["schemas"].items():
        assert [member for member, shape in schema.get("properties", {}).items() if "default" in shape] == [], name
    event = document["components"]["schemas"]["EventBody"]
    assert event["properties"]["hold_seconds"]["description"] == "Default: 900."
    assert event["required"] == ["name", "starts_at"]


def test_problems_are_schemas_that_generators_can_read(document: Json) -> None:
    """openapi-python-client drops a response whose schema merges a const into another schema."""
    for _, _, operation in _operations(document):
        for status, given in operation["responses"].items():
            shared = document["components"]["responses"].get(given.get("$ref", "").rpartition("/")[2])
            problem = (shared or given).get("content", {}).get("application/problem+json")
            if problem:
                assert problem["schema"] == {"$ref": f"#/components/schemas/Problem{status}"}
                schema = document["components"]["schemas"][f"Problem{status}"]
                assert schema["properties"]["status"] == {"type": "integer", "const": int(status)}


def test_each_part_says_what_it_is(document: Json) -> None:
    for tag in document["tags"]:
        assert tag["description"] != f"{tag['name']}.", "describe it in api/openapi/descriptions.py"
