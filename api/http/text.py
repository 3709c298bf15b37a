"""Texts in requests: what people write and what programs write.

What people write is shown to others, on screens, in mails and on tickets. So it has something to see, and nothing that
hides or reorders what stands beside it (Unicode Technical Report 36).
"""

from typing import Annotated

from msgspec import Meta

from engine.codes import CODE_BEGINNING, CODE_PATTERN

# `$` alone would let a newline at the end through.
_END = r"$(?!\n)"

_NEVER = r"\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
"""Controls, the soft hyphen, what has no width, and what changes the direction of writing (C0, C1, Cf)."""

_JOINERS = r"\u200c\u200d"
"""They have no width either, but words of Persian and Indic scripts and emoji need them, between their characters."""

_BLANK = rf"\s\u115f\u1160\u2800\u3164\uffa0\ufe00-\ufe0f{_JOINERS}"

_CHARACTERS = rf"[^{_NEVER}{_JOINERS}]*(?:(?<=[^\x00-\x7f])[{_JOINERS}](?=[^\x00-\x7f])[^{_NEVER}{_JOINERS}]*)*"

FOR_PEOPLE = rf"^(?=.*[^{_BLANK}]){_CHARACTERS}{_END}"
"""The pattern of texts for people."""

FOR_PEOPLE_OR_EMPTY = rf"^(?:(?=.*[^{_BLANK}]){_CHARACTERS})?{_END}"

_IN_LINES = _NEVER.replace(r"\x00-\x1f", r"\x00-\x08\x0b\x0c\x0e-\x1f")

FOR_PEOPLE_IN_LINES = rf"^(?=[\s\S]*[^{_BLANK}]){_CHARACTERS.replace(_NEVER, _IN_LINES)}{_END}"
"""The pattern of longer texts for people, with lines and tabs."""

WEB_ADDRESS = rf"^https?://[!-~]+{_END}"
"""The pattern of addresses of pages and pictures, their characters beyond ASCII encoded."""

ASCII_WITH_SPACES = rf"^[ -~]+{_END}"
"""The pattern of texts for programs that may have spaces."""

VISIBLE_ASCII = rf"^[!-~]+{_END}"
"""The pattern of texts for programs."""

EMAIL = r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+\.[^@\s\x00-\x1f\x7f]+$"
"""The pattern of e-mail addresses, as far as it takes to see a slip."""

ACTION = r"^[a-z_]{1,64}$"
"""The pattern of actions in the audit log."""

IN_WORDS = {
    CODE_PATTERN: "of letters, digits and the characters . _ ~ - alone, and not only . or ..",
    CODE_BEGINNING: "of letters, digits and the characters . _ ~ - alone",
    EMAIL: "with an e-mail address, like islom@example.org",
    ACTION: "with the name of an action, in small letters, like event_changed",
    VISIBLE_ASCII: "of visible ASCII characters, without spaces",
    ASCII_WITH_SPACES: "of visible ASCII characters and spaces",
    FOR_PEOPLE: "with something to see, and without control, zero-width or direction characters",
    FOR_PEOPLE_IN_LINES: "with something to see, and without zero-width, direction or control characters but lines",
    WEB_ADDRESS: "with an address that begins with https:// or http://, its characters beyond ASCII encoded",
    FOR_PEOPLE_OR_EMPTY: "with something to see or nothing, and without control, zero-width or direction characters",
}
"""The patterns in words, for people."""

Text = Annotated[str, Meta(min_length=1, max_length=200, pattern=FOR_PEOPLE)]
"""Text for people."""

LongText = Annotated[str, Meta(min_length=1, max_length=10_000, pattern=FOR_PEOPLE_IN_LINES)]
"""Text for people, of several lines."""

WebAddress = Annotated[
    str, Meta(min_length=1, max_length=2000, pattern=WEB_ADDRESS, extra_json_schema={"format": "uri"})
]
"""The address of something to show."""

OptionalText = Annotated[str, Meta(max_length=200, pattern=FOR_PEOPLE_OR_EMPTY)]
"""Text for people, which may be empty."""

CustomerId = Annotated[str, Meta(min_length=1, max_length=64, pattern=VISIBLE_ASCII)]
"""An id that the shop gave: visible ASCII characters."""

NamedCode = Annotated[str, Meta(min_length=1, max_length=64, pattern=VISIBLE_ASCII)]
"""A code, as somebody names it: visible ASCII characters."""
