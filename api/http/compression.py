"""Compression of large answers, for who can read it."""

import asyncio
import zlib
from functools import lru_cache

from aiohttp import web

from api.http.cors import vary
from api.http.replies import coded_tag

_LEVEL = 1
"""The seats of a section, 800 kB of JSON, come to 31 kB in 1.1 ms; by level 6 to 29 kB in 3.2 ms."""

_IN_A_THREAD_BYTES = 1_000_000
"""Above, compressing takes longer than other requests should wait."""

_GZIP_WBITS, _ZLIB_WBITS = 31, 15
_CODINGS = {"gzip": _GZIP_WBITS, "deflate": _ZLIB_WBITS}
"""By preference; `deflate` is zlib's format (RFC 9110, 8.4.1.2)."""


COMPRESS_BYTES = web.AppKey("compress_bytes", int)
"""The length from which answers are compressed."""


async def compress(request: web.Request, response: web.Response, body: bytes) -> None:
    """Compresses an answer of that body, if the client accepts a coding that we have."""
    vary(response.headers, "Accept-Encoding")
    coding = accepted_coding(request.headers.get("Accept-Encoding", ""))
    if coding is None or response.status == 206 or "Content-Encoding" in response.headers:
        return
    if len(body) > _IN_A_THREAD_BYTES:
        response.body = await asyncio.to_thread(compressed, body, coding)
    else:
        response.body = compressed(body, coding)
    response.headers["Content-Encoding"] = coding
    if "ETag" in response.headers:
        response.headers["ETag"] = coded_tag(response.headers["ETag"], coding)


def headers_of_known(request: web.Request, headers: dict[str, str], length: int) -> dict[str, str]:
    """The headers of a 304, which are those of the 200 of that length that it stands for (RFC 9110, 15.4.5)."""
    if length >= request.app[COMPRESS_BYTES]:
        vary(headers, "Accept-Encoding")
        coding = accepted_coding(request.headers.get("Accept-Encoding", ""))
        if coding is not None:
            headers["ETag"] = coded_tag(headers["ETag"], coding)
    return headers


@lru_cache(maxsize=256)
def accepted_coding(accepted: str) -> str | None:
    """The best coding of an Accept-Encoding header that we have; None: as it is."""
    weights = dict(map(_weight, accepted.lower().split(",")))

    def weight_of(coding: str) -> float:
        return weights.get(coding, weights.get("*", 0.0))

    best = max(_CODINGS, key=weight_of)
    return best if weight_of(best) > 0 else None


def _weight(part: str) -> tuple[str, float]:
    """A coding and how much it is wanted: `gzip;q=0.5`. What cannot be read is not wanted."""
    coding, _, parameter = part.partition(";")
    name, _, value = parameter.strip().partition("=")
    if not parameter:
        return coding.strip(), 1.0
    try:
        return coding.strip(), float(value) if name.strip() == "q" else 0.0
    except ValueError:
        return coding.strip(), 0.0


def compressed(body: bytes, coding: str) -> bytes:
    """The body in one of our codings."""
    compressor = zlib.compressobj(_LEVEL, wbits=_CODINGS[coding])
    return compressor.compress(body) + compressor.flush()
