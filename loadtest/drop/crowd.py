"""The locustfile: people as they are in a drop. Started by loadtest.drop; importing Locust changes the whole process.

What each was told goes into one `Told`, which is written when Locust quits and judged by a process that has no Locust.
"""

import itertools
import logging
import os
import random
import time
import uuid
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, NamedTuple

import gevent
import msgspec
from locust import FastHttpUser, LoadTestShape, events, task
from locust.env import Environment

from loadtest.bench.cpu import used_by_everybody
from loadtest.drop.dashboard import add_stock_tab
from loadtest.drop.fixtures import Stage
from loadtest.drop.observations import (
    Booked,
    ClientLoad,
    ObservedPlace,
    ObservedReservation,
    Outcome,
    Request,
    Told,
    outcome_of,
)
from loadtest.drop.page_access import for_loopback_alone, with_login
from loadtest.drop.sizes import SIZES, Size

STAGE = "ONSALE_DROP_STAGE"
SIZE = "ONSALE_DROP_SIZE"
TOLD = "ONSALE_DROP_TOLD"
TOKEN = "ONSALE_DROP_TOKEN"  # noqa: S105  # the name of a variable
SYNC_METRICS = "ONSALE_DROP_SYNC_METRICS"
UI_PASSWORD = "ONSALE_DROP_UI_PASSWORD"  # noqa: S105  # the same
"""Variables that tell the crowd what it needs."""

_TRIES = 20
_AT_HOME_SECONDS = 86_400.0
_NUMBERS = itertools.count(1)
_FIRST_ADDRESS = IPv4Address("198.18.0.0")
"""The first address for benchmarks (RFC 2544), of 131,072."""


_WATCH_SECONDS = 1.0
_PARSER = msgspec.json.Decoder(dict[str, Any])


class Answer(NamedTuple):
    """An answer; status 0: none came. `code` is that of a problem, else empty."""

    status: int
    content: bytes
    code: str
    outcome: Outcome
    retry_after_seconds: float = 0.0

    @property
    def body(self) -> dict[str, Any]:
        """The body, parsed on first use: most answers are never looked at."""
        return _PARSER.decode(self.content)


class SeatStatus(msgspec.Struct):
    """The availability of a seat."""

    name: str


class Seat(msgspec.Struct):
    """A seat, as somebody who chooses seats sees it."""

    seat_id: int
    status: SeatStatus


class SeatMap(msgspec.Struct):
    """All seats of a section. Most bytes of a drop are these, so no more of them is parsed than is looked at."""

    items: list[Seat]

    def free(self) -> list[int]:
        """The free seats."""
        return [seat.seat_id for seat in self.items if seat.status.name == "available"]


_MAP_PARSER = msgspec.json.Decoder(SeatMap)


class Scene:
    """The shared state of all people of this process: the stage, its clock, and all answers."""

    def __init__(self) -> None:
        self.size: Size = SIZES[os.environ[SIZE]]
        self.stage = Stage.read(Path(os.environ[STAGE]))
        self.began = time.monotonic()
        opens_in = self.stage.opens_ms / 1000 - time.time()
        self.told = Told(opens_in, [], [], [], [])
        self.requests: list[Request] = []
        self.observed: dict[str, ObservedReservation] = {}
        self.bookings: dict[str, Booked] = {}
        self.strains: list[ClientLoad] = []
        self.places: dict[str, ObservedPlace] = {}

    @property
    def now(self) -> float:
        """Seconds since the crowd began."""
        return time.monotonic() - self.began

    @property
    def until_opening(self) -> float:
        """Seconds to the opening of the sale; negative afterwards."""
        return self.told.opened_at_seconds - self.now

    def watch_ourselves(self) -> None:
        """Writes down, forever, how hard this process and its machine work (ClientLoad)."""
        cores = os.cpu_count() or 1
        while True:
            began, used, all_used = time.monotonic(), time.process_time(), used_by_everybody()
            gevent.sleep(_WATCH_SECONDS)
            took = time.monotonic() - began
            share = (time.process_time() - used) / took
            machine_share = (used_by_everybody() - all_used) / took / cores
            self.strains.append(ClientLoad(self.now, share, machine_share, (took - _WATCH_SECONDS) * 1000))

    def write(self, path: Path) -> None:
        """Write all answers to a file."""
        observed, bookings = list(self.observed.values()), list(self.bookings.values())
        places = list(self.places.values())
        Told(self.told.opened_at_seconds, self.requests, observed, bookings, self.strains, places).write(path)


