"""Failures of a cluster of three primaries with two replicas each, while customers buy: nothing acknowledged is lost.

The suite runs some failures once. `make failover` runs each of them 20 times, and judges how long they took.
"""

import asyncio
import os
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from cli.dev.embedded_cluster import EmbeddedCluster
from engine.redis_keys import slot_of, spread_keys
from engine.settings import Settings
from tests.integration.api.conftest import GatewayLedger, StartApi
from tests.support.cluster.apart import apart
from tests.support.cluster.failures import FAILURES, fourth_primary, hits
from tests.support.cluster.figures import late, table
from tests.support.cluster.moves import add_replicas
from tests.support.cluster.network import Network, cluster_in_network
from tests.support.cluster.partitions import CUTS, FAR, cut_off_with_a_replica
from tests.support.cluster.sale import PATIENT, Happening, Sale
from tests.support.effort import LONG, effort
from tests.support.invariants import check_invariants

TIMES = int(os.environ.get("FAILOVER_TIMES", "1"))
SEED = int(os.environ.get("FAILOVER_SEED") or "1")
_NODE_TIMEOUT_MS = 1000
_BACK_WITHIN_SECONDS = _NODE_TIMEOUT_MS / 1000 + 2
_PARTITIONS = 6
_USUAL = ("kill", "freeze", "hand over", "move by keys")
"""Each is another way to lose a primary. `make soak` and `make failover` have all."""

StartSale = Callable[[str], Sale]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[EmbeddedCluster]:
    """With a fourth primary, which has no slots yet, and its replicas."""
    with EmbeddedCluster(
        tmp_path / "cluster", tmp_path, 3, 2, spares=3, password="secret", node_timeout_ms=_NODE_TIMEOUT_MS
    ) as cluster:
        fourth = fourth_primary(cluster)
        add_replicas(cluster, fourth, fourth + 1, fourth + 2)
        yield cluster


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    if sys.platform != "linux":
        pytest.skip("nodes call from addresses of their own, which only Linux has on loopback")
    with cluster_in_network(tmp_path, 3, 2, _NODE_TIMEOUT_MS) as network:
        yield network


@pytest.fixture
def start_sale(shop: Settings, sync_url: str, start_api: StartApi) -> StartSale:
    """A sale on the cluster with this URL."""

    def start(redis_url: str) -> Sale:
        settings = replace(shop, redis_url=redis_url, replica_acks=1, partitions=_PARTITIONS, **PATIENT)
        return Sale(settings, sync_url, start_api, SEED)

    return start


def happenings(failures: Mapping[str, Any], where: Any, cluster: EmbeddedCluster, times: int) -> list[Happening]:
    """Each failure that many times, in the order of the seed, each to a slot that the seed chooses."""
    chance = random.Random(SEED)  # noqa: S311  # a seed to play it again
    slots = [slot_of(keys.meta) for keys in spread_keys(_PARTITIONS)]
    names = [name for _ in range(times) for name in failures]
    chance.shuffle(names)
    chosen = [(name, chance.choice(slots)) for name in names]
    return [
        Happening(name, partial(failures[name], where, slot), partial(apart, hits, cluster.seen, slots, slot, name))
        for name, slot in chosen
    ]


async def judge(sale: Sale, found: list[str], ledger: GatewayLedger, cluster: EmbeddedCluster) -> None:
    """Nothing is lost. Where each failure came often, the time that they took is judged too."""
    history = sale.history
    print(f"\n{dict(history.acknowledged)} {dict(history.statuses)}")  # noqa: T201  # figures of the run
    print(table(sale.figures))  # noqa: T201  # figures of the run
    assert found == []
    assert sale.lost_alarms == 0
    assert 500 not in history.statuses
    assert all(history.acknowledged[kind] for kind in ("held", "paid", "cancelled", "completed", "booked"))
    charged, sold = await sale.charged_and_sold(ledger)
    assert charged == sold, "each sale was charged once, and nothing else was"
    await asyncio.to_thread(check_invariants, cluster.url, 1000)
    if TIMES > 1:
        assert late(sale.figures, _BACK_WITHIN_SECONDS) == []


@pytest.mark.timeout(600 * TIMES)
async def test_nothing_acknowledged_is_lost_whatever_fails(
    start_sale: StartSale, cluster: EmbeddedCluster, ledger: GatewayLedger
) -> None:
    sale = start_sale(cluster.url)
    failures = {name: FAILURES[name] for name in effort(_USUAL, tuple(FAILURES))}
    found = await sale.run(happenings(failures, cluster, cluster, TIMES))
    await judge(sale, found, ledger, cluster)


@pytest.mark.timeout(600 * TIMES)
async def test_nothing_acknowledged_is_lost_with_clients_on_both_sides_of_a_partition(
    start_sale: StartSale, network: Network, ledger: GatewayLedger
) -> None:
    sale = start_sale(network.url("near"))
    cuts = dict(islice(CUTS.items(), effort(1, None)))
    found = await sale.run(happenings(cuts, network, network.cluster, TIMES), far_url=network.url(FAR))
    await judge(sale, found, ledger, network.cluster)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("acks", [1, pytest.param(2, marks=LONG)])
async def test_a_replica_that_is_cut_off_with_its_primary_confirms_what_is_lost(
    start_sale: StartSale, network: Network, acks: int
) -> None:
    """The limit of `ONSALE_REPLICA_ACKS=1` (docs/scaling.md), and the control: the history sees far customers lose.

    As many acks as there are replicas lose nothing.
    """
    sale = start_sale(network.url("near"))
    sale.settings, sale.history.loses = replace(sale.settings, replica_acks=acks), acks == 1
    cuts = happenings({"cut off with a replica": cut_off_with_a_replica}, network, network.cluster, 1)
    found = await sale.run(cuts, audits=acks > 1, far_url=network.url(FAR))
    assert bool(found) == (acks == 1), found
    assert bool(sale.lost_alarms) == (acks == 1), "the API that was answered on the far side tells of it"


@pytest.mark.timeout(300)
async def test_without_acknowledging_replicas_a_failover_loses_sales_and_the_history_shows_it(
    start_sale: StartSale, cluster: EmbeddedCluster
) -> None:
    """The negative control."""
    sale = start_sale(cluster.url)
    sale.settings, sale.history.loses = replace(sale.settings, replica_acks=0), True
    failure = {"kill with stalled replicas": FAILURES["kill with stalled replicas"]}
    with capture_logs() as logs:
        found = await sale.run(happenings(failure, cluster, cluster, 1), audits=False)
    assert found, "nothing was lost, so the history cannot see it"
    assert any(line["event"] == "outbox_broken" for line in logs), "the loss is not silent"
    assert sale.lost_alarms, "nor is it where the outbox had not been read"
