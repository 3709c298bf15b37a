"""Reasons that callers give for their changes (the header X-Reason), as the audit log keeps them."""

from urllib.parse import unquote_to_bytes

_LONGEST_CHARACTERS = 500
_ENCODED = "utf-8''"


def reason_text(given: str) -> str:
    """The reason in a header as aiohttp gives it, at most 500 printable characters; empty without one.

    A header has Latin letters alone for browsers, so other ones may come as RFC 8187 writes them: `UTF-8''%E2%82%AC`.
    What is no UTF-8 counts as Latin-1, as HTTP once had it.
    """
    if given[: len(_ENCODED)].lower() == _ENCODED:
        raw = unquote_to_bytes(given[len(_ENCODED) :].encode("utf-8", "surrogateescape"))
    else:
        raw = given.encode("utf-8", "surrogateescape")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return "".join(each if each.isprintable() else " " for each in text[:_LONGEST_CHARACTERS]).strip()