class Person(FastHttpUser):
    """Somebody who lives one story and then goes home; users that Locust would start again come to no second drop."""

    abstract = True
    scene: Scene
    network_timeout = 20.0
    connection_timeout = 20.0

    def on_start(self) -> None:
        """Gets a name, and an address of its own where a proxy tells addresses, as a crowd has them."""
        number = next(_NUMBERS)
        self.customer = f"rehearsal-{self.scene.stage.general_event}-{number}"
        token = os.environ.get(TOKEN)
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.headers["X-Forwarded-For"] = str(_FIRST_ADDRESS + number)

    @task
    def live(self) -> None:
        """The story, once. Locust lets people in once a second, and they come at any time of it."""
        gevent.sleep(random.random())
        self.story()
        gevent.sleep(_AT_HOME_SECONDS)

    def story(self) -> None:
        """The actions of this person."""
        raise NotImplementedError

    def ask(self, method: str, path: str, name: str, body: Any = None, key: str = "") -> Answer:
        """One request. What is refused is counted apart from what is given, and both from errors."""
        headers = self.headers | ({"Idempotency-Key": key} if key else {})
        began = time.monotonic()
        with self.client.request(method, path, name=name, json=body, headers=headers, catch_response=True) as response:
            status, content = response.status_code, response.content or b""
            code = _code(content) if status >= 400 else ""
            retry_after = (response.headers or {}).get("Retry-After")
            outcome = outcome_of(status, code, retry_after=retry_after is not None)
            if outcome is Outcome.ERROR:
                response.failure(f"{status} {code or response.error}")
            else:
                response.success()
                if code:
                    response.request_meta["name"] = f"{name}: {code}"
        took_ms = (time.monotonic() - began) * 1000
        self.scene.requests.append(Request(self.scene.now, name, outcome, code, took_ms))
        return Answer(status, content, code, outcome, float(retry_after or 0))

    def insist(self, method: str, path: str, name: str, body: Any = None) -> Answer:
        """A request that takes something: repeated with its key until its outcome is known."""
        key = str(uuid.uuid4())
        answer = Answer(0, b"", "", Outcome.ERROR)
        for _ in range(_TRIES):
            answer = self.ask(method, path, name, body, key)
            if answer.outcome is Outcome.BUSY:
                gevent.sleep(answer.retry_after_seconds * random.uniform(1.0, 1.5))
            elif answer.status == 0 or answer.status >= 500:
                gevent.sleep(random.uniform(0.2, 1.0))
            else:
                return answer
        return answer

    def wait_for_opening(self, event_id: int) -> None:
        """Watches the countdown, more and more impatiently, and comes a moment early, on time or late.

        Nobody asks more than once a second: until then a browser has its answer (Cache-Control of availability).
        """
        while (left := self.scene.until_opening) > 0:
            self.ask("GET", f"/v1/events/{event_id}/availability", "availability")
            pause = random.uniform(1.0, 3.0) if left > 5 else random.uniform(1.0, 1.5)
            gevent.sleep(min(pause, left + random.uniform(-0.02, 0.3)) if left < pause else pause)

    def hesitate(self) -> None:
        """Looks for the card."""
        gevent.sleep(random.expovariate(1 / 3.0))

    def conclude(self, taking: ObservedReservation, amount_minor: int) -> None:
        """Pays, most often; or goes away without a word; or gives back."""
        self.hesitate()
        path = f"/v1/reservations/{taking.reservation_id}"
        chance = random.random()
        if chance < 0.07:
            return
        if chance < 0.10:
            self.before_cancel()
            answer = self.insist("DELETE", path, "cancel")
            taking.state = "cancelled" if answer.status == 204 else "unknown"
            return
        tokens = ["card_error", "tok_visa"] if chance < 0.15 else ["tok_visa"]
        for token in tokens:
            taking.state = "unknown"
            payment = {"amount": amount_minor, "currency": "EUR", "payment_token": token}
            answer = self.insist("POST", f"{path}/pay", "pay", payment)
            if answer.status == 200:
                taking.state = "paid"
            elif answer.status == 402:
                taking.state = "held"

    def before_cancel(self) -> None:
        """Actions of a person who is about to give places back; none by default."""

    def take(self, event_id: int, item: dict[str, Any]) -> Answer:
        """Asks for places; what is given is written down before anything else."""
        body = {"items": [item], "customer": {"id": self.customer}}
        answer = self.insist("POST", "/v1/reservations", "hold", body)
        if answer.status == 201:
            (line,) = answer.body["items"]
            seat_ids = [seat["seat_id"] for seat in line["seats"]]
            rid = answer.body["id"]
            self.scene.observed[rid] = ObservedReservation(
                rid, event_id, item["ticket_id"], line["quantity"], seat_ids, "held"
            )
        return answer


