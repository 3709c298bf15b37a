"""Reading requests: JSON bodies, query parameters, ids in paths. What is wrong with them becomes a Problem."""

import asyncio
import re
from collections.abc import Collection
from functools import cache
from typing import Annotated, Any, TypeVar

import msgspec
from aiohttp import hdrs, web
from msgspec import Meta, inspect

from api.app_keys import SETTINGS
from api.http.field_errors import problem_of_fields, wrong_fields
from api.http.field_messages import why_no_json
from api.http.json_keys import check_keys
from api.http.problems import Code, Problem, WrongField, invalid, not_found, too_large
from api.http.request_coding import decoded
from api.http.types import CURRENCY_CODE
from engine.ids import MAX_EVENT_ID

T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)

DatabaseId = Annotated[int, Meta(ge=1, le=MAX_EVENT_ID)]
"""An id that Postgres gave."""


CurrencyText = Annotated[str, Meta(min_length=1, max_length=16, extra_json_schema={"pattern": CURRENCY_CODE})]
"""Documented as a code of ISO 4217; any other text is refused with a code of its own (`check_currency`)."""

ALL_DIFFERENT = Meta(extra_json_schema={"uniqueItems": True})
"""Of a list whose handler refuses what is named twice (`refuse_repeated`): decoding does not."""


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An object without members, or no body at all."""


class Ignored(msgspec.Struct, frozen=True):
    """Any body, or none: it is not looked at."""


_NOTHING = msgspec.json.Decoder(Nothing)
_JSON = "application/json"
_ID = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
_WHOLE = re.compile(r"-?(0|[1-9][0-9]*)", re.ASCII)
_LARGE_BYTES = 262_144
"""Above, a body is looked through in a thread."""


async def read_body(request: web.Request, decoder: "msgspec.json.Decoder[T]") -> T:
    """The decoded JSON body.

    Raises Problem: unsupported_media_type, too_large, malformed_json, or invalid with all fields that are wrong.
    """
    _check_is_json(request)
    return await _decode(await read_bytes(request), decoder)


def _check_is_json(request: web.Request) -> None:
    if request.headers.get(hdrs.CONTENT_TYPE) != _JSON and request.content_type != _JSON:
        raise Problem(Code.UNSUPPORTED_MEDIA_TYPE, "Send the body as JSON with Content-Type: application/json.")


async def _decode(body: bytes, decoder: "msgspec.json.Decoder[T]") -> T:
    try:
        said = decoder.decode(body)
    except msgspec.ValidationError as error:
        # The decoder stops at the first field that is wrong, maybe before what is no JSON.
        raise wrong_fields(error, _any_json(body), decoder.type) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _malformed(body, error) from error
    if len(body) > _LARGE_BYTES:
        await asyncio.to_thread(check_keys, body)
    else:
        check_keys(body)
    return said


async def read_bytes(request: web.Request) -> bytes:
    """The body as it was before it was encoded.

    Raises Problem: too_large, unsupported_media_type for an unknown coding, malformed_json if it does not come whole.
    """
    try:
        body = _read_now(request) if request.content.is_eof() else await _read_in_time(request)
    except web.RequestPayloadError as error:
        detail = "The body does not match its headers; send it again."
        raise Problem(Code.MALFORMED_JSON, detail, headers={"Connection": "close"}) from error
    coding = request.headers.get(hdrs.CONTENT_ENCODING)
    return body if coding is None else decoded(body, coding, request.client_max_size)


async def read_no_body(request: web.Request) -> None:
    """Accept no body or an empty object. Raises Problem as `read_body` does."""
    if not request.body_exists:
        return
    body = await read_bytes(request)
    if body:  # chunks may hold nothing
        _check_is_json(request)
        await _decode(body, _NOTHING)


def _any_json(body: bytes) -> Any:
    """The parsed JSON; UNSET if a number or a depth in it exceeds that of any field.

    Raises Problem malformed_json.
    """
    try:
        return msgspec.json.decode(body)
    except (msgspec.ValidationError, RecursionError):
        return msgspec.UNSET
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _malformed(body, error) from error


def _malformed(body: bytes, error: msgspec.DecodeError | UnicodeDecodeError) -> Problem:
    detail = f"The body is not JSON: {why_no_json(error)}." if body else "The body is empty; send JSON."
    return Problem(Code.MALFORMED_JSON, detail)


async def read_manifest(request: web.Request, decoder: "msgspec.json.Decoder[T]") -> T:
    """As read_body, for what names the rows or seats of a venue: as long as `max_manifest_bytes`."""
    return await read_body(request.clone(client_max_size=request.app[SETTINGS].max_manifest_bytes), decoder)


async def read_manifest_text(request: web.Request, decoder: "msgspec.json.Decoder[T]") -> tuple[T, str]:
    """As read_manifest, and the JSON as it came."""
    _check_is_json(request)
    body = await read_bytes(request.clone(client_max_size=request.app[SETTINGS].max_manifest_bytes))
    return await _decode(body, decoder), body.decode()


def check_length(request: web.Request, max_bytes: int) -> None:
    """Raises Problem too_large for a body that says that it is longer than it may be, before any of it is read."""
    length = request.content_length
    if length is not None and length > max_bytes:
        raise too_large(max_bytes)


def _read_now(request: web.Request) -> bytes:
    """A body that is all there, as most are when their headers are. Raises Problem too_large."""
    body = request.content.read_nowait()
    if len(body) > request.client_max_size:
        raise too_large(request.client_max_size)
    return body


async def _read_in_time(request: web.Request) -> bytes:
    """A body that is not all there yet; a client that sends it slower than the settings allow is given up."""
    check_length(request, request.client_max_size)
    timeout_ms = request.app[SETTINGS].body_timeout_ms
    try:
        async with asyncio.timeout(timeout_ms / 1000):
            return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise too_large(request.client_max_size) from error
    except TimeoutError as error:
        detail = f"The body did not come within {timeout_ms} ms; send it at once."
        raise Problem(Code.MALFORMED_JSON, detail, status=408, headers={"Connection": "close"}) from error


def refuse_repeated(path: str, listed: Collection[object], what: str) -> None:
    """Raises Problem invalid if a list has something twice. `what` it is a list of: "a seat"."""
    if len(set(listed)) < len(listed):
        raise invalid(path, f"{what} is listed more than once")


def read_query(request: web.Request, shape: type[S]) -> S:
    """The query parameters as a struct. Raises Problem invalid: unknown ones, repeated ones, wrong values."""
    query = request.query
    values: dict[str, Any] = {}
    for name, value in query.items():
        if name in values:
            raise invalid(name, "given more than once")
        values[name] = value
    fractions = [name for name in _whole_numbers(shape) & values.keys() if not _WHOLE.fullmatch(values[name])]
    try:
        asked = msgspec.convert({**values, **dict.fromkeys(fractions, "")}, shape, strict=False)
    except msgspec.ValidationError as error:
        raise wrong_fields(error, {**values, **dict.fromkeys(fractions, "")}, shape, of="the query") from error
    nulls = [
        WrongField(field.encode_name, "null is no value; leave the parameter out")
        for field in msgspec.structs.fields(shape)
        if field.encode_name in values and getattr(asked, field.name) is None
    ]
    if nulls:
        raise problem_of_fields(nulls, of="the query")
    return asked


@cache
def _whole_numbers(shape: type[msgspec.Struct]) -> frozenset[str]:
    """The parameters that are integers: `1.0` and `1e1` are none, though msgspec takes them for some."""
    whole = set()
    for field in msgspec.structs.fields(shape):
        kind = inspect.type_info(field.type)
        if any(
            isinstance(one, inspect.IntType) for one in (kind.types if isinstance(kind, inspect.UnionType) else [kind])
        ):
            whole.add(field.encode_name)
    return frozenset(whole)


def path_id(request: web.Request, name: str, what: str, *, largest: int = MAX_EVENT_ID) -> int:
    """An integer id from the path. Raises Problem not_found for what cannot be one."""
    text = request.match_info[name]
    if not _ID.fullmatch(text) or int(text) > largest:
        raise not_found(f"{what} {text!r}: its id is an integer")
    return int(text)


def single_header(request: web.Request, name: str) -> str | None:
    """A header that must not be there twice: which of them would count? Raises Problem invalid."""
    values = request.headers.getall(name, None)
    if values is None:
        return None
    if len(values) > 1:
        raise invalid(name, "given more than once; send it once")
    return values[0]


def check_currency(given: str, wanted: str) -> None:
    """Raises Problem currency_not_supported for any currency but the one of the event."""
    if given != wanted:
        raise other_currency(given, wanted)


def other_currency(given: str, wanted: str) -> Problem:
    """The problem of money that is not in the event's currency."""
    return Problem(
        Code.CURRENCY_NOT_SUPPORTED, f"The prices of this event are in {wanted}, not in {given!r}; use {wanted}."
    )
