"""Views of waiting rooms: pauses between questions, and the time until a turn."""

from msgspec.structs import replace

from api.queue.views import audit_view, place_view, queue_view
from engine.results.waiting_rooms import Placed, QueueState
from engine.words import QueuePhase

STATE = QueueState(
    now_ms=1_811_872_800_000,
    phase=QueuePhase.SERVING,
    reason="",
    joined=101_730,
    cohort=98_211,
    serving=4_120,
    inside=1_800,
    idle=40,
    commitment="9f",
    secret="5e",
    digest="d1",
    seed="c4",
    per_minute=2_870,
    max_inside=0,
    message="",
    next_return_ms=0,
    no_show=100,
    position="1-1",
)
PLACED = Placed(
    now_ms=1_811_872_800_000,
    replayed=True,
    index=48_211,
    position=15_044,
    ahead=10_924,
    until_ms=0,
    wait_ms=240_000,
    longest_ms=400_000,
)


def test_a_hundred_thousand_ask_every_ten_seconds_and_few_every_second() -> None:
    assert queue_view(7, STATE).poll_after_ms == (8_000, 12_000)
    assert queue_view(7, replace(STATE, serving=101_720)).poll_after_ms == (800, 1_201)


def test_before_the_draw_nothing_of_it_is_public() -> None:
    gathering = replace(STATE, phase=QueuePhase.GATHERING, cohort=-1, secret="", digest="", seed="")
    view = queue_view(7, gathering)
    assert (view.cohort, view.seed, view.reason) == (None, None, None)
    audit = audit_view(7, gathering)
    assert (audit.commitment, audit.secret, audit.cohort, audit.digest, audit.seed) == ("9f", None, None, None, None)
    place = place_view(7, "22", replace(PLACED, position=-1, ahead=-1))
    assert (place.position, place.ahead, place.expected.p50, place.expected.p90) == (None, None, None, None)


def test_a_turn_is_expected_when_the_engine_says() -> None:
    place = place_view(7, "22", PLACED)
    assert (place.expected.p50, place.expected.p90) == ("2027-06-01T18:04:00Z", "2027-06-01T18:06:40Z")
    paused = place_view(7, "22", replace(PLACED, wait_ms=-1, longest_ms=-1))
    assert (paused.position, paused.expected.p50, paused.expected.p90) == (15_044, None, None)
