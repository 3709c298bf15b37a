"""Codes of e-tickets: what they say, and who can make them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.etickets import EticketKeys, Named, base45, decode_code, from_base45, number_of, serial_of

KEYS = EticketKeys([b"a secret of an event"])
NAMED = st.builds(Named, st.integers(1, 2**31 - 1), st.integers(0, 2**22 - 1), st.integers(0, 65_535))


@given(st.binary(max_size=100))
def test_base45_is_undone(data: bytes) -> None:
    assert from_base45(base45(data)) == data


@pytest.mark.parametrize(("data", "text"), [(b"AB", "BB8"), (b"Hello!!", "%69 VD92EX0"), (b"base-45", "UJCLQE7W581")])
def test_base45_is_that_of_the_standard(data: bytes, text: str) -> None:
    """The examples of RFC 9285."""
    assert (base45(data), from_base45(text)) == (text, data)


@pytest.mark.parametrize("text", ["GGW", "A", "::", "a", "Ä"])
def test_texts_that_are_not_base45_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="base45"):
        from_base45(text)


@given(NAMED, st.integers(1, 3))
def test_a_code_names_its_eticket_and_is_verified(named: Named, keys: int) -> None:
    code = KEYS.code(named, keys)
    decoded = decode_code(code)
    assert decoded is not None
    assert (len(code), decoded.named) == (125, named)
    assert KEYS.verifies(decoded, keys)
    assert KEYS.verifies(decoded, keys + 1), "a code stays valid when the key is rotated"
    assert not KEYS.verifies(decoded, keys - 1)


@given(NAMED, st.integers(0, 83 * 8 - 1))
def test_no_bit_of_a_code_can_be_another(named: Named, bit: int) -> None:
    data = bytearray(from_base45(KEYS.code(named, 1)))
    data[bit // 8] ^= 1 << bit % 8
    forged = decode_code(base45(bytes(data)))
    assert forged is None or not KEYS.verifies(forged, 1)


def test_another_secret_makes_other_codes_and_an_old_one_stays_good() -> None:
    named, newer = Named(7, 1, 0), EticketKeys([b"another", b"a secret of an event"])
    decoded = decode_code(KEYS.code(named, 1))
    assert decoded is not None
    assert newer.verifies(decoded, 1)
    assert not EticketKeys([b"another"]).verifies(decoded, 1)
    assert newer.code(named, 1) != KEYS.code(named, 1)


@given(NAMED)
def test_a_serial_is_exact_in_every_double(named: Named) -> None:
    serial = serial_of(named.event_id, named.number)
    assert int(float(serial)) == serial
    assert number_of(serial) == (named.event_id, named.number)
