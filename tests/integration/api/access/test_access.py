"""Rights of callers (tests/support/api/expected_access.py), and other answers that depend on the caller."""

import pytest

from api.access.callers import Role
from api.routes import ROUTES
from engine.settings import Settings
from tests.integration.api.conftest import StartApi
from tests.support.api.api_client import Answer, Front, Json, order, ticket
from tests.support.api.expected_access import ASKERS, CALLS, MATRIX, OTHER, OWNER, Sale

SHARED = "a secret of thirty-two bytes or more"
WATCHER = "a token that is for metrics alone"
_LIST_PATIENCE_MS = 20
"""Patience of lists where no worker runs."""
ORDINARY = {
    "name": "Big event",
    "starts_at": "2027-06-01T18:00:00Z",
    "status": "on_sale",
    "max_per_customer": 10_000,
}


@pytest.fixture
async def sale(start_api: StartApi) -> Sale:
    return await guarded_sale(start_api)


@pytest.fixture
async def sale_without_worker(start_api: StartApi) -> Sale:
    return await guarded_sale(start_api, list_patience_ms=_LIST_PATIENCE_MS)


async def guarded_sale(start_api: StartApi, **changes: int) -> Sale:
    front = await start_api(
        auth="jwt", jwt_secret=SHARED, metrics_token=WATCHER, shop=True, unsigned_callbacks=True, **changes
    )
    return await open_sale(front)


async def open_sale(front: Front) -> Sale:
    settings = Settings(jwt_secret=SHARED)
    boss = Sale(front, settings, {"id": 0, "tickets": [{"id": 0}, {"id": 0}]}, {"id": 0}, {}, [])
    rows = [{"name": "A", "seats": 100}]
    venue = (
        await boss.ask("manager", "POST", "/v1/venues", {"name": "Hall", "sections": [{"name": "S", "rows": rows}]})
    ).body
    stalls = {"ticket_type": "Stalls", "price": ticket("", 1)["price"], "section_ids": [venue["sections"][0]["id"]]}
    body = {**ORDINARY, "venue_id": venue["id"], "tickets": [ticket("Regular", 1000), stalls]}
    event = (await boss.ask("manager", "POST", "/v1/events", body)).body
    sections = (await boss.ask("nobody", "GET", f"/v1/venues/{venue['id']}/sections")).body["items"]
    seats = [seat["id"] for row in sections[0]["rows"] for seat in row["seats"]]
    schedule = {"times": ["13:30"], "capacity": 100}
    timed = (await boss.ask("manager", "POST", "/v1/events", {**ORDINARY, "schedule": schedule})).body
    room = {"waiting_room": {"opens_at": "2026-06-01T18:00:00Z"}, "tickets": [ticket("Regular", 100)]}
    waiting = (await boss.ask("manager", "POST", "/v1/events", ORDINARY | room)).body
    terms = {"waiting_list": {}, "tickets": [ticket("Regular", 1) | {"paused": True}], "max_per_customer": 1000}
    full = (await boss.ask("manager", "POST", "/v1/events", ORDINARY | terms)).body
    return Sale(front, settings, event, timed, venue, seats, waiting["id"], full)


def test_every_route_is_in_the_matrix() -> None:
    routes = [f"{route.method} {route.path}" for route in ROUTES]
    assert sorted(MATRIX) == sorted(routes)
    assert sorted(CALLS) == sorted(routes)
    assert {len(row) for row in MATRIX.values()} == {len(ASKERS)}


def test_the_matrix_refuses_roles_that_a_route_does_not_list() -> None:
    for route in ROUTES:
        expected = dict(zip(ASKERS, MATRIX[f"{route.method} {route.path}"], strict=True))
        if route.roles is None:
            assert set(expected.values()) == {302 if route.path == "/" else 200}
            continue
        assert expected["nobody"] == 401
        for asker, role in {"owner": Role.CUSTOMER, "other": Role.CUSTOMER, "service": Role.SERVICE}.items():
            assert (role in route.roles) or expected[asker] == 403, route


