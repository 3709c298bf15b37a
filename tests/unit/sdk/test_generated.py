"""The kit's generated files are those of the API as it is."""

import ast
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from api.http.problems import MEMBERS, Code, ProblemDocument
from api.openapi.examples import PROBLEMS
from sdk.generate.__main__ import FOLDER, files, stale
from sdk.generate.operations import Api
from tests.support.openapi_conformance import Document


@pytest.fixture(scope="module")
def api() -> Api:
    return Api()


def test_no_generated_file_is_stale() -> None:
    assert stale() == [], "run `make sdk` and commit what it writes"


def test_a_stale_and_a_missing_file_are_noticed(tmp_path: Path) -> None:
    for name in files():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(FOLDER / name, tmp_path / name)
    operations, models = "typescript/src/operations.ts", "python/onsale_client/models.py"
    (tmp_path / operations).write_text("", encoding="utf-8")
    (tmp_path / models).unlink()
    assert stale(tmp_path) == [operations, models]


def test_the_example_of_each_body_and_answer_fits_its_schema(api: Api) -> None:
    document = Document(api.document)
    for operation in api.operations:
        examples = [(operation.body, operation.body_example)] if operation.body else []
        examples += [(answer.schema, answer.example) for answer in operation.answers if answer.example is not None]
        for schema, example in examples:
            errors = [str(error) for error in document.validator(schema).iter_errors(example)]
            assert errors == [], operation.name


def test_the_collection_has_each_operation_once(api: Api) -> None:
    collection = json.loads((FOLDER / "postman/onsale.postman_collection.json").read_text(encoding="utf-8"))
    requests = [request for folder in collection["item"] for request in folder["item"]]
    assert [folder["name"] for folder in collection["item"]] == list(dict.fromkeys(op.tag for op in api.operations))
    assert {request["name"] for request in requests} == {operation.name for operation in api.operations}
    assert len({request["id"] for request in requests}) == len(requests) == len(api.operations)
    by_name = {operation.name: operation for operation in api.operations}
    for request in requests:
        operation, asked = by_name[request["name"]], request["request"]
        variables = [variable["key"] for variable in asked["url"]["variable"]]
        assert variables == [parameter["name"] for parameter in operation.located("path")]
        assert all(f":{name}" in asked["url"]["raw"] for name in variables)
        assert ("body" in asked) == (operation.body is not None)
        if "body" in asked:
            assert json.loads(asked["body"]["raw"]) == operation.body_example


def _problems(source: str) -> Iterator[tuple[str, set[str]]]:
    """Code and members of each `Problem(Code.X, …)`."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Name(id="Problem"), args=[ast.Attribute(value=ast.Name(id="Code"), attr=code), *_]):
                told = {each.arg for each in node.keywords if each.arg} - {"status", "headers"}
                spread = any(each.arg is None for each in node.keywords)
                yield code, told | ({"**"} if spread else set())


def test_members_of_problems_are_those_that_the_table_tells(repository: Path) -> None:
    seen = 0
    for path in sorted((repository / "api").rglob("*.py")):
        for name, told in _problems(path.read_text(encoding="utf-8")):
            code, seen = Code[name], seen + 1
            known = MEMBERS.get(code, ())
            assert told - {"**"} <= {member.rstrip("?") for member in known}, (path, code)
            if "**" not in told:
                assert {member for member in known if not member.endswith("?")} <= told, (path, code)
    assert seen > 50
    assert {member.rstrip("?") for told in MEMBERS.values() for member in told} == {
        field.name for field in msgspec.structs.fields(ProblemDocument)
    } - {"type", "title", "status", "detail", "code"}


def test_a_member_that_the_table_does_not_tell_is_noticed() -> None:
    source = 'raise Problem(Code.SOLD_OUT, "x", seats=1, headers={})\nProblem(Code.INVALID, "y", **rest)'
    assert list(_problems(source)) == [("SOLD_OUT", {"seats"}), ("INVALID", {"**"})]


def test_examples_of_problems_have_their_members() -> None:
    for code, problem in PROBLEMS.items():
        told = set(problem.members)
        known = MEMBERS.get(code, ())
        assert {member for member in known if not member.endswith("?")} <= told, code
        assert told <= {member.rstrip("?") for member in known}, code
