"""A short rehearsal of hoarders, at the recommended settings: time runs sixty times as fast."""

from pathlib import Path

import pytest
import uvloop

from loadtest.hoarders.rehearsal import Rehearsal, rehearse
from loadtest.hoarders.stage import PLACES, recommended, stage
from tests.support.effort import effort
from tests.support.system.forked_child import ForkedChild
from tests.system.conftest import Database

SCALE = 60
MINUTES = effort(10, 30)
ACCOUNTS, BUYERS = effort((300, 20), (500, 60))


def show(result: Rehearsal) -> str:
    return f"{result.samples} {result.hoarded} {result.bought}"


@pytest.mark.timeout(180)
def test_hoarders_of_one_address_get_little_and_buyers_notice_nothing(tmp_path: Path, database: Database) -> None:
    with stage(tmp_path / "hoarders", SCALE, ForkedChild, database.server.url(database.name)) as running:
        result = uvloop.run(
            rehearse(running, seconds=60 * MINUTES, accounts=ACCOUNTS, buyers=BUYERS, tell=lambda _: None)
        )
    assert result.breaches() == [], show(result)
    assert result.hoarded.places > result.at_the_end > 0, f"they tried: {show(result)}"


@pytest.mark.timeout(180)
def test_without_limits_on_hoarding_they_get_everything(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control. On a busy machine the last look comes when their holds have begun to expire."""

    def without(service: str, scale: int) -> dict[str, object]:
        named = ("idle_place_seconds", "address_places", "nobodys_places")
        return {name: value for name, value in recommended(service, scale).items() if not name.endswith(named)}

    monkeypatch.setattr("loadtest.hoarders.stage.recommended", without)
    with stage(tmp_path / "hoarders", SCALE, ForkedChild, database.server.url(database.name)) as running:
        result = uvloop.run(rehearse(running, seconds=60 * 5, accounts=ACCOUNTS, buyers=0, tell=lambda _: None))
    assert result.most > 0.5 * PLACES, show(result)
