"""Personal data in dead letters, whose facts are kept as they came, because they could not be decoded or applied."""

import re
from typing import Any

import msgspec

_PHONE = re.compile(r"\+?\d{7,15}", re.ASCII)
_NOTHING = "{}"


def packed_customer(customer_id: str) -> bytes:
    """The bytes by which the facts of a customer are found."""
    return msgspec.msgpack.encode(customer_id)


def without_names(fact: bytes, customer_id: str) -> bytes:
    """The fact without the details and phones that stand beside the customer's id.

    What cannot be read at all is emptied: nobody can tell what is in it.
    """
    try:
        told = msgspec.msgpack.decode(fact)
    except (msgspec.DecodeError, RecursionError):
        return b""
    return msgspec.msgpack.encode(_erased(told, customer_id))


def _erased(told: Any, customer_id: str) -> Any:
    """The same value; in each list that names the customer, details are empty and phone numbers too."""
    if isinstance(told, dict):
        return {name: _erased(value, customer_id) for name, value in told.items()}
    if not isinstance(told, list):
        return told
    values = [_erased(value, customer_id) for value in told]
    return [_without(value, customer_id) for value in values] if customer_id in told else values


def _without(value: Any, customer_id: str) -> Any:
    if not isinstance(value, str) or value == customer_id:
        return value
    if value.startswith("{"):
        return _NOTHING
    return "" if _PHONE.fullmatch(value) else value
