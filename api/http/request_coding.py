"""Bodies of requests that come compressed: `gzip` and `deflate`, and no longer than a body may be."""

import zlib

from api.http.problems import Code, Problem, too_large

_GZIP_WBITS, _ZLIB_WBITS = 31, 15
_WBITS = {"gzip": _GZIP_WBITS, "x-gzip": _GZIP_WBITS, "deflate": _ZLIB_WBITS}
"""`deflate` is zlib's format (RFC 9110, 8.4.1.2)."""

_ACCEPTED = "gzip, deflate"


def decoded(body: bytes, coding: str, max_bytes: int) -> bytes:
    """The body as it was before that Content-Encoding.

    Raises Problem: unsupported_media_type for another coding, malformed_json for what is not of it, too_large.
    """
    name = coding.strip().lower()
    if name in ("", "identity"):
        return body
    wbits = _WBITS.get(name)
    if wbits is None:
        detail = f"Content-Encoding {coding!r} is not supported; send the body uncompressed, or with {_ACCEPTED}."
        raise Problem(Code.UNSUPPORTED_MEDIA_TYPE, detail, headers={"Accept-Encoding": _ACCEPTED})
    decompressor = zlib.decompressobj(wbits)
    try:
        plain = decompressor.decompress(body, max_bytes + 1)
    except zlib.error as error:
        raise _not_of(name) from error
    if len(plain) > max_bytes:
        raise too_large(max_bytes)
    if not decompressor.eof or decompressor.unused_data:
        raise _not_of(name)
    return plain


def _not_of(name: str) -> Problem:
    return Problem(Code.MALFORMED_JSON, f"The body does not match its Content-Encoding {name}; send it again.")
