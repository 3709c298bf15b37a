"""E-tickets and check-ins over HTTP, on real servers."""

import asyncio
import uuid
from typing import Any

from api.access.callers import Role
from tests.integration.api.access.test_access import SHARED, open_sale
from tests.integration.api.conftest import StartApi
from tests.support.api.api_client import Answer, Front, Json
from tests.support.api.expected_access import CALLS, MATRIX


class Doors:
    """The doors of one event, as gates meet them."""

    def __init__(self, front: Front, event: Json) -> None:
        self.front, self.event = front, event
        self.path = f"/v1/events/{event['id']}"
        self.ticket_id = event["tickets"][0]["id"] if event["tickets"] else 0

    async def bought(self, quantity: int = 1, **of: Any) -> tuple[Json, list[Json]]:
        """A paid reservation and its e-tickets."""
        self.reservation = await self.front.paid((self.ticket_id, quantity), **of)
        return self.reservation, await self.etickets(self.reservation)

    async def etickets_of_paid(self) -> list[Json]:
        """The e-tickets of the reservation that was bought last, as they are now."""
        return await self.etickets(self.reservation)

    async def etickets(self, reservation: Json) -> list[Json]:
        answer = await self.front.get(f"/v1/reservations/{reservation['id']}/etickets")
        assert answer.status == 200, answer
        items: list[Json] = answer.body["items"]
        return items

    async def ask(self, code: str, gate: str = "north", **fields: Json) -> Answer:
        body = {"code": code, "gate": gate, "nonce": str(uuid.uuid4())} | fields
        return await self.front.call("POST", f"{self.path}/check-ins", body)

    async def scan(self, code: str, gate: str = "north", **fields: Json) -> Json:
        answer = await self.ask(code, gate, **fields)
        assert answer.status == 200, answer
        return answer.body

    async def result(self, code: str, gate: str = "north", **fields: Json) -> str:
        return str((await self.scan(code, gate, **fields))["result"])


async def doors_of(front: Front, capacity: int = 10, **fields: Any) -> Doors:
    return Doors(front, await front.event(capacity, **fields))


async def test_a_paid_place_has_an_eticket_that_admits_once(front: Front) -> None:
    doors = await doors_of(front)
    held = await front.held((doors.ticket_id, 2), customer="22")
    assert await doors.etickets(held) == []
    await front.pay(held)
    first, second = await doors.etickets(held)
    assert first["status"] == second["status"] == "valid"
    assert first["serial"] != second["serial"]
    assert first["holder"] == {"first_name": "Islom", "last_name": "Karimov"}
    assert await doors.etickets(held) == [first, second]

    answer = await doors.scan(first["code"])
    assert answer["result"] == "admitted"
    assert answer["eticket"] == first | {"status": "in"}
    assert answer["first_in_at"]
    again = await doors.scan(first["code"], "south")
    assert (again["result"], again["first_in_at"]) == ("already_in", answer["first_in_at"])
    assert [each["status"] for each in await doors.etickets(held)] == ["in", "valid"]

    assert await doors.result(first["code"], direction="out") == "admitted"
    assert await doors.result(first["code"], direction="out") == "not_yet"
    assert await doors.result(first["code"]) == "admitted"


async def test_the_same_gate_and_nonce_get_the_same_answer(front: Front) -> None:
    doors = await doors_of(front)
    _, (eticket,) = await doors.bought()
    first = await doors.scan(eticket["code"], nonce="1")
    assert first["result"] == "admitted"
    assert await doors.scan(eticket["code"], nonce="1") == first
    assert await doors.result(eticket["code"], nonce="2") == "already_in"
    assert await doors.result(eticket["code"], "south", nonce="1") == "already_in"


async def test_one_of_fifty_gates_admits(front: Front) -> None:
    doors = await doors_of(front, 100)
    for _ in range(20):
        _, (eticket,) = await doors.bought()
        results = await asyncio.gather(*(doors.result(eticket["code"], f"gate {gate}") for gate in range(50)))
        assert sorted(results) == ["admitted", *["already_in"] * 49]


GATES_MAY = {
    "POST /v1/events/{event_id}/check-ins",
    "GET /v1/events/{event_id}/check-ins",
    "POST /v1/events/{event_id}/check-ins/upload",
    "GET /v1/events/{event_id}/check-ins/snapshot",
}


async def test_a_gate_does_nothing_but_check_people_in_at_its_events(start_api: StartApi) -> None:
    sale = await open_sale(await start_api(auth="jwt", jwt_secret=SHARED, shop=True, unsigned_callbacks=True))
    event_id = sale.event["id"]
    sale.tokens["gate"] = sale.token(Role.GATE, "north")
    sale.tokens["gate of the event"] = sale.token(Role.GATE, "north", [event_id])
    sale.tokens["gate of another"] = sale.token(Role.GATE, "north", [event_id + 1_000_000])
    wrong = []
    for name in MATRIX:
        call = await CALLS[name](sale)
        for gate in ("gate", "gate of the event", "gate of another"):
            status = await sale.status(gate, name.split()[0], call)
            public = MATRIX[name][0]
            may = name in GATES_MAY and gate != "gate of another"
            expected = public if public < 400 else 200 if may else 403
            if status != expected:
                wrong.append((name, gate, status))
    assert wrong == []
    answer = await sale.ask("gate", "POST", f"{sale.event_path}/check-ins", {"code": "X"})
    assert answer.body == {"result": "unknown", "eticket": None, "first_in_at": None, "conflict": None}
