"""The OpenAPI 3.1 document, made from the table of routes and its types."""

from collections.abc import Iterable
from http import HTTPStatus
from importlib.metadata import version
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
from msgspec import Meta

from api.bodies import DatabaseId, Nothing
from api.demo_page import DemoAsset
from api.docs import Asset
from api.examples import BODIES, PROBLEMS
from api.idempotency import KeyText
from api.links import LINKS, Link
from api.problems import KINDS, PROBLEM_JSON, Code, ProblemDocument
from api.route import JSON, Route
from api.webhooks import DeliveryId

Json = dict[str, Any]

_SCHEMAS = "#/components/schemas/{name}"
_Uuid = Annotated[str, Meta(extra_json_schema={"format": "uuid"})]
_Id = Annotated[str, Meta(min_length=1)]

_PATH_TYPES: dict[str, Any] = {
    "event_id": DatabaseId,
    "ticket_id": DatabaseId,
    "venue_id": DatabaseId,
    "section_id": DatabaseId,
    "seat_id": DatabaseId,
    "reservation_id": _Id,
    "payment_id": _Id,
    "booking_id": _Uuid,
    "cart_id": _Uuid,
    "webhook_id": DatabaseId,
    "delivery_id": DeliveryId,
    "asset": Asset,
    "demo_asset": DemoAsset,
}
"""What the names in the braces of paths stand for."""

_ABOUT = """Reservations for ticket drops: never oversold, and what is acknowledged is durable.

Times are RFC 3339 in UTC, money is in minor units with its currency. Unknown parameters and unknown members of bodies
are errors. Lists come in pages: pass `next_cursor` on as `cursor`. Every path works with a trailing slash too.

What goes wrong is told by problem documents (RFC 9457); `code` is one of a closed list. A `POST` that takes something
accepts `Idempotency-Key`: the same key with the same body has its effect once. After a 429 or 503 wait `Retry-After`
seconds, then send the same again.
"""


def _items(*parameters: str) -> str:
    """The pattern of a structured list of strings with these parameters."""
    item = '"(customer|address|expiries)"' + "".join(f";{name}=[0-9]+" for name in parameters)
    return f"^{item}(, {item})*$"


