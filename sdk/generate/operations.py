"""The API's operations as the generators see them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from api.http.problems import Code
from api.openapi.document import openapi_document
from api.route import JSON, Route
from api.routes import ROUTES
from sdk.generate.examples import example_of

Json = Any


@dataclass(frozen=True)
class Answer:
    """An answer that is not a problem: its media type, schema and example, if it has a body."""

    status: int
    media: str | None
    schema: Json
    example: Json
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Operation:
    """A method on a path."""

    name: str
    method: str
    path: str
    tag: str
    summary: str
    public: bool
    keyed: bool
    parameters: tuple[Json, ...]
    """Of the path and of the query."""

    body: Json
    """The schema of its JSON body; None: it takes none."""

    body_required: bool
    body_example: Json
    answers: tuple[Answer, ...]
    codes: tuple[Code, ...]
    """The codes of its problems, in the order of the closed list."""

    def located(self, place: str) -> list[Json]:
        """The parameters in `place`: path or query."""
        return [parameter for parameter in self.parameters if parameter["in"] == place]


class Api:
    """The OpenAPI document, and the operations under /v1."""

    def __init__(self, routes: Iterable[Route] = ROUTES) -> None:
        routes = [route for route in routes if route.path.startswith("/v1/")]
        self.document: Json = msgspec.json.decode(msgspec.json.encode(openapi_document(routes)))
        self.operations = [self._operation(route) for route in routes]

    @property
    def schemas(self) -> Json:
        """The schemas by name, problems left out."""
        schemas = self.document["components"]["schemas"]
        return {name: schema for name, schema in schemas.items() if not name.startswith("Problem")}

    @property
    def problem_members(self) -> Json:
        """The schemas of the members of problems."""
        return self.document["components"]["schemas"]["Problem409"]["properties"]

    def problem_example(self, code: Code) -> Json:
        """A problem as the API words it."""
        content = self.document["components"]["responses"][code]["content"]["application/problem+json"]
        return content["examples"][code]["value"]

    def _operation(self, route: Route) -> Operation:
        made = self.document["paths"][route.path][route.method.lower()]
        request = made.get("requestBody")
        body = request["content"][JSON]["schema"] if request else None
        return Operation(
            name=route.operation_id,
            method=route.method,
            path=route.path,
            tag=route.tag,
            summary=made["summary"],
            public=route.roles is None,
            keyed=route.keyed,
            parameters=tuple(each for each in made["parameters"] if each["in"] != "header"),
            body=body,
            body_required=bool(request and request["required"]),
            body_example=None if body is None else self._body_example(request["content"][JSON]),
            answers=tuple(self._answers(made)),
            codes=tuple(route.problems),
        )

    def _body_example(self, content: Json) -> Json:
        return content["example"] if "example" in content else example_of(content["schema"], self.document)

    def _answers(self, operation: Json) -> Iterator[Answer]:
        for status, response in operation["responses"].items():
            if not status.startswith("2"):
                continue
            headers = {"Location": "/v1/made"} if status == "201" else {}
            for media, content in response.get("content", {"": None}).items():
                if content is None:
                    yield Answer(int(status), None, None, None, headers)
                else:
                    schema = content["schema"]
                    example = example_of(schema, self.document) if media == JSON else None
                    yield Answer(int(status), media, schema, example, headers)
