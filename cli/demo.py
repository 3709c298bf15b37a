"""Something to sell at the first start, and commands to try it with."""

import json
from datetime import UTC, datetime, time, timedelta
from typing import Any

import aiohttp

from cli.complaints import Complaint

_TIMEOUT = aiohttp.ClientTimeout(total=10)
_DAYS_AHEAD = 60


def demo_events(now: datetime) -> list[dict[str, Any]]:
    """Events as `POST /v1/events` takes them: one that many want, one that is sold out soon, and one in slots."""
    evening = datetime.combine(now.date() + timedelta(days=_DAYS_AHEAD), time(18), tzinfo=UTC)
    return [
        {
            "name": "Big event",
            "starts_at": _rfc3339(evening),
            "timezone": "Europe/Warsaw",
            "status": "on_sale",
            "tickets": [
                _ticket("VIP", 30_000, 300),
                _ticket("Premium", 15_000, 1_000),
                _ticket("Regular", 5_000, 5_000),
            ],
        },
        {
            "name": "Small club night",
            "starts_at": _rfc3339(evening + timedelta(days=1, hours=3)),
            "timezone": "Europe/Warsaw",
            "status": "on_sale",
            "hold_seconds": 120,
            "max_per_customer": 4,
            "tickets": [_ticket("Regular", 2_000, 20)],
        },
        {
            "name": "Museum of Clocks",
            "starts_at": _rfc3339(datetime.combine(now.date(), time(), tzinfo=UTC)),
            "timezone": "Europe/Warsaw",
            "status": "on_sale",
            "schedule": {"times": ["08:00", "10:45", "13:30", "16:15", "19:00", "21:45"], "capacity": 20},
        },
    ]


async def ensure_demo(api_url: str) -> dict[str, Any]:
    """Publishes the demo events if there are no tickets yet; a ticket to try. Raises Complaint."""
    async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
        tickets = await _first_tickets(session, api_url)
        if not tickets:
            for event in demo_events(datetime.now(UTC)):
                tickets += await _publish(session, api_url, event)
        return tickets[0]


def commands_to_try(api_url: str, ticket: dict[str, Any], answer_file: str) -> list[tuple[str, str]]:
    """What each command does, and the command: it runs as it stands, in this order."""
    event, price = ticket["event"], ticket["price"]
    json_header = "-H 'Content-Type: application/json'"
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
            raise Complaint(f"the API does not list tickets: {response.status} {await response.text()}")
        items: list[dict[str, Any]] = (await response.json())["items"]
        return items


async def _publish(session: aiohttp.ClientSession, api_url: str, event: dict[str, Any]) -> list[dict[str, Any]]:
    """The tickets of the event that it publishes."""
    async with session.post(f"{api_url}/v1/events", json=event) as response:
        if response.status != 201:
            raise Complaint(f"the API refuses the demo events: {response.status} {await response.text()}")
        tickets: list[dict[str, Any]] = (await response.json())["tickets"]
        return tickets


def _ticket(ticket_type: str, price_minor: int, capacity: int) -> dict[str, Any]:
    return {"ticket_type": ticket_type, "price": {"amount": price_minor, "currency": "EUR"}, "capacity": capacity}


def _rfc3339(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")
