"""Postgres is away while people buy: sales go on, and then everything arrives."""

import asyncio

import pytest

from cli.dev.embedded import EmbeddedPostgres
from tests.support.effort import effort
from tests.support.prepared_postgres import DATABASE
from tests.support.system.buying_crowd import Crowd
from tests.support.system.ledgers import check_books, postgres_reservations
from tests.support.system.process_stack import Stack
from tests.support.system.storefront_client import Event, Storefront
from tests.support.waiting import wait_until
from tests.system.conftest import Database

AWAY_SECONDS = effort(5, 60)


@pytest.fixture
def database(own_postgres: EmbeddedPostgres) -> Database:
    """On a server of its own, because it is stopped."""
    return Database(own_postgres, DATABASE)


@pytest.mark.timeout(300)
async def test_sales_go_on_while_postgres_is_away(stack: Stack, storefront: Storefront) -> None:
    await stack.start("gateway", "sync", "api")
    events = [await storefront.create_event(capacity=1_000_000) for _ in range(4)]
    crowd = Crowd(storefront, events)

    async with crowd.buying(clients=16, rest_seconds=0.2):
        await wait_until(lambda: len(crowd.paid) > 50, 60, "people buy")
        await stack.stop("postgres")
        held, paid = len(crowd.held), len(crowd.paid)
        await asyncio.gather(asyncio.sleep(AWAY_SECONDS), check_what_works_without(storefront, events[0]))
        assert len(crowd.held) > held + AWAY_SECONDS
        assert len(crowd.paid) > paid + AWAY_SECONDS // 2
        await stack.start("postgres")
        await wait_until(lambda: lists_are_back(storefront), 60, "lists are back")

    assert not crowd.refused
    assert not crowd.troubles, "somebody was not answered"
    await check_books(stack)
    assert crowd.held <= (await postgres_reservations(stack)).keys()


async def check_what_works_without(storefront: Storefront, event: Event) -> None:
    """Calls that need Postgres say so, and all else works."""
    path_of_event = f"/v1/events/{event.event_id}"
    for method, path, body in (
        ("GET", "/v1/reservations", None),
        ("GET", "/v1/statistics/events", None),
        ("PATCH", path_of_event, {"name": "Another name"}),
    ):
        answer = await storefront.ask(method, path, body)
        assert (answer.status, answer.code) == (503, "unavailable"), path
        assert "Retry-After" in answer.headers
    availability = f"{path_of_event}/availability"
    for path in ("/v1/events", path_of_event, availability, "/v1/tickets", "/healthz", "/readyz"):
        assert (await storefront.ask("GET", path)).status == 200, path


async def lists_are_back(storefront: Storefront) -> bool:
    return (await storefront.ask("GET", "/v1/reservations")).status == 200
