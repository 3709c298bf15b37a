"""One customer cannot book a whole museum, in no way of asking."""

import asyncio
from uuid import uuid4

from tests.integration.api.access.test_access import ORDINARY, SHARED, open_sale
from tests.integration.api.conftest import StartApi
from tests.support.api.api_client import Answer

MOST, ASKED = 4, 60


async def test_a_customer_books_so_many_places_of_all_slots(start_api: StartApi) -> None:
    """3,600 bookings in 20 s filled a month: other phones, days and keys make no difference, nor does one slot."""
    sale = await open_sale(await start_api(auth="jwt", jwt_secret=SHARED))
    schedule = {"times": ["08:00", "13:30"], "capacity": 20}
    body = {**ORDINARY, "max_per_customer": MOST, "schedule": schedule}
    path = f"/v1/events/{(await sale.ask('manager', 'POST', '/v1/events', body)).body['id']}/bookings"

    async def book(number: int, asker: str = "owner", **fields: str) -> Answer:
        day, time = f"2027-09-{number % 30 + 1:02}", schedule["times"][number % 2]  # type: ignore[index]
        wish = {"first_name": "M", "last_name": "R", "phone_number": f"{9_000_000_000 + number}", "date": day}
        headers = {"Idempotency-Key": str(uuid4())}
        return await sale.ask(asker, "POST", path, wish | {"time": time} | fields, headers=headers)

    answers = await asyncio.gather(*(book(number) for number in range(ASKED)))
    assert sorted(answer.status for answer in answers) == [201] * MOST + [409] * (ASKED - MOST)
    assert {answer.code for answer in answers if answer.status == 409} == {"limit_exceeded"}
    same_slot = [await book(500, "other", date="2027-10-01", time="08:00") for _ in range(MOST + 1)]
    assert [answer.status for answer in same_slot] == [201] * MOST + [409]
    by_service = [await book(0, "service", phone_number="+48123456789") for _ in range(MOST + 1)]
    assert [answer.status for answer in by_service] == [201] * MOST + [409], (
        "the phone number counts, without a customer too"
    )
    first = next(answer.body for answer in answers if answer.status == 201)
    assert (await sale.ask("owner", "DELETE", f"{path}/{first['id']}")).status == 204
    assert (await book(5)).status == 201
    held = {"items": [{"ticket_id": sale.general, "quantity": 1}]}
    assert (await sale.ask("owner", "POST", "/v1/reservations", held)).status == 201, "another event"
