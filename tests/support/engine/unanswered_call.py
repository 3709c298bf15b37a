"""A call that is refused at first, then sent again, and never answered: nobody may say that nothing was done."""

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace
from redis.exceptions import BusyLoadingError

from engine.errors import OutcomeUnknown, Unready
from engine.opening import opened_redis
from engine.server import Client
from engine.settings import Settings


async def no_answer_after_a_refusal(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Checks it, and that only refusals are returned as such."""
    async with opened_redis(replace(settings, command_timeout_ms=300), 2) as redis:
        refusals = [1, 1_000_000]

        async def execute_now(_client: Client, *_call: Any, **_options: Any) -> Any:
            if refusals[0]:
                refusals[0] -= 1
                raise BusyLoadingError("loading")
            await asyncio.Event().wait()

        monkeypatch.setattr(Client, "execute_now", execute_now)
        with pytest.raises(OutcomeUnknown):
            await redis.hget("x", "y")
        refusals.pop(0)
        with pytest.raises(Unready, match="nothing was done"):
            await redis.hget("x", "y")
