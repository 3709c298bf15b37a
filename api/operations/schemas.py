"""Answers about the health of the process."""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from engine.client import Topology


class Health(msgspec.Struct, frozen=True):
    """The process is alive."""

    status: Literal["ok"]


class Partitions(msgspec.Struct, frozen=True):
    """Partitions of a cluster. Those that are `away` sell nothing; the others do."""

    away: list[int]


class Readiness(msgspec.Struct, frozen=True):
    """The process can sell; without Postgres the catalogue cannot be edited. `partitions`: of a cluster.

    `topology`: what is behind `ONSALE_REDIS_URL`.
    """

    status: Literal["ready"]
    redis: Literal["ok"]
    postgres: Literal["ok", "away"]
    topology: Topology
    partitions: Partitions | UnsetType = UNSET
