"""What a route is: all that the router, the frame, the OpenAPI document and the tests need to know of it."""

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import UnionType

import msgspec
from aiohttp import web

from api.callers import Role
from api.problems import Code
from api.replies import Reply

Handler = Callable[[web.Request], Awaitable[web.StreamResponse | Reply]]

JSON = "application/json"

_WHERE = re.compile(r"^[A-Z]+ /\S*[:.]\s*")
_PARAMETER = re.compile(r"{(\w+)}")
_OF_A_BODY = (Code.MALFORMED_JSON, Code.TOO_LARGE, Code.UNSUPPORTED_MEDIA_TYPE)
_OF_ALL = (Code.INVALID, Code.INTERNAL, Code.UNAVAILABLE)


@dataclass(frozen=True, kw_only=True)
class Route:
    """A method on a path, and what it takes and answers. What it is for is told by its handler's docstring."""

    method: str
    path: str
    handler: Handler
    tag: str
    """The part of the API it belongs to."""

    roles: frozenset[Role] | None
    """Who may call it. None: everybody, without a token."""

    answers: Mapping[HTTPStatus, type | UnionType | None]
    """The body of each answer that is not a problem, by status; None where there is none."""

    media: tuple[str, ...] = (JSON,)
    """The media type of those bodies, or those that they may have."""

    body: type[msgspec.Struct] | None = None
    """The JSON body it reads. `Nothing`: none is needed."""

    query: type[msgspec.Struct] | None = None
    """The parameters it reads. None: any is an error, so that a typo is not ignored."""

    refusals: tuple[Code, ...] = ()
    """The problems of this route; those that follow from what it takes are not repeated, see `problems`."""

    keyed: bool = False
    """It takes an Idempotency-Key."""

    cached: bool = False
    """It answers with an ETag, and 304 to who has that."""

    scoped: bool = False
    """Its handler looks at the events that a manager's token is good for.

    Else its path must name the event or the reservation, or the token be good for all events.
    """

    signed: bool = False
    """It needs a signature instead of a token where callbacks are signed."""

    metrics: bool = False
    """The token of the settings that is for metrics opens it too."""

    @property
    def limited(self) -> bool:
        """How fast one customer, or one address, may come is limited where a deployment says so."""
        return Code.RATE_LIMITED in self.refusals

    @property
    def operation_id(self) -> str:
        """What programs call it by."""
        return self.handler.__name__

    @property
    def about(self) -> str:
        """The handler's docstring, without the method and the path that it begins with."""
        told = _WHERE.sub("", inspect.cleandoc(self.handler.__doc__ or ""))
        return told[:1].upper() + told[1:]

    @property
    def path_parameters(self) -> list[str]:
        """The names in the braces of the path."""
        return _PARAMETER.findall(self.path)

    @property
    def problems(self) -> list[Code]:
        """All codes that it may answer with, in the order of the closed list."""
        codes = {*self.refusals, *_OF_ALL}
        if self.path_parameters:
            codes.add(Code.NOT_FOUND)
        if self.body is not None:
            codes.update(_OF_A_BODY)
        if self.keyed:
            codes.add(Code.KEY_REUSED)
        if self.roles is not None:
            # Who has too many tokens that are no good is limited everywhere (api/strangers.py).
            codes.update((Code.UNAUTHENTICATED, Code.FORBIDDEN, Code.RATE_LIMITED))
        return [code for code in Code if code in codes]
