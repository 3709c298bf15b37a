"""Holds of one call that ask for the same: they go as columns, and come back as one result with short ones behind."""

from collections.abc import Sequence
from typing import Any

import msgspec

from engine.commands.command import Command
from engine.commands.holds import Hold
from engine.errors import EngineBug
from engine.records import CodeUse, Record
from engine.results.holds import Held
from engine.results.internal import Alike
from engine.results.result import Result


class AlikeHolds(msgspec.Struct, array_like=True, tag="alike_holds"):
    """Consecutive holds of a call that ask for the same, for other customers (lua/41_alike_holds.lua)."""

    event_id: int
    items: str
    hold_ms: int
    expected_minor: int
    reservation_ids: list[str]
    customer_ids: list[str]
    details: list[str]
    digests: list[str]
    """Of all holds, or empty: of those that have none."""
    keys: list[str]
    """Of idempotency: of all holds, or empty."""


class AlikeCodedHolds(AlikeHolds, array_like=True, tag="alike_coded_holds"):
    """The same under codes, each under its own or all under one.

    The word is another one: a library which does not know the column of codes would hold at ordinary prices.
    """

    codes: list[str]


def in_columns(commands: Sequence[Command[Any]]) -> list[Command[Any] | AlikeHolds]:
    """The commands of a call, with columns in place of holds that ask for the same, one after the other."""
    sent: list[Command[Any] | AlikeHolds] = []
    first: Hold | None = None
    columns: AlikeHolds | None = None
    for command in commands:
        if type(command) is Hold and first is not None and _are_alike(first, command):
            if columns is None:
                columns = sent[-1] = _columns_of(first)
            columns.reservation_ids.append(command.reservation_id)
            columns.customer_ids.append(command.customer_id)
            columns.details.append(command.details)
            if command.digest:
                columns.digests.append(command.digest)
            if command.key:
                columns.keys.append(command.key)
            if isinstance(columns, AlikeCodedHolds):
                columns.codes.append(command.code)
        else:
            sent.append(command)
            columns = None
            # There is no column for an address, or leave to exceed something.
            first = command if type(command) is Hold and _are_alike(command, command) else None
    return sent


def _are_alike(one: Hold, other: Hold) -> bool:
    """True if `other` may follow `one` in the same columns, which share all this and have nothing else."""
    return (
        one.items == other.items
        and one.event_id == other.event_id
        and one.hold_ms == other.hold_ms
        and one.expected_minor == other.expected_minor
        and (not one.digest) is (not other.digest)
        and (not one.key) is (not other.key)
        and (not one.code) is (not other.code)
        and not (other.address or other.over_limit or other.from_blocked)
    )


def _columns_of(hold: Hold) -> AlikeHolds:
    shared = hold.event_id, hold.items, hold.hold_ms, hold.expected_minor
    own = [hold.reservation_id], [hold.customer_id], [hold.details]
    some = [hold.digest] if hold.digest else [], [hold.key] if hold.key else []
    return AlikeCodedHolds(*shared, *own, *some, [hold.code]) if hold.code else AlikeHolds(*shared, *own, *some)


def write_out(results: list[Any], commands: Sequence[Command[Any]]) -> list[Result]:
    """The results of a call, with `Held` in place of each `Alike`. Changes the list.

    Their records share the lines with that of the hold that they are like. Raises EngineBug if there is no such hold.
    """
    for place, result in enumerate(results):
        if type(result) is Alike:
            like, command = results[result.number - 1], commands[place]
            if type(like) is not Held:
                raise EngineBug(f"result {place + 1} is said to be as result {result.number}, which is no hold")
            results[place] = Held(
                now_ms=like.now_ms,
                replayed=False,
                record=_record_for(command, like.record),
                allowances=result.allowances,
            )
    return results


def _record_for(command: Any, like: Record) -> Record:
    """The record of a command, Hold or Add, whose places are those of another record."""
    return Record(
        like.state,
        like.event_id,
        command.customer_id,
        command.details,
        like.created_ms,
        like.deadline_ms,
        like.ended_ms,
        command.digest if type(command) is Hold else "",
        like.lines,
        like.attempts,
        like.kept,
        like.currency,
        _code_for(command, like.code),
    )


def _code_for(command: Any, like: CodeUse | None) -> CodeUse | None:
    """The code of a command: it may be another one with the same terms."""
    return like if like is None or like.code == command.code else CodeUse(command.code, like.kind)
