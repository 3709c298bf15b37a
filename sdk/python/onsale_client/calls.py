"""Calls of the API over HTTP: retries that have one effect, problems as exceptions, and streams."""

import asyncio
import random
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import aiohttp

from onsale_client.clock import ServerClock
from onsale_client.models import Problem, ProblemCode
from onsale_client.streams import StreamEvent, events_of

Token = str | Callable[[], Awaitable[str]]
Sleep = Callable[[float], Awaitable[None]]

_RETRIED = frozenset({429, 502, 503, 504})
_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 5.0
_SILENCE_SECONDS = 40.0
"""A stream that is silent for longer is taken for lost; the server sends a comment every 15 s."""


class ProblemError(Exception):
    """A problem document as an exception. `problem["code"]` tells which, for programs and for type checkers."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem['code']}: {problem['detail']}")
        self.problem = problem

    @property
    def code(self) -> ProblemCode:
        """The code of the problem."""
        return self.problem["code"]


class NoAnswerError(Exception):
    """No answer of the API came: the network failed, or a proxy answered. The effect of the call is unknown."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Calls:
    """A session with the API. Use it with `async with`.

    `token`: a token, or a function that gets one before each try. `retry_seconds`: how long a call is tried again.
    """

    def __init__(
        self,
        base_url: str,
        token: Token | None = None,
        *,
        timeout_seconds: float = 8.0,
        retry_seconds: float = 20.0,
        sleep: Sleep = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._base_url, self._token = base_url.rstrip("/"), token
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._retry_seconds, self._sleep, self._jitter = retry_seconds, sleep, jitter
        self._session: aiohttp.ClientSession | None = None
        self.clock = ServerClock()

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def call(
        self,
        method: str,
        template: str,
        *,
        path: Mapping[str, object] | None = None,
        query: Mapping[str, object] | None = None,
        body: object = None,
        keyed: bool = False,
        idempotency_key: str | None = None,
    ) -> Any:
        """Sends a request until it is answered. Raises ProblemError or NoAnswerError.

        The same again goes with the same key. A POST without a key is not repeated after a lost connection.
        """
        key = (idempotency_key or str(uuid.uuid4())) if keyed else None
        repeatable = method != "POST" or key is not None
        ends = time.monotonic() + self._retry_seconds
        tries = 0
        while True:
            wait = self._pause(tries)
            try:
                return await self._once(method, self._url(template, path or {}), query or {}, body, key)
            except _Retry as retry:
                if isinstance(retry.error, NoAnswerError) and not repeatable:
                    raise retry.error from retry.__cause__
                wait = max(wait, retry.after_seconds)
                if time.monotonic() + wait > ends:
                    raise retry.error from retry.__cause__
            await self._sleep(wait)
            tries += 1

    async def stream(self, template: str, path: Mapping[str, object]) -> AsyncIterator[StreamEvent]:
        """The events of a stream, over reconnects. Raises ProblemError for one that is not there."""
        last_id, failures = "", 0
        timeout = aiohttp.ClientTimeout(sock_connect=self._timeout.total, sock_read=_SILENCE_SECONDS)
        while True:
            after = 0.0
            headers = await self._headers(None) | {"Accept": "text/event-stream"}
            if last_id:
                headers["Last-Event-ID"] = last_id
            try:
                url = self._url(template, path)
                async with self._opened.get(url, headers=headers, timeout=timeout) as response:
                    if response.status == 200:
                        async for event in events_of(response.content):
                            failures, last_id = 0, event.id or last_id
                            yield event
                    elif response.status == 429 or response.status >= 500:
                        after = retry_after(response.headers)
                    else:
                        await _read(response)
            except (aiohttp.ClientError, TimeoutError):
                pass
            await self._sleep(max(after, self._pause(failures)))
            failures += 1

    async def _once(self, method: str, url: str, query: Mapping[str, object], body: object, key: str | None) -> Any:
        headers = await self._headers(key)
        parameters = {name: _text(value) for name, value in query.items() if value is not None}
        sent = self.clock.mark()
        try:
            async with self._opened.request(
                method, url, params=parameters, json=body, headers=headers, timeout=self._timeout
            ) as response:
                self._note_time(response.headers, sent)
                return await _read(response)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _Retry(NoAnswerError("the API did not answer"), 0.0) from error

    async def _headers(self, key: str | None) -> dict[str, str]:
        headers: dict[str, str] = {}
        token = self._token if isinstance(self._token, str | None) else await self._token()
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if key is not None:
            headers["Idempotency-Key"] = key
        return headers

    @property
    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("the client is not open: use it with `async with`")
        return self._session

    def _url(self, template: str, path: Mapping[str, object]) -> str:
        return self._base_url + template.format_map({name: quote(str(value), safe="") for name, value in path.items()})

    def _pause(self, tries: int) -> float:
        return min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2.0**tries) * (0.5 + self._jitter() / 2)

    def _note_time(self, headers: Mapping[str, str], sent: float) -> None:
        if "Date" in headers and "Age" not in headers:
            server = parsedate_to_datetime(headers["Date"]).timestamp()
            self.clock.observe(server, sent, self.clock.mark(), 1.0)


class _Retry(Exception):
    """An answer after which the same may be sent again."""

    def __init__(self, error: ProblemError | NoAnswerError, after_seconds: float) -> None:
        super().__init__(str(error))
        self.error, self.after_seconds = error, after_seconds


async def _read(response: aiohttp.ClientResponse) -> Any:
    """The document of an answer. Raises ProblemError, NoAnswerError, or _Retry around one of them."""
    status = response.status
    error: ProblemError | NoAnswerError
    if response.content_type == "application/problem+json":
        error = ProblemError(await response.json(content_type=None))
    elif status >= 400:
        error = NoAnswerError(f"something before the API answered {status}", status)
    elif status == 204:
        return None
    else:
        return await response.json() if response.content_type == "application/json" else await response.read()
    if status in _RETRIED:
        raise _Retry(error, retry_after(response.headers))
    raise error


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds of `Retry-After`, which is seconds or a date; 0 without it."""
    told = headers.get("Retry-After", "")
    if told.isdigit():
        return float(told)
    try:
        return max(0.0, (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds())
    except ValueError:
        return 0.0


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
