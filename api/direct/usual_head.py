"""The head of a usual request for a hold, read in half of the time that a parser of HTTP takes.

It reads what nearly all clients and proxies send, and nothing else: headers that are known here, each once, with a
space behind the colon. For those it has the same headers as aiohttp's parser, as a test shows. All others are left to
that parser, which refuses bytes that are not HTTP. A header is known here only if it changes neither where the request
ends nor how its body is read.
"""

from multidict import CIMultiDict, CIMultiDictProxy

_LONGEST = 4096
_PRINTABLE = bytes(range(0x20, 0x7F))
_PATHS = {f"POST {path} HTTP/1.1": path for path in ("/v1/reservations", "/v1/reservations/")}

_BY_BROWSERS = ("sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform", "traceparent", "tracestate")
"""Written in small letters by those who write others in capitals, too."""

_CAPITALS = frozenset(
    {
        *("Host", "Content-Type", "Content-Length", "Authorization", "Idempotency-Key", "X-Request-ID", "Connection"),
        *(
            "Accept",
            "Accept-Encoding",
            "Accept-Language",
            "User-Agent",
            "Origin",
            "Referer",
            "Cookie",
            "DNT",
            "Priority",
        ),
        *("Cache-Control", "Pragma", "Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site", "Sec-GPC"),
        *(
            "Forwarded",
            "Via",
            "X-Forwarded-For",
            "X-Forwarded-Host",
            "X-Forwarded-Port",
            "X-Forwarded-Proto",
            "X-Real-IP",
        ),
        *_BY_BROWSERS,
    }
)
_SMALL = frozenset(name.lower() for name in _CAPITALS)
"""As proxies write them that speak HTTP/2. Of either spelling a header has one name, so a dictionary has each once."""


Usual = tuple[str, "CIMultiDictProxy[str]", bytes]
"""The path, the headers and the body of a request."""


def read_usual(data: bytes) -> Usual | None:
    """The request that the data is; None unless it is a usual one, whole, and nothing else."""
    end = data.find(b"\r\n\r\n")
    if not 0 < end < _LONGEST:
        return None
    head = data[:end]
    unprintable = head.translate(None, _PRINTABLE)
    if not head.isascii() or b":  " in head or b" \r" in head:  # else values would have to be stripped
        return None
    line, *lines = head.decode("ascii").split("\r\n")
    path = _PATHS.get(line)
    if path is None or len(unprintable) != 2 * len(lines):
        return None
    try:
        known = dict([text.split(": ", 1) for text in lines])
    except ValueError:
        return None
    headers = CIMultiDictProxy(CIMultiDict(known))
    body = data[end + 4 :]
    if (
        len(known) != len(lines)
        or not (_CAPITALS.issuperset(known) or _SMALL.issuperset(known))
        or "Host" not in headers
        or headers.get("Content-Length") != str(len(body))
        or headers.get("Connection", "keep-alive") != "keep-alive"
    ):
        return None
    return path, headers, body
