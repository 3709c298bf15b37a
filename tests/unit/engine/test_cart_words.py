"""The words of a cart: those of `lua/82_cart.lua` are those of engine/carts.py."""

import re
from pathlib import Path

from engine.carts import MAX_EVENTS, CartState, CartWord

TEXT = (Path(__file__).resolve().parents[3] / "lua" / "82_cart.lua").read_text(encoding="utf-8")
CODE = re.sub(r"--.*", "", TEXT)
HEADER = TEXT[: TEXT.index("\ndo\n")]


def test_states_are_the_same() -> None:
    listed = re.findall(r"(\w+) = true", CODE[CODE.index("CART_STATES") : CODE.index("CART_EVENTS")])
    assert {*listed, "none"} == set(CartState)
    compared = set(re.findall(r"state [=~]=? '(\w+)'", CODE))
    assert compared <= set(CartState)
    states = HEADER[HEADER.index("-- States") :]
    assert set(re.findall(r"[a-z]+", states.split("States")[1])) == set(CartState)


def test_words_are_the_same() -> None:
    said = {word for line in re.findall(r"return (.*'\w+'), ", CODE) for word in re.findall(r"and '(\w+)' or", line)}
    said |= set(re.findall(r"'(\w+)', (?:true|false|changed)", CODE))
    assert said == set(CartWord)
    replies = HEADER[HEADER.index("-- Replies") : HEADER.index("-- States")]
    assert set(re.findall(r"^--           (\w+)  ", replies, re.MULTILINE)) == set(CartWord)


def test_wishes_are_in_the_header() -> None:
    wishes = set(re.findall(r"^ *function CART\.(\w+)", CODE, re.MULTILINE))
    words = "join|claim|unclaim|shorten|leave|drop|discard|begin|book|unbook|settle|read"
    assert wishes == set(re.findall(rf"^--           ({words})\b", HEADER, re.MULTILINE))


def test_the_limit_is_the_same() -> None:
    assert f"CART_EVENTS = {MAX_EVENTS}\n" in CODE