async def test_the_matrix(sale_without_worker: Sale) -> None:
    sale, wrong = sale_without_worker, []
    for name, expected in MATRIX.items():
        method, call = name.split()[0], await CALLS[name](sale)
        for asker, status in zip(ASKERS, expected, strict=True):
            answered = await sale.status(asker, method, call)
            if answered != status:
                wrong.append((name, asker, status, answered))
            if answered < 300 and method != "GET":
                call = await CALLS[name](sale)  # about what nothing was done to
    assert wrong == []


async def test_with_authentication_off_everybody_may_do_everything(start_api: StartApi) -> None:
    """The negative control: the same calls without a token, on a server that wants none."""
    tokens = (await open_sale(await start_api(auth="jwt", jwt_secret=SHARED))).tokens
    sale = await open_sale(await start_api(list_patience_ms=_LIST_PATIENCE_MS))
    sale.tokens |= dict.fromkeys(tokens, "whatever")
    for name, expected in ((name, expected) for name, expected in MATRIX.items() if 401 in expected):
        # The event of the matrix is not cancelled, and places of it are taken.
        refused = expected[ASKERS.index("manager")] == 409
        status = await sale.status("nobody", name.split()[0], await CALLS[name](sale))
        assert status == 409 if refused else status < 300, name


async def test_a_customer_need_not_say_who_it_is(sale: Sale) -> None:
    body = {"items": order((sale.general, 1))["items"]}
    customers: list[Json] = [{}, {"id": OWNER}, {"first_name": "Islom"}]
    for more in ({}, *({"customer": customer} for customer in customers)):
        made = await sale.ask("owner", "POST", "/v1/reservations", body | more)
        assert (made.status, made.body["customer"]["id"]) == (201, OWNER)
    for asker in ("service", "manager"):
        refused = await sale.ask(asker, "POST", "/v1/reservations", body)
        assert (refused.code, refused.body["fields"][0]["path"]) == ("invalid", "customer")
        refused = await sale.ask(asker, "POST", "/v1/reservations", body | {"customer": {"first_name": "Islom"}})
        assert (refused.code, refused.body["fields"][0]["path"]) == ("invalid", "customer.id")


async def test_refused_requests_change_nothing(sale: Sale) -> None:
    path = await sale.paid()
    held = await sale.held()
    for asker in ("other", "of_another"):
        for method, where, body in (
            ("DELETE", held, None),
            ("POST", f"{held}/pay", {"amount": 2500, "currency": "EUR", "payment_token": "tok_visa"}),
            ("POST", f"{path}/refund", {"restock": True}),
        ):
            assert (await sale.ask(asker, method, where, body)).status in (403, 404)
    assert (await sale.ask("owner", "GET", held)).body["status"] == "held"
    assert (await sale.ask("owner", "GET", path)).body["status"] == "paid"


async def test_others_things_look_like_missing_things(sale: Sale) -> None:
    held, (cart, _), payment, charged = await sale.held(), await sale.cart(), await sale.booked(), await sale.charged()
    nothing = f"{sale.event['id']}-AAAAAAAAAAAAAAAA"
    for path, none in (
        (held, f"/v1/reservations/{nothing}"),
        (payment, "/v1/payments/pay-AAAAAAAAAAAAAAAA"),
        (charged, f"/v1/payments/pay-{nothing}-AAAAAAAAAAAAAAAA"),
        (charged, f"{charged[:-16]}{'A' * 16}"),
    ):
        assert (await sale.ask("owner", "GET", path)).status == 200
        theirs, nobodys = await sale.ask("other", "GET", path), await sale.ask("other", "GET", none)
        assert (theirs.status, theirs.body) == (404, nobodys.body)
    assert (await sale.ask("of_another", "GET", charged)).status == 403
    unknown = cart[:-12] + "0" * 12
    theirs, nobodys = await sale.ask("other", "GET", cart), await sale.ask("other", "GET", unknown)
    assert theirs.body["detail"].replace(cart[-36:], "") == nobodys.body["detail"].replace(unknown[-36:], "")


