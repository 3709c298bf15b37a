"""The OpenAPI 3.1 document, made from the table of routes and its types."""

from collections.abc import Iterable
from functools import cache
from http import HTTPStatus
from importlib.metadata import version
from types import UnionType
from typing import Any, Union, get_args, get_origin

import msgspec

from api.auditing import takes_reason
from api.http.problems import KINDS, PROBLEM_JSON, Code, ProblemDocument
from api.http.requests import Ignored, Nothing
from api.idempotency import KeyText
from api.openapi.descriptions import ABOUT, HEADERS, PARAMETERS, TAGS
from api.openapi.examples import PROBLEMS, example_of_parameter
from api.route import JSON, Link, Route

Json = dict[str, Any]

_SCHEMAS = "#/components/schemas/{name}"
_RATES = ("RateLimit", "RateLimit-Policy")


def openapi_document(routes: Iterable[Route]) -> Json:
    """The document as builtin types."""
    return _Maker(list(routes)).document()


@cache
def encoded_document(routes: tuple[Route, ...]) -> bytes:
    """The document as JSON, made once for the same routes: it takes a tenth of a second."""
    return msgspec.json.encode(openapi_document(routes))


class _Maker:
    """The schemas of all types of the routes, and what is made of them."""

    def __init__(self, routes: list[Route]) -> None:
        self._routes = routes
        types: dict[Any, None] = {ProblemDocument: None}
        for route in routes:
            types |= dict.fromkeys(
                each for each in (route.body, route.other_body, route.query) if each not in (None, Ignored)
            )
            for answer in route.answers.values():
                types |= dict.fromkeys(_members(answer))
        schemas, self._components = msgspec.json.schema_components(list(types), ref_template=_SCHEMAS)
        self._schemas = dict(zip(types, schemas, strict=True))
        queries = dict.fromkeys(route.query for route in routes if route.query)
        _open_tuples(self._components)
        self._queries = {query: self._components.pop(query.__name__) for query in queries}
        for kind, example in examples_of(types).items():
            self._components[kind.__name__]["examples"] = [example]
        for component in self._components.values():
            component.get("properties", {}).update(_without_defaults(component))
        whole = self._components.pop(ProblemDocument.__name__)
        del self._components[Code.__name__]
        by_status = _by_status(Code) | {408: [Code.MALFORMED_JSON]}
        self._components |= {
            _problem_name(status): _problem_schema(whole, status, by_status[status]) for status in by_status
        }

    def document(self) -> Json:
        """The whole of it."""
        paths: Json = {}
        for route in self._routes:
            paths.setdefault(route.path, {})[route.method.lower()] = self._operation(route)
        return {
            "openapi": "3.1.0",
            "info": {
                "title": "Onsale",
                "version": version("onsale"),
                "description": ABOUT,
                "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
            },
            "servers": [{"url": "/"}],
            "tags": [
                {"name": tag, "description": TAGS.get(tag, f"{tag}.")}
                for tag in dict.fromkeys(route.tag for route in self._routes)
            ],
            "paths": paths,
            "components": {
                "schemas": self._components,
                "responses": _RESPONSES,
                "headers": HEADERS,
                "securitySchemes": {
                    "bearer": {
                        "type": "http",
                        "scheme": "bearer",
                        "bearerFormat": "JWT",
                        "description": "`sub` is the customer's id; `role` is customer, service or manager. "
                        "Not needed with `--auth off`.",
                    }
                },
            },
        }

    def _operation(self, route: Route) -> Json:
        summary, _, rest = route.about.partition("\n\n")
        sentence, dot, more = summary.partition(". ")
        operation: Json = {
            "operationId": route.operation_id,
            "tags": [route.tag],
            "summary": " ".join(sentence.split()).rstrip("."),
            "parameters": [*self._path_parameters(route), *self._query_parameters(route), *_header_parameters(route)],
            "responses": self._responses(route),
            "security": [{"bearer": []}] if route.roles else [{}, {"bearer": []}] if route.drafts else [],
        }
        told = [more if dot else "", rest]
        if route.query is not None:
            told.append((route.query.__doc__ or "").partition(". ")[2])
        if route.roles:
            told.append(f"For {', '.join(sorted(route.roles))}.")
        description = "\n\n".join(filter(None, told))
        if description:
            operation["description"] = description
        if route.body is not None:
            operation["requestBody"] = {
                "required": route.body not in (Nothing, Ignored) and not route.body_optional,
                "content": {JSON: self._body(route)},
            }
        return operation

    def _body(self, route: Route) -> Json:
        if route.body is Ignored:
            return _ANYTHING
        schemas = [self._schemas[each] for each in (route.body, route.other_body) if each is not None]
        return {"schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}}

    def _path_parameters(self, route: Route) -> list[Json]:
        parameters: list[Json] = []
        for name, kind in route.path_parameters.items():
            made: Json = {"name": name, "in": "path", "required": True, "schema": msgspec.json.schema(kind)}
            example = example_of_parameter(route.path, name)
            parameters.append(made if example is None else made | {"example": example})
        return parameters

    def _query_parameters(self, route: Route) -> list[Json]:
        if route.query is None:
            return []
        schema = self._queries[route.query]
        return [
            {"name": name, "in": "query", "schema": _without_null(each)} for name, each in schema["properties"].items()
        ]

    def _responses(self, route: Route) -> Json:
        responses = {str(status.value): self._answer(route, status) for status in route.answers}
        if route.cached or (route.conditional and route.method == "GET"):
            headers = _headers("X-Request-ID", "ETag", *(["Cache-Control"] if route.cached else []))
            responses["304"] = {"description": "What the client has is still so.", "headers": headers}
        if route.body is not None or route.refuses_body:
            responses["408"] = {"$ref": f"#/components/responses/{_LATE}"}
        for status, codes in _by_status(route.problems).items():
            shared = len(codes) == 1 and not route.limited
            reference = {"$ref": f"#/components/responses/{codes[0].value}"}
            responses[str(status)] = reference if shared else _problem_response(codes, limited=route.limited)
        return dict(sorted(responses.items()))

    def _answer(self, route: Route, status: HTTPStatus) -> Json:
        names = ["X-Request-ID"]
        if status in (HTTPStatus.CREATED, HTTPStatus.FOUND):
            names.append("Location")
        if route.keyed:
            names.append("Idempotency-Replayed")
        if route.cached or (route.conditional and route.answers[status] is not None):
            names.append("ETag")
        if route.cached:
            names.append("Cache-Control")
        if route.partial:
            names.append("Onsale-Missing-Events")
        if route.limited:
            names += _RATES
        response: Json = {"description": f"{status.phrase}.", "headers": _headers(*names)}
        schemas = [self._schemas[member] for member in _members(route.answers[status])]
        if schemas:
            schema = schemas[0] if len(schemas) == 1 else {"oneOf": schemas}
            # Of a stream, readers of the document take the schema for that of each of its events.
            response["content"] = {
                media: {"schema": {} if media == "text/event-stream" else schema} for media in route.media
            }
        if route.links:
            response["links"] = {link.to: _link(link) for link in route.links}
        return response


def examples_of(types: Iterable[Any]) -> dict[type, Any]:
    """The examples of all structs in these types: what the class says of itself as EXAMPLE."""
    found: dict[type, Any] = {}
    for kind in types:
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            if "EXAMPLE" in vars(kind):
                found[kind] = vars(kind)["EXAMPLE"]
            found |= examples_of(field.type for field in msgspec.structs.fields(kind))
        else:
            found |= examples_of(get_args(kind))
    return found


def _members(answer: type | UnionType | None) -> tuple[Any, ...]:
    """The types of which an answer is one."""
    if answer is None:
        return ()
    return get_args(answer) if get_origin(answer) in (Union, UnionType) else (answer,)


def _open_tuples(schema: Any) -> None:
    """Leaves `items: false` out of tuples, which generators of clients cannot read: `maxItems` says the same."""
    if isinstance(schema, dict):
        if "prefixItems" in schema and schema.get("items") is False:
            del schema["items"]
        for part in schema.values():
            _open_tuples(part)
    elif isinstance(schema, list):
        for part in schema:
            _open_tuples(part)


def _without_null(schema: Json) -> Json:
    """A parameter that may be left out, but is never null."""
    options = [option for option in schema.get("anyOf", ()) if option != {"type": "null"}]
    if not options:
        return schema
    rest = {name: value for name, value in schema.items() if name not in ("anyOf", "default")}
    return {**options[0], **rest} if len(options) == 1 else {"anyOf": options, **rest}


def _headers(*names: str) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _header_parameters(route: Route) -> list[Json]:
    types: dict[str, Any] = {"X-Request-ID": str}
    if route.keyed:
        types["Idempotency-Key"] = KeyText
    if takes_reason(route):
        types["X-Reason"] = str
    if route.cached or (route.conditional and route.method == "GET"):
        types["If-None-Match"] = str
    if Code.PRECONDITION_FAILED in route.problems:
        types["If-Match"] = str
    if route.signed:
        types |= dict.fromkeys(("webhook-id", "webhook-timestamp", "webhook-signature"), str)
    return [
        {"name": name, "in": "header", "schema": msgspec.json.schema(kind), **PARAMETERS[name]}
        for name, kind in types.items()
    ]


def _by_status(codes: Iterable[Code]) -> dict[int, list[Code]]:
    by_status: dict[int, list[Code]] = {}
    for code in codes:
        by_status.setdefault(KINDS[code][0], []).append(code)
    return by_status


def _problem_name(status: int) -> str:
    return f"Problem{status}"


def _problem_schema(whole: Json, status: int, codes: list[Code]) -> Json:
    """The problems of a status, in full: generators of clients cannot merge a `const` into a type that they know."""
    properties = whole["properties"] | {
        "status": {"type": "integer", "const": status},
        "code": {"type": "string", "enum": [code.value for code in codes]},
    }
    return {**whole, "title": _problem_name(status), "properties": properties}


def _without_defaults(component: Json) -> Json:
    """The members of a schema, defaults in words: generators take a member with a `default` for a required one."""
    members: Json = {}
    for name, member in component.get("properties", {}).items():
        rest = {word: value for word, value in member.items() if word != "default"}
        if "default" in member and name not in component.get("required", ()):
            told = msgspec.json.encode(member["default"]).decode()
            rest["description"] = " ".join(filter(None, (member.get("description"), f"Default: {told}.")))
        members[name] = rest
    return members


def _problem_response(codes: list[Code], *, limited: bool = False) -> Json:
    """One of these problems; all have the same status. `limited`: of a route that is."""
    status = KINDS[codes[0]][0]
    examples = {
        code.value: {"summary": KINDS[code][1], "value": msgspec.to_builtins(PROBLEMS[code].document())}
        for code in codes
    }
    names = ["X-Request-ID"]
    if status in (401, 403):
        names.append("WWW-Authenticate")
    if status in (429, 503):
        names.append("Retry-After")
    if limited or status == 429:
        names += _RATES
    if status == 402:  # the one problem that a repeat is told again, with its first status: an attempt to pay
        names.append("Idempotency-Replayed")
    return {
        "description": "; ".join(KINDS[code][1] for code in codes) + ".",
        "headers": _headers(*names),
        "content": {
            PROBLEM_JSON: {"schema": {"$ref": _SCHEMAS.format(name=_problem_name(status))}, "examples": examples}
        },
    }


def _link(link: Link) -> Json:
    made: Json = {"operationId": link.to, "parameters": dict(link.parameters)}
    if link.body is not None:
        made["requestBody"] = link.body
    return made


_ANYTHING: Json = {"schema": {}, "example": {"type": "charge.succeeded", "data": {"id": "ch_1"}}}
"""A body that is not looked at."""

_LATE = "late"

_RESPONSES: Json = {code.value: _problem_response([code]) for code in Code} | {
    _LATE: {
        "description": "The body did not come in time.",
        "headers": _headers("X-Request-ID"),
        "content": {PROBLEM_JSON: {"schema": {"$ref": _SCHEMAS.format(name=_problem_name(408))}}},
    }
}
"""Responses that many operations have."""
