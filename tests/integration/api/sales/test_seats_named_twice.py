"""A seat is named once in a request: twice, it would be paid for twice and be there once."""

from tests.support.api.api_client import Answer
from tests.support.api.two_event_carts import Tour


async def test_no_request_names_a_seat_twice(tour: Tour) -> None:
    front, seats = tour.front, tour.seats
    adult, child, _standing = (each["id"] for each in tour.events[0]["tickets"])
    customer = {"customer": {"id": "22"}}

    async def ask(method: str, path: str, *items: tuple[int, list[int]], **more: object) -> Answer:
        named = [{"ticket_id": ticket_id, "seat_ids": seat_ids} for ticket_id, seat_ids in items]
        return await front.call(method, path, {"items": named, **more})

    held = (await ask("POST", "/v1/reservations", (adult, [seats[0]]), **customer)).body
    bought = (await ask("POST", "/v1/reservations", (adult, [seats[1]]), **customer)).body
    paid = (await front.pay(bought)).body
    change, exchange = f"/v1/reservations/{held['id']}", f"/v1/reservations/{paid['id']}/exchange"
    for where, *wish in (
        (0, (adult, [seats[2], seats[2]])),
        (0, (adult, [seats[2], seats[3], seats[2]])),
        (1, (adult, [seats[2]]), (child, [seats[2]])),
    ):
        for answer in (
            await ask("POST", "/v1/reservations", *wish, **customer),
            await ask("PATCH", change, *wish),
            await ask("POST", exchange, *wish, payment_token="tok_visa"),
        ):
            assert (answer.status, answer.code) == (422, "invalid"), answer
            assert answer.body["fields"][0]["path"] == f"items[{where}].seat_ids"
    refund = await ask("POST", f"/v1/reservations/{paid['id']}/refund", (adult, [seats[1], seats[1]]), restock=True)
    assert (refund.status, refund.body["fields"][0]["path"]) == (422, "items[0].seat_ids")
    assert await tour.statuses(0) == "hsaa"