async def test_lists_are_limited_to_the_callers_resources(sale: Sale, sync: None) -> None:
    held = (await sale.held()).rsplit("/", 1)[1]
    theirs = await sale.ask("other", "POST", "/v1/reservations", order((sale.general, 1), customer=OTHER))

    async def listed(asker: str) -> list[str]:
        answer = await sale.ask(asker, "GET", "/v1/reservations")
        return [one["id"] for one in answer.body["items"]]

    assert await listed("owner") == [held]
    assert await listed("other") == [theirs.body["id"]]
    assert await listed("of_another") == []
    for asker in ("service", "manager", "of_event"):
        assert await listed(asker) == [theirs.body["id"], held]
    both = [sale.event["id"], sale.timed_id, sale.room_id, sale.full["id"]]
    for asker, events in {"manager": both, "of_event": both, "of_another": []}.items():
        rows = (await sale.ask(asker, "GET", "/v1/statistics/events")).body["items"]
        assert [row["event_id"] for row in rows] == events


async def test_a_cart_belongs_to_its_first_caller(sale: Sale) -> None:
    path, _ = await sale.cart()
    made = (await sale.ask("owner", "PUT", f"{path}/book")).body["payment_id"]
    (reservation,) = (await sale.ask("owner", "GET", f"/v1/payments/{made}")).body["reservations"]
    assert (await sale.ask("owner", "GET", f"/v1/reservations/{reservation}")).body["customer"]["id"] == OWNER
    for asker in ("owner", "other"):
        assert (await sale.ask(asker, "GET", f"/v1/reservations/{reservation}")).status == (
            200 if asker == "owner" else 404
        )


async def test_a_cart_is_discarded_by_its_owner_only(sale: Sale) -> None:
    path, _ = await sale.cart()
    theirs = await sale.ask("other", "DELETE", path)
    assert (theirs.status, theirs.code) == (404, "not_found")
    assert (await sale.ask("owner", "GET", path)).body["items"]
    for _ in range(2):
        assert (await sale.ask("owner", "DELETE", path)).status == 204


async def test_a_cart_that_a_service_began_is_no_customers(sale: Sale) -> None:
    path = "/v1/orders/carts/6f4e1a52-7c2b-4d7e-9a35-0d8c1f2b3a49"
    assert (await sale.ask("service", "POST", path, sale.item())).status == 200
    assert (await sale.ask("service", "POST", path, sale.item())).status == 200
    assert (await sale.ask("owner", "POST", path, sale.item())).status == 404
    assert len((await sale.ask("manager", "GET", path)).body["items"]) == 2


async def test_a_cart_with_an_event_of_others_is_not_for_a_manager_of_one(sale: Sale) -> None:
    other = {**ORDINARY, "tickets": [ticket("Regular", 9)]}
    event = (await sale.ask("manager", "POST", "/v1/events", other)).body
    path, _ = await sale.cart()
    more = {"event_id": event["id"], "price_id": event["tickets"][0]["id"], "quantity": 1}
    assert (await sale.ask("of_event", "POST", path, more)).status == 403
    assert len((await sale.ask("owner", "GET", path)).body["items"]) == 1
    await sale.ask("owner", "POST", path, more)
    for method, where, body in (("GET", path, None), ("POST", path, sale.item()), ("PUT", f"{path}/book", None)):
        assert (await sale.ask("of_event", method, where, body)).status == 403


