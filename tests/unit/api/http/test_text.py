"""Texts for people have something to see, and nothing that hides or reorders what stands beside it."""

import msgspec
import pytest

from api.http.text import OptionalText, Text

_FINE = [
    "Anna",
    " Anna Maria ",
    "O’Brien-Łódź",
    "علی‌رضا",  # a joiner between letters, as Persian is written
    "क्‍ष",
    "Family 👨‍👩‍👧",
    "李",
    "مرحبا",
    "½ 🎟️",
]
_BLANK = [
    "",
    " ",
    "\u00a0",
    "\u3000 ",
    "\u2003",
    "\u200c",
    "\u200d\u200d",
    "\u2800",
    "\u3164",
    "\u115f",
    "\ufe0f",
    "\t",
]
_HIDDEN = [
    *("\x00", "\x1b[2J", "\x7f", "\x85", "\x9b31m", "\n", "\u2028", "\u2029"),
    *("\u200b", "\u200e", "\u200f", "\u2060", "\ufeff", "\u00ad", "\u180e", "\u061c", "\ufffa"),
    *("\u202a", "\u202e", "\u2066", "\u2069", "\u206f"),
]


@pytest.mark.parametrize("text", _FINE)
def test_names_as_people_write_them_are_accepted(text: str) -> None:
    for kind in (Text, OptionalText):
        assert msgspec.convert(text, kind) == text


@pytest.mark.parametrize("text", _BLANK)
def test_nothing_to_see_is_no_text(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(text, Text)
    if text:
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(text, OptionalText)


@pytest.mark.parametrize("hidden", _HIDDEN)
@pytest.mark.parametrize("around", ["{}", "{}Anna", "An{}na", "Anna{}"])
def test_nothing_hides_in_a_text(hidden: str, around: str) -> None:
    for kind in (Text, OptionalText):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(around.format(hidden), kind)


@pytest.mark.parametrize("text", ["a\u200db", "\u200dعلی", "علی\u200c", "a\u200c"])
def test_joiners_join_what_is_joined(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(text, Text)


def test_an_empty_description_is_fine() -> None:
    assert msgspec.convert("", OptionalText) == ""
