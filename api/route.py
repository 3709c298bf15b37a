"""Description of a route for the router, the frame, the OpenAPI document and the tests."""

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import UnionType
from typing import Any

import msgspec
from aiohttp import web

from api.access.callers import Role
from api.http.problems import Code
from api.http.replies import Reply
from api.http.requests import DatabaseId

Handler = Callable[[web.Request], Awaitable[web.StreamResponse | Reply]]

JSON = "application/json"

_WHERE = re.compile(r"^[A-Z]+ /\S*[:.]\s*")
_PARAMETER = re.compile(r"{(\w+)}")
_OF_A_BODY = (Code.MALFORMED_JSON, Code.TOO_LARGE, Code.UNSUPPORTED_MEDIA_TYPE)
_OF_ALL = (Code.INVALID, Code.INTERNAL, Code.UNAVAILABLE)


@dataclass(frozen=True)
class Link:
    """A call that can follow an answer: its operation, and where its parameters and body come from (OpenAPI links).

    Only what every answer of the route has is used: tools that follow links take one that leads nowhere for a mistake.
    """

    to: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    body: Any = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Route:
    """A method on a path, and what it takes and answers. Its handler's docstring describes it."""

    method: str
    path: str
    handler: Handler
    tag: str
    """The part of the API it belongs to."""

    roles: frozenset[Role] | None
    """The roles that may call it. None: everybody, without a token."""

    answers: Mapping[HTTPStatus, type | UnionType | None]
    """The body of each answer that is not a problem, by status; None for an empty one."""

    media: tuple[str, ...] = (JSON,)
    """The media type of those bodies, or those that they may have."""

    body: type[msgspec.Struct] | None = None
    """The JSON body it reads. `Nothing`: none is needed. `Ignored`: any. None: of a GET it is not looked at."""

    other_body: type[msgspec.Struct] | None = None
    """The JSON body that it reads in another `format`."""

    path_types: Mapping[str, Any] = field(default_factory=dict)
    """The types of the names in the braces of the path, but for ids of the database."""

    body_optional: bool = False
    """No body is as good as an empty object."""

    links: tuple[Link, ...] = ()
    """Calls that can follow its answer."""

    query: type[msgspec.Struct] | None = None
    """The parameters it reads. None: any is an error, so that a typo is not ignored."""

    refusals: tuple[Code, ...] = ()
    """The problems of this route; those that follow from what it takes are not repeated, see `problems`."""

    keyed: bool = False
    """It takes an Idempotency-Key."""

    cached: bool = False
    """It answers with an ETag, and 304 to a client that has it."""

    partial: bool = False
    """It is a list that leaves out events whose part of a cluster is away, and names them in a header."""

    conditional: bool = False
    """Its answer has a strong ETag; with a method that changes something it honours If-Match."""

    scoped: bool = False
    """Its handler looks at the events that a manager's token is good for.

    Else its path must name the event or the reservation, or the token be good for all events.
    """

    drafts: bool = False
    """It is for everybody; the token of a manager shows the drafts that it manages, too."""

    signed: bool = False
    """It needs a signature instead of a token if callbacks are signed."""

    settles: bool = False
    """It settles what a customer holds, so a customer may call it no faster than it may hold."""

    metrics: bool = False
    """The metrics token of the settings opens it too."""

    @property
    def limited(self) -> bool:
        """True if a rate limit per customer or per address can apply."""
        return Code.RATE_LIMITED in self.refusals

    @property
    def reads(self) -> bool:
        """True if it only reads, so that a limit of reads per address can apply."""
        return self.method == "GET" and self.path.startswith("/v1/")

    @property
    def refuses_body(self) -> bool:
        """True if it has no use for a body, and refuses the members of one, so that a typo is not ignored."""
        return self.body is None and self.method not in ("GET", "*")

    @property
    def operation_id(self) -> str:
        """The name by which programs call it."""
        return self.handler.__name__

    @property
    def about(self) -> str:
        """The handler's docstring, without the method and the path that it begins with."""
        told = _WHERE.sub("", inspect.cleandoc(self.handler.__doc__ or ""))
        return told[:1].upper() + told[1:]

    @property
    def path_parameters(self) -> dict[str, Any]:
        """The names in the braces of the path, with their types."""
        return {name: self.path_types.get(name, DatabaseId) for name in _PARAMETER.findall(self.path)}

    @property
    def problems(self) -> list[Code]:
        """All codes that it may answer with, in the order of the closed list."""
        codes = {*self.refusals, *_OF_ALL}
        if self.path_parameters:
            codes.add(Code.NOT_FOUND)
        if self.body is not None or self.refuses_body:
            codes.update(_OF_A_BODY)
        if self.keyed:
            codes.add(Code.KEY_REUSED)
        if self.conditional and self.method not in ("GET", "POST"):
            codes.add(Code.PRECONDITION_FAILED)
        if self.reads:
            codes.add(Code.RATE_LIMITED)
        if self.roles is not None:
            # Who has too many invalid tokens is limited everywhere (api/access/bad_token_limiter.py).
            codes.update((Code.UNAUTHENTICATED, Code.FORBIDDEN, Code.RATE_LIMITED))
        return [code for code in Code if code in codes]