async def test_an_idempotency_key_belongs_to_its_caller(sale: Sale) -> None:
    key = {"Idempotency-Key": "1"}
    body = {"items": order((sale.general, 1))["items"]}
    mine = await sale.ask("owner", "POST", "/v1/reservations", body, headers=key)
    theirs = await sale.ask("other", "POST", "/v1/reservations", body, headers=key)
    again = await sale.ask("owner", "POST", "/v1/reservations", body, headers=key)
    assert mine.body["id"] == again.body["id"] != theirs.body["id"]
    assert "Idempotency-Replayed" not in theirs.headers
    namesake = sale.token(Role.SERVICE, OWNER)
    other_role = {"Authorization": f"Bearer {namesake}"} | key
    third = await sale.front.call("POST", "/v1/reservations", body | {"customer": {"id": OWNER}}, headers=other_role)
    assert third.body["id"] != mine.body["id"]


async def test_a_repeat_is_not_answered_to_a_token_of_other_events(sale: Sale) -> None:
    """A manager whose rights were narrowed must not read by old keys what its token is not good for."""
    path, item = "/v1/orders/carts/0c0de0de-7c2b-4d7e-9a35-0d8c1f2b3a49", sale.item()
    hold = {"items": order((sale.general, 1))["items"], "customer": {"id": OWNER}}

    async def ask(events: list[int] | None, where: str, body: Json) -> Answer:
        token = sale.token(Role.MANAGER, "boss", events)
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "k"}
        return await sale.front.call("POST", where, body, headers=headers)

    for where, body, done in ((path, item, 200), ("/v1/reservations", hold, 201)):
        assert (await ask(None, where, body)).status == done
        again = await ask([sale.event["id"]], where, body)
        assert (again.status, "Idempotency-Replayed" in again.headers) == (done, True)
        assert (await ask([sale.timed_id], where, body)).status == 403


async def test_metrics_open_to_their_own_token(sale: Sale) -> None:
    client = sale.front.client
    for token, status in {WATCHER: 200, WATCHER[:-1]: 401, sale.tokens["manager"]: 200}.items():
        assert (await client.get("/metrics", headers={"Authorization": f"Bearer {token}"})).status == status
    refused = await sale.front.call("GET", "/v1/reservations", headers={"Authorization": f"Bearer {WATCHER}"})
    assert refused.status == 401


async def test_personal_answers_are_not_cached(sale: Sale) -> None:
    for name in ("GET /v1/reservations/{reservation_id}", "GET /v1/orders/carts/{cart_id}", "GET /v1/reservations"):
        path = (await CALLS[name](sale)).path
        for asker in ("owner", "other", "nobody"):
            assert (await sale.ask(asker, "GET", path)).headers["Cache-Control"] == "no-store"


async def test_the_service_of_a_signed_callback_needs_no_token(start_api: StartApi) -> None:
    """And with a token alone it is refused: who signs is the gateway."""
    front = await start_api(
        auth="jwt",
        jwt_secret=SHARED,
        callback_secrets="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLBYK",
    )
    sale = await open_sale(front)
    payment = await sale.booked()
    for asker in ("nobody", "manager"):
        refused = await sale.ask(asker, "POST", f"{payment}/complete")
        assert (refused.status, "signature of the callback" in refused.body["detail"]) == (401, True)
        assert "WWW-Authenticate" in refused.headers


async def test_a_token_alone_sells_nothing(start_api: StartApi) -> None:
    """Without secrets of callbacks, a service's token does not make a caller the gateway."""
    sale = await open_sale(await start_api(auth="jwt", jwt_secret=SHARED))
    payment = await sale.booked(charged=2500)
    for asker, outcome in (("service", "complete"), ("manager", "complete"), ("service", "failed")):
        refused = await sale.ask(asker, "POST", f"{payment}/{outcome}")
        assert (refused.status, "must be signed" in refused.body["detail"]) == (403, True)
    assert (await sale.ask("nobody", "POST", f"{payment}/complete")).status == 401
    assert (await sale.ask("owner", "GET", payment)).body["status"] == "pending"