_HEADERS: Json = {
    "X-Request-ID": {
        "description": "The request's id: the one it was sent with, or a new one. Quote it when you report trouble.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
    },
    "Location": {
        "description": "The path of what was made.",
        "required": True,
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "Idempotency-Replayed": {
        "description": "The effect is that of an earlier request with the same Idempotency-Key.",
        "schema": {"type": "string", "const": "true"},
    },
    "ETag": {
        "description": "Changes with the answer; send it as If-None-Match.",
        "required": True,
        "schema": {"type": "string"},
    },
    "Cache-Control": {"description": "For how long it may be kept.", "required": True, "schema": {"type": "string"}},
    "WWW-Authenticate": {
        "description": "What is wrong with the token, as RFC 6750 tells it.",
        "required": True,
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": "What each limit leaves (httpapi-ratelimit-headers): `r` more at once, and in `t` seconds all "
        "of the quota again, or one if none is left. Where limits are on and the request was held against them.",
        "schema": {"type": "string", "pattern": _items("r", "t")},
    },
    "RateLimit-Policy": {
        "description": "The limits, where they are on: a quota of `q` at once, which fills up again in `w` seconds.",
        "schema": {"type": "string", "pattern": _items("q", "w")},
    },
    "Retry-After": {
        "description": "After how many seconds to send the same again.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    },
}

_RATES = ("RateLimit", "RateLimit-Policy")

_PARAMETERS: Json = {
    "X-Request-ID": {"description": "An id for the logs and the answer; anything that is no id is replaced."},
    "Idempotency-Key": {"description": "Made up by the client, for one wish: its repeats have one effect."},
    "If-None-Match": {"description": "ETags that the client has: 304 if one is that of the answer."},
    "webhook-id": {"description": "The message (Standard Webhooks). Needed where a secret is configured."},
    "webhook-timestamp": {"description": "When it was signed, in seconds since 1970."},
    "webhook-signature": {"description": "The signatures: `v1,` and base64."},
}


def openapi_document(routes: Iterable[Route]) -> Json:
    """The document as builtin types."""
    return _Maker(list(routes)).document()


class _Maker:
    """The schemas of all types of the routes, and what is made of them."""

    def __init__(self, routes: list[Route]) -> None:
        self._routes = routes
        types: dict[Any, None] = {ProblemDocument: None}
        for route in routes:
            types |= dict.fromkeys(filter(None, (route.body, route.query)))
            for answer in route.answers.values():
                types |= dict.fromkeys(_members(answer))
        schemas, self._components = msgspec.json.schema_components(list(types), ref_template=_SCHEMAS)
        self._schemas = dict(zip(types, schemas, strict=True))
        queries = dict.fromkeys(route.query for route in routes if route.query)
        self._queries = {query: self._components.pop(query.__name__) for query in queries}
        for body, example in BODIES.items():
            self._components[body.__name__]["examples"] = [example]

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
                "description": _ABOUT,
            },
            "servers": [{"url": "/"}],
            "tags": [{"name": tag} for tag in dict.fromkeys(route.tag for route in self._routes)],
            "paths": paths,
            "components": {
                "schemas": self._components,
                "responses": {code.value: _problem_response([code]) for code in Code},
                "headers": _HEADERS,
                "securitySchemes": {
                    "bearer": {
                        "type": "http",
                        "scheme": "bearer",
                        "bearerFormat": "JWT",
                        "description": "`sub` is the customer's id; `role` is customer, service or manager. "
                        "Not needed where the server runs with `--auth off`.",
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
            "security": [{"bearer": []}] if route.roles else [],
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
                "required": route.body is not Nothing,
                "content": {JSON: {"schema": self._schemas[route.body]}},
            }
        return operation

    def _path_parameters(self, route: Route) -> list[Json]:
        return [
            {"name": name, "in": "path", "required": True, "schema": msgspec.json.schema(_PATH_TYPES[name])}
            for name in route.path_parameters
        ]

    def _query_parameters(self, route: Route) -> list[Json]:
        if route.query is None:
            return []
        schema = self._queries[route.query]
        return [
            {"name": name, "in": "query", "schema": _without_null(each)} for name, each in schema["properties"].items()
        ]

    def _responses(self, route: Route) -> Json:
        responses = {str(status.value): self._answer(route, status) for status in route.answers}
        if route.cached:
            headers = _headers("X-Request-ID", "ETag", "Cache-Control")
            responses["304"] = {"description": "What the client has is still so.", "headers": headers}
        by_status: dict[int, list[Code]] = {}
        for code in route.problems:
            by_status.setdefault(KINDS[code][0], []).append(code)
        for status, codes in by_status.items():
            shared = len(codes) == 1 and not route.limited
            reference = {"$ref": f"#/components/responses/{codes[0].value}"}
            responses[str(status)] = reference if shared else _problem_response(codes, limited=route.limited)
        return dict(sorted(responses.items()))

    def _answer(self, route: Route, status: HTTPStatus) -> Json:
        names = ["X-Request-ID"]
        if status is HTTPStatus.CREATED:
            names.append("Location")
        if route.keyed:
            names.append("Idempotency-Replayed")
        if route.cached:
            names += ["ETag", "Cache-Control"]
        if route.limited:
            names += _RATES
        response: Json = {"description": f"{status.phrase}.", "headers": _headers(*names)}
        schemas = [self._schemas[member] for member in _members(route.answers[status])]
        if schemas:
            schema = schemas[0] if len(schemas) == 1 else {"oneOf": schemas}
            response["content"] = {media: {"schema": schema} for media in route.media}
        if LINKS.get(route.operation_id):
            response["links"] = {link.to: _link(link) for link in LINKS[route.operation_id]}
        return response


def _members(answer: type | UnionType | None) -> tuple[Any, ...]:
    """The types of which an answer is one."""
    if answer is None:
        return ()
    return get_args(answer) if get_origin(answer) in (Union, UnionType) else (answer,)


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
    if route.cached:
        types["If-None-Match"] = str
    if route.signed:
        types |= dict.fromkeys(("webhook-id", "webhook-timestamp", "webhook-signature"), str)
    return [
        {"name": name, "in": "header", "schema": msgspec.json.schema(kind), **_PARAMETERS[name]}
        for name, kind in types.items()
    ]


def _problem_response(codes: list[Code], *, limited: bool = False) -> Json:
    """One of these problems; all have the same status. `limited`: of a route that is."""
    status = KINDS[codes[0]][0]
    schema: Json = {
        "allOf": [
            {"$ref": _SCHEMAS.format(name=ProblemDocument.__name__)},
            {"properties": {"status": {"const": status}, "code": {"enum": [code.value for code in codes]}}},
        ]
    }
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
    if status == 402:  # the one problem that a repeat is told again, as what it was: an attempt to pay
        names.append("Idempotency-Replayed")
    return {
        "description": "; ".join(KINDS[code][1] for code in codes) + ".",
        "headers": _headers(*names),
        "content": {PROBLEM_JSON: {"schema": schema, "examples": examples}},
    }


def _link(link: Link) -> Json:
    made: Json = {"operationId": link.to, "parameters": dict(link.parameters)}
    if link.body is not None:
        made["requestBody"] = link.body
    return made
