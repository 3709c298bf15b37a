"""Figures of a set of reservations that was made by hand, and counted by hand."""

from datetime import datetime

from sync.postgres import Postgres
from sync.read_models.statistics import (
    EventFigures,
    TicketTypeFigures,
    get_event_statistics,
    list_event_statistics,
    list_ticket_type_statistics,
)

_SET = """
INSERT INTO events (id, name, starts_at) VALUES (1, 'Sold out', now()), (2, 'Mixed', now()), (3, 'Nothing yet', now());
INSERT INTO tickets (id, event_id, ticket_type, unit_minor, capacity) VALUES
  (11, 1, 'VIP', 1000, 3), (12, 1, 'Regular', 400, 2), (21, 2, 'VIP', 500, 50), (31, 3, 'Balcony', 100, 0);
INSERT INTO reservations (id, event_id, customer_id, status, details, digest, places, total_minor, created_at,
  expires_at, paid_at)
SELECT id, event_id, 'c', status, '{}', '', 1, 0, now(), now(), paid_at::timestamptz FROM (VALUES
  ('1-a', 1, 'paid', '2026-01-01T10:00Z'),
  ('1-b', 1, 'paid', '2026-01-01T10:05Z'),
  ('1-c', 1, 'expired', NULL),
  ('1-d', 1, 'refunded', '2026-01-01T09:00Z'),
  ('2-a', 2, 'held', NULL),
  ('2-b', 2, 'paying', NULL),
  ('2-c', 2, 'paid', (now() - interval '30 minutes')::text),
  ('2-d', 2, 'paid', (now() - interval '2 hours')::text),
  ('2-e', 2, 'cancelled', NULL),
  ('2-f', 2, 'refund_due', (now() - interval '1 minute')::text)
) AS told (id, event_id, status, paid_at);
INSERT INTO reservation_items (reservation_id, position, ticket_id, pool, quantity, unit_minor, created_at,
  first_of_ticket)
SELECT reservation_id, position, ticket_id, ticket_id::text, quantity, unit_minor, now(), true FROM (VALUES
  ('1-a', 0, 11, 2, 1000), ('1-a', 1, 12, 2, 400), ('1-b', 0, 11, 1, 900), ('1-c', 0, 12, 1, 400),
  ('1-d', 0, 11, 3, 1000),
  ('2-a', 0, 21, 4, 500), ('2-b', 0, 21, 5, 500), ('2-c', 0, 21, 6, 500), ('2-d', 0, 21, 7, 450),
  ('2-e', 0, 21, 8, 500), ('2-f', 0, 21, 9, 500)
) AS told (reservation_id, position, ticket_id, quantity, unit_minor);
UPDATE reservations AS r SET (places, total_minor) = (
  SELECT sum(quantity), sum(quantity * unit_minor) FROM reservation_items WHERE reservation_id = r.id
);
"""


async def _fill(pool: Postgres) -> None:
    async with pool.connection() as connection:
        await connection.execute(_SET)


def _figures(places: tuple[int, ...], revenue_minor: int, conversion: float | None) -> dict[str, object]:
    names = ("reserved", "held", "sold", "cancelled", "expired", "refunded")
    money = {"revenue_minor": revenue_minor, "currency": "EUR"}
    return dict(zip(names, places, strict=True)) | {"kept": 0, "set_aside": 0, "conversion": conversion} | money


async def test_an_event_that_is_sold_out(pool: Postgres) -> None:
    await _fill(pool)
    assert await get_event_statistics(pool, 1) == EventFigures(
        event_id=1,
        name="Sold out",
        **_figures((5, 0, 5, 0, 1, 3), 2 * 1000 + 2 * 400 + 900, 2 / 4),  # type: ignore[arg-type]
        sales_per_minute=0,
        first_sale_at=datetime.fromisoformat("2026-01-01T09:00Z"),
        sold_out_at=datetime.fromisoformat("2026-01-01T10:05Z"),
    )


async def test_an_event_under_way_and_one_without_sales(pool: Postgres) -> None:
    await _fill(pool)
    mixed, nothing = await list_event_statistics(pool, limit=5, after=1)
    assert _of(mixed) == _figures((22, 9, 13, 8, 0, 9), 6 * 500 + 7 * 450, 2 / 4)
    assert mixed.sales_per_minute == 6 / 60
    assert mixed.sold_out_at is None
    assert _of(nothing) == _figures((0, 0, 0, 0, 0, 0), 0, None)
    assert (nothing.sales_per_minute, nothing.first_sale_at, nothing.sold_out_at) == (0, None, None)
    assert await get_event_statistics(pool, 4) is None
    assert [row.event_id for row in await list_event_statistics(pool, limit=2)] == [1, 2]


async def test_ticket_types_over_all_events(pool: Postgres) -> None:
    await _fill(pool)
    balcony, regular, vip = await list_ticket_type_statistics(pool, limit=5)
    assert [row.ticket_type for row in (balcony, regular, vip)] == ["Balcony", "Regular", "VIP"]
    assert _of(balcony) == _figures((0, 0, 0, 0, 0, 0), 0, None)
    assert _of(regular) == _figures((2, 0, 2, 0, 1, 0), 800, 1 / 2)
    assert _of(vip) == _figures((25, 9, 16, 8, 0, 12), 2000 + 900 + 6 * 500 + 7 * 450, 4 / 7)
    assert [row.ticket_type for row in await list_ticket_type_statistics(pool, limit=1, after=("Balcony", "EUR"))] == [
        "Regular"
    ]


def _of(row: EventFigures | TicketTypeFigures) -> dict[str, object]:
    return {name: getattr(row, name) for name in _figures((0,) * 6, 0, None)}


async def test_what_an_exchange_pins_is_what_only_the_new_places_have(pool: Postgres) -> None:
    """Two tickets share a pool with five old and three new places. One of two seats is new."""
    had = '[[21, "p", 5, 500, [], null], [23, "s1", 1, 900, [3], null]]'
    wanted = '[[21, "p", 4, 500, [], null], [22, "p", 4, 500, [], null], [23, "s1", 2, 900, [3, 4], null]]'
    payment = "INSERT INTO payments (reservation_id, id, status, amount_minor, reason, digest, started_at, exchange)"
    await _fill(pool)
    async with pool.connection() as connection:
        await connection.execute(
            f"{payment} SELECT '2-c', 'pay', 'pending', 2400, '', '', now(), '[[{had}, {wanted}]]'::json"
        )
        rows = await connection.fetch("SELECT event_id, ticket_id, pool, quantity, seats FROM pinned_items")
    assert [tuple(row) for row in rows] == [(2, 22, "p", 3, []), (2, 23, "s1", 1, [4])]
    mixed = await get_event_statistics(pool, 2)
    assert mixed is not None
    assert (mixed.reserved, mixed.held, mixed.sold) == (9 + 13 + 4, 9 + 4, 13)
