"""Hypothesis plays random sales against the pure model and a real server; they agree after every step."""

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from msgspec.structs import replace

from engine.settings import Settings
from tests.integration.inventory.machine import PARTITIONS, Sales
from tests.integration.inventory.world import World

RUNS, STEPS = 300, 60


def test_server_and_model_agree_after_every_step(own_server: Settings) -> None:
    small = replace(own_server, partitions=PARTITIONS, sweep_slice=2)
    with World(small) as world:
        run_state_machine_as_test(
            lambda: Sales(world),
            settings=settings(
                max_examples=RUNS,
                stateful_step_count=STEPS,
                derandomize=True,
                deadline=None,
                print_blob=True,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
