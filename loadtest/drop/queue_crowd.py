"""The locustfile of people who go through a waiting room: they join, wait, enter when it is their turn, and buy.

Started by loadtest.drop, like crowd.py, from which the scene and its shape are taken.
"""

import random
from typing import Any

import gevent

from engine.waiting_rooms import position_of
from loadtest.drop.crowd import Drop, Person
from loadtest.drop.observations import ObservedPlace

_SECOND_TAB_SHARE = 0.1
_ABSENT_SHARE = 0.15
_TOLD_WITHIN_SECONDS = 15.0
"""The time in which everybody learns that it is over: the longest pause of a page, and a little."""

_HOLDS_IN_A_ROW = 5
"""The last places may be held and abandoned by one customer after the other."""


class Gathering(Drop):
    """Most come before the sale opens, because the order in which they come counts for nothing."""

    def arrived(self, seconds: float) -> int:
        """The number of people who have come by then."""
        return self.scene.size.gathered(seconds)

    def ended(self, seconds: float) -> bool:
        """True once all have heard that it is over, or would have waited for several holds of others in vain."""
        size = self.scene.size
        told = [place.told_over_at_seconds for place in self.scene.places.values() if place.told_over_at_seconds >= 0]
        if told and self.scene.now > min(told) + _TOLD_WITHIN_SECONDS:
            return True
        return seconds > size.longest + _HOLDS_IN_A_ROW * size.hold_seconds


class Waiter(Person):
    """Takes a place, waits with the shared document alone, and buys once inside; or learns that it is over."""

    def story(self) -> None:
        """Joins, waits, enters, buys."""
        stage = self.scene.stage
        self.queue = f"/v1/events/{stage.general_event}/queue"
        self.who = f"?customer_id={self.customer}"
        place = self._joined()
        if place is None or place.absent:
            return
        while True:
            answer = self.ask("GET", self.queue, "queue")
            pause_ms = (1000, 3000)
            if answer.status == 200:
                shared = answer.body
                pause_ms = tuple(shared["poll_after_ms"])
                if shared["phase"] == "over":
                    place.told_over_at_seconds = self.scene.now
                    return
                if self._is_its_turn(place, shared) and self._entered(place) and self._bought(place):
                    return
            gevent.sleep(random.uniform(*pause_ms) / 1000)

    def _joined(self) -> ObservedPlace | None:
        """The place, which a reload and a second tab show as well."""
        answer = self.insist("POST", f"{self.queue}{self.who}", "join")
        if answer.status not in (200, 201):
            return None
        place = ObservedPlace(self.customer, self.scene.now, [answer.body["index"]])
        self.scene.places[self.customer] = place
        place.absent = random.random() < _ABSENT_SHARE
        if random.random() < _SECOND_TAB_SHARE:
            again = self.insist("POST", f"{self.queue}{self.who}", "join again")
            if again.status == 200:
                place.indexes.append(again.body["index"])
        return place

    def _is_its_turn(self, place: ObservedPlace, shared: dict[str, Any]) -> bool:
        if shared["seed"] is None:
            return False
        if place.position < 0:
            place.position = position_of(place.indexes[0], shared["cohort"], shared["seed"])
        return bool(shared["phase"] == "serving" and place.position < shared["serving"])

    def _entered(self, place: ObservedPlace) -> bool:
        answer = self.insist("POST", f"{self.queue}/enter{self.who}", "enter")
        if answer.status != 200:
            return False
        if place.entered_at_seconds < 0:
            place.entered_at_seconds = self.scene.now
        place.indexes.append(answer.body["index"])
        if answer.body["position"] != place.position:
            place.wrong_positions.append(answer.body["position"])
        return True

    def _bought(self, place: ObservedPlace) -> bool:
        """True if the customer got something, paid for or not."""
        stage = self.scene.stage
        item = {"ticket_id": stage.general_ticket, "quantity": random.choice([1, 1, 2, 2, 2, 4])}
        answer = self.take(stage.general_event, item)
        if answer.code == "sold_out" and item["quantity"] > 1:
            answer = self.take(stage.general_event, item | {"quantity": 1})
        if answer.status != 201:
            return False
        place.held = True
        self.conclude(self.scene.observed[answer.body["id"]], answer.body["total"]["amount"])
        return True

    def before_cancel(self) -> None:
        """Gives up the place first: nobody is promised what a customer gave back who goes home."""
        self.scene.places[self.customer].left = True
        self.insist("DELETE", f"{self.queue}/place{self.who}", "leave")
