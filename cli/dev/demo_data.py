"""Something to sell at the first start, and commands to try it with."""

import json
from datetime import UTC, datetime, time, timedelta
from typing import Any

import aiohttp

from cli.errors import UserError

_TIMEOUT = aiohttp.ClientTimeout(total=10)
_DAYS_AHEAD = 60

_OLD_OPERA = {
    "name": "Old Opera",
    "sections": [
        {"name": "Stalls", "rows": [{"name": row, "seats": 14} for row in "ABCDEFGH"]},
        {"name": "Balcony", "rows": [{"name": row, "seats": 16} for row in "KLMN"]},
    ],
}


def demo_events(now: datetime, sections: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Events as `POST /v1/events` takes them.

    One has high demand, one is sold out soon, one is in the two sections of a venue, and one has slots. One has a
    waiting room, and one a waiting list; `ensure_demo` sells that one out. The examples of the OpenAPI document are
    about these (api/openapi/examples.py).
    """
    evening = datetime.combine(now.date() + timedelta(days=_DAYS_AHEAD), time(18), tzinfo=UTC)
    stalls, balcony = ([section["id"]] for section in sections)
    everywhere = {"timezone": "Europe/Warsaw", "status": "on_sale"}
    return [
        {
            "name": "Big event",
            "starts_at": _rfc3339(evening),
            "tickets": [
                _ticket("VIP", 30_000, capacity=300),
                _ticket("Premium", 15_000, capacity=1_000),
                _ticket("Regular", 5_000, capacity=5_000),
            ],
            **everywhere,
        },
        {
            "name": "Small club night",
            "starts_at": _rfc3339(evening + timedelta(days=1, hours=3)),
            "hold_seconds": 120,
            "max_per_customer": 4,
            "tickets": [_ticket("Regular", 2_000, capacity=20)],
            **everywhere,
        },
        {
            "name": "Premiere at the Old Opera",
            "starts_at": _rfc3339(evening + timedelta(days=2)),
            "venue_id": sections[0]["venue_id"],
            "tickets": [
                _ticket("Adult", 6_000, section_ids=stalls),
                _ticket("Child", 3_000, section_ids=stalls),
                _ticket("Balcony", 2_500, section_ids=balcony),
            ],
            **everywhere,
        },
        {
            "name": "Museum of Clocks",
            "starts_at": _rfc3339(datetime.combine(now.date(), time(), tzinfo=UTC)),
            "schedule": {"times": ["08:00", "10:45", "13:30", "16:15", "19:00", "21:45"], "capacity": 20},
            **everywhere,
        },
        {
            "name": "Stadium night",
            "starts_at": _rfc3339(evening + timedelta(days=3)),
            "waiting_room": {"opens_at": _rfc3339(now), "places_per_pass": 4},
            "tickets": [_ticket("Standing", 8_000, capacity=10_000)],
            **everywhere,
        },
        {
            "name": "Album launch",
            "starts_at": _rfc3339(evening + timedelta(days=4)),
            "waiting_list": {"offer_seconds": 3600},
            "tickets": [_ticket("Entry", 1_500, capacity=2)],
            **everywhere,
        },
    ]


async def ensure_demo(api_url: str, token: str | None = None) -> dict[str, Any]:
    """Publishes the demo events if there are no tickets yet; a ticket to try. Raises UserError.

    `token`: a manager's, where tokens are needed.
    """
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with aiohttp.ClientSession(timeout=_TIMEOUT, headers=headers) as session:
        tickets = await _first_tickets(session, api_url)
        if not tickets:
            venue = await _publish(session, f"{api_url}/v1/venues", _OLD_OPERA)
            sections = [{**section, "venue_id": venue["id"]} for section in venue["sections"]]
            for event in demo_events(datetime.now(UTC), sections):
                tickets += (await _publish(session, f"{api_url}/v1/events", event))["tickets"]
            await _sell_out(session, api_url, tickets[-1])
        return tickets[0]


async def _sell_out(session: aiohttp.ClientSession, api_url: str, ticket: dict[str, Any]) -> None:
    order = {"items": [{"ticket_id": ticket["id"], "quantity": ticket["capacity"]}], "customer": {"id": "demo"}}
    held = await _publish(session, f"{api_url}/v1/reservations", order)
    payment = {**held["total"], "payment_token": "tok_visa"}
    await _publish(session, f"{api_url}/v1/reservations/{held['id']}/pay", payment, status=200)


def commands_to_try(
    api_url: str, ticket: dict[str, Any], answer_file: str, token: str | None = None
) -> list[tuple[str, str]]:
    """Commands to try, each with its purpose. They run as they stand, in this order.

    `token`: that of customer 22, where tokens are needed.
    """
    event, price = ticket["event"], ticket["price"]
    json_header = "-H 'Content-Type: application/json'"
    if token:
        json_header += f" -H 'Authorization: Bearer {token}'"
    customer = {"id": "22", "first_name": "Islom", "last_name": "Karimov"}
    reserve = json.dumps({"items": [{"ticket_id": ticket["id"], "quantity": 2}], "customer": customer})
    pay = json.dumps({"amount": 2 * price["amount"], "currency": price["currency"], "payment_token": "tok_visa"})
    return [
        ("List the tickets", f"curl -s '{api_url}/v1/tickets?event_id={event['id']}'"),
        (
            f"Reserve two {ticket['ticket_type']} tickets",
            f"curl -s {api_url}/v1/reservations {json_header} -d '{reserve}' | tee {answer_file}",
        ),
        (
            "Pay for them",
            f"curl -s {api_url}/v1/reservations/$(cut -d'\"' -f4 {answer_file})/pay {json_header} -d '{pay}'",
        ),
    ]


async def _first_tickets(session: aiohttp.ClientSession, api_url: str) -> list[dict[str, Any]]:
    async with session.get(f"{api_url}/v1/tickets?limit=1") as response:
        if response.status != 200:
            raise UserError(f"the API does not list tickets: {response.status} {await response.text()}")
        items: list[dict[str, Any]] = (await response.json())["items"]
        return items


async def _publish(
    session: aiohttp.ClientSession, url: str, body: dict[str, Any], *, status: int = 201
) -> dict[str, Any]:
    """Create something through the API, and return the answer."""
    async with session.post(url, json=body) as response:
        if response.status != status:
            raise UserError(f"the API refuses the demo events: {response.status} {await response.text()}")
        made: dict[str, Any] = await response.json()
        return made


def _ticket(ticket_type: str, price_minor: int, **places: Any) -> dict[str, Any]:
    return {"ticket_type": ticket_type, "price": {"amount": price_minor, "currency": "EUR"}, **places}


def _rfc3339(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")
