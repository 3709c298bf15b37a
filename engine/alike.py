"""Short results of holds: in a call, those that asked for the same differ only in their customers."""

from collections.abc import Sequence
from typing import Any

from engine.commands.command import Command
from engine.commands.holds import Hold
from engine.errors import EngineBug
from engine.records import CodeUse, Record
from engine.results.holds import Held
from engine.results.internal import Alike
from engine.results.result import Result


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
