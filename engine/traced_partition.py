"""A partition whose batches have spans, where tracing is on."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from engine.commands.command import Command
from engine.lanes import Waiting
from engine.partition import Partition
from engine.results.result import Result
from engine.tracing import Span, Tracer, current_span, traceparent_of, within

R = TypeVar("R", bound=Result)


class _TracedFuture(asyncio.Future[Any]):
    """An answer with the span of its request."""

    span: Span


class TracedPartition(Partition):
    """Begins a span for each batch that has traced requests, and tells the outbox of it."""

    def __init__(self, tracer: Tracer, *parts: Any) -> None:
        super().__init__(*parts)
        self._tracer = tracer

    async def submit(self, command: Command[R]) -> R:
        """See Partition."""
        span = current_span()
        if span is None:
            return await super().submit(command)
        answer = _TracedFuture(loop=self._loop)
        answer.span = span
        self.append(command, answer)
        result: R = await answer
        return result

    def _send(self, batch: list[Waiting]) -> Coroutine[Any, Any, None]:
        spans = [span for waiting in batch if (span := getattr(waiting.answer, "span", None)) is not None]
        return self._send_traced(batch, spans) if spans else super()._send(batch)

    async def _send_traced(self, batch: list[Waiting], spans: list[Span]) -> None:
        attributes = {"onsale.partition": self._keys.partition, "onsale.commands": len(batch)}
        span = self._tracer.begin_batch(spans, attributes)
        with within(span):
            before, self._trace = self._trace, traceparent_of(span)
            try:
                await super()._send(batch)
            finally:
                self._trace = before