class Buyer(Person):
    """Wants one or two of places that are all alike, and keeps looking when they are gone."""

    weight = 16

    def story(self) -> None:
        """Counts down, holds, pays; or refreshes in hope of what others give back."""
        stage = self.scene.stage
        self.wait_for_opening(stage.general_event)
        places = random.choice([1, 1, 2, 2, 2, 4])
        while True:
            answer = self.take(stage.general_event, {"ticket_id": stage.general_ticket, "quantity": places})
            if answer.status == 201:
                self.conclude(self.scene.observed[answer.body["id"]], answer.body["total"]["amount"])
                return
            if answer.code not in {"sold_out", "not_on_sale_yet"}:
                return
            places = 1
            self._refresh_until_something_is_left()

    def _refresh_until_something_is_left(self) -> None:
        stage = self.scene.stage
        while True:
            gevent.sleep(random.uniform(1.0, 4.0))
            answer = self.ask("GET", f"/v1/events/{stage.general_event}/availability", "availability")
            if answer.status == 200 and answer.body["tickets"][0]["available"] > 0:
                return


class SeatPicker(Person):
    """Chooses on the map, and again when somebody was faster."""

    weight = 3

    def story(self) -> None:
        """Looks at the map, holds two seats of it, pays."""
        stage = self.scene.stage
        self.wait_for_opening(stage.seated_event)
        for _ in range(_TRIES):
            seats = self.ask("GET", f"/v1/events/{stage.seated_event}/sections/{stage.section}/seats", "seat map")
            free = _MAP_PARSER.decode(seats.content).free() if seats.status == 200 else []
            if not free:
                gevent.sleep(random.uniform(1.0, 4.0))
                continue
            gevent.sleep(random.expovariate(1 / 1.5))
            first = random.randrange(len(free))
            item = {"ticket_id": stage.seated_ticket, "seat_ids": free[first : first + 2]}
            answer = self.take(stage.seated_event, item)
            if answer.status == 201:
                self.conclude(self.scene.observed[answer.body["id"]], answer.body["total"]["amount"])
                return


class Visitor(Person):
    """Books a free slot by name and phone, moves it, and sometimes gives it back."""

    weight = 1

    def story(self) -> None:
        """Books, moves, perhaps deletes."""
        stage = self.scene.stage
        self.wait_for_opening(stage.timed_event)
        path = f"/v1/events/{stage.timed_event}/bookings"
        body = {
            "first_name": "Milind",
            "last_name": "Rao",
            "phone_number": f"{random.randrange(10**10):010}",
            "date": stage.date,
        }
        made = self.insist("POST", path, "book", body | {"time": random.choice(stage.times)})
        if made.status != 201:
            return
        booked = Booked(made.body["id"], stage.timed_event, _slot(made))
        self.scene.bookings[booked.booking_id] = booked
        self.hesitate()
        mine = f"{path}/{booked.booking_id}"
        before, booked.slot = booked.slot, "?"
        moved = self.insist("PATCH", mine, "move", {"time": random.choice(stage.times)})
        if moved.status == 200:
            booked.slot = _slot(moved)
        elif moved.code == "slot_full":
            booked.slot = before
        if random.random() < 0.1:
            before, booked.slot = booked.slot, "?"
            if self.insist("DELETE", mine, "delete booking").status == 204:
                booked.slot = ""


class Drop(LoadTestShape):
    """Quiet, countdown, burst, tail."""

    scene: Scene

    def tick(self) -> tuple[int, float] | None:
        """The number of people who have come by now; None when everybody must leave."""
        seconds = self.get_run_time()  # type: ignore[no-untyped-call]  # of Locust
        if self.ended(seconds):
            return None
        arrived = self.arrived(seconds)
        return arrived, max(1.0, float(arrived))

    def ended(self, seconds: float) -> bool:
        """True once everybody must leave."""
        return seconds > self.scene.size.longest

    def arrived(self, seconds: float) -> int:
        """The number of people who have come by then."""
        return self.scene.size.arrived(seconds)


def _slot(answer: Answer) -> str:
    return f"{answer.body['date']} {answer.body['time']}"


def _code(content: bytes) -> str:
    """The code of a problem; empty for an answer that is none."""
    try:
        return str(_PARSER.decode(content).get("code", ""))
    except ValueError:
        return ""


@events.init.add_listener  # type: ignore[untyped-decorator]  # of Locust
def _set_scene(environment: Environment, **_: Any) -> None:
    scene = Scene()
    Person.scene = Drop.scene = scene
    gevent.spawn(scene.watch_ourselves)
    # Its tables know nothing of refusals, or of the first seconds; ours come in the end.
    logging.getLogger("locust.stats_logger").disabled = True
    if environment.web_ui is not None:
        page: Any = environment.web_ui.app  # a Flask, whose application is meant to be wrapped
        password = os.environ.get(UI_PASSWORD, "")
        page.wsgi_app = with_login(page.wsgi_app, password) if password else for_loopback_alone(page.wsgi_app)
    add_stock_tab(environment, scene.stage, os.environ.get(SYNC_METRICS, ""), lambda: list(scene.observed.values()))


@events.quitting.add_listener  # type: ignore[untyped-decorator]  # of Locust
def _write_down(environment: Environment, **_: Any) -> None:
    Person.scene.write(Path(os.environ[TOLD]))
