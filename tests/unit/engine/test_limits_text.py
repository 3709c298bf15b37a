"""Limits as they are published: a text that Lua and people read."""

import pytest
from structlog.testing import capture_logs

from engine.limits import Limits, LimitsInForce, tell_difference
from engine.settings import Settings

FIVE = Settings(live_holds=5)


def test_missing_limits_are_not_published() -> None:
    assert str(Limits.of(Settings())) == "none"
    assert str(Limits.of(FIVE)) == "live_holds=5"
    assert str(Limits.of(Settings(cool_down_expiries=5))) == "expiries=5 cool_down_ms=600000"


@pytest.mark.parametrize(
    "settings", [Settings(), FIVE, Settings(customer_per_minute=60, address_per_minute=7, cool_down_expiries=3)]
)
def test_limits_come_back_as_they_were(settings: Settings) -> None:
    limits = Limits.of(settings)
    assert Limits.parse(str(limits)) == limits


def test_limits_of_a_later_release_are_ignored() -> None:
    assert Limits.parse("live_holds=5 moon_phase=3") == Limits.of(FIVE)


def test_a_process_that_publishes_others_says_so() -> None:
    with capture_logs() as logs:
        LimitsInForce(FIVE).published("")
        LimitsInForce(FIVE).published("live_holds=5")
    assert not logs
    with capture_logs() as logs:
        LimitsInForce(FIVE).published("live_holds=6")
    (told,) = logs
    assert (told["event"], told["before"], told["now"]) == ("limits_changed", "live_holds=6", "live_holds=5")


def test_a_process_that_learns_others_says_so_once() -> None:
    limits = LimitsInForce(FIVE)
    with capture_logs() as logs:
        for _ in range(3):
            limits.learn("live_holds=6")
    assert [(told["event"], told["own"], told["now"]) for told in logs] == [
        ("limits_differ", "live_holds=5", "live_holds=6")
    ]
    assert limits.current.live_holds == 6


def test_a_process_that_publishes_none_tells_of_settings_that_do_not_count() -> None:
    with capture_logs() as logs:
        tell_difference(FIVE, "live_holds=5")
        tell_difference(Settings(), "live_holds=6")
    assert not logs
    with capture_logs() as logs:
        tell_difference(FIVE, "")
        tell_difference(FIVE, "live_holds=6")
    assert [told["now"] for told in logs] == ["none", "live_holds=6"]
