"""Readings for the verdict while the last holds expire."""

from collections.abc import Mapping

from loadtest.drop.server_state import until_they_agree
from loadtest.drop.verdict import Reservation, Stock

TICKET = 7
RAN_OUT = Stock(5, 5, 0, 0)


class Reads:
    """Reads in which a hold has expired by the engine's counts, and from the n-th on by Postgres too."""

    def __init__(self, expired_from: int) -> None:
        self.expired_from = expired_from
        self.times = 0

    async def __call__(self) -> tuple[Mapping[str, Reservation], Mapping[int, Stock]]:
        self.times += 1
        status = "expired" if self.times >= self.expired_from else "held"
        return {"1-gone": Reservation(status, {TICKET: 2}, [])}, {TICKET: RAN_OUT}


async def test_a_hold_that_expires_meanwhile_is_read_again() -> None:
    reads = Reads(expired_from=3)
    reservations, stock = await until_they_agree(reads)
    assert reservations["1-gone"].status == "expired"
    assert stock == {TICKET: RAN_OUT}
    assert reads.times == 3


async def test_lasting_differences_reach_the_verdict() -> None:
    reservations, stock = await until_they_agree(Reads(expired_from=1000), patience_seconds=0.1)
    assert reservations["1-gone"].status == "held"
    assert stock == {TICKET: RAN_OUT}
