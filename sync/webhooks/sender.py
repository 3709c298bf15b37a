"""One signed call of an endpoint, and its outcome."""

import asyncio
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from errno import EACCES
from types import TracebackType
from typing import Self

import aiohttp
import msgspec
from standardwebhooks import Webhook
from yarl import URL

from engine.tracing import Tracer, with_traceparent, within
from sync.webhooks.allowed_addresses import AllowedAddresses

_LONGEST_ERROR = 200
_GONE = 410
_LONGEST_RETRY_AFTER_MS = 3_600_000


class Due(msgspec.Struct, frozen=True):
    """A delivery whose time has come, and where it goes. `old_secret` is None unless it is still in force."""

    delivery_id: int
    webhook_id: int
    message_id: str
    body: str
    attempts: int
    url: str
    secret: str
    old_secret: str | None
    trace: str = ""
    """The `traceparent` of what the message tells, if it is traced."""

    def __repr__(self) -> str:
        """Without secrets, and without the customers' data in the body."""
        return f"Due(delivery_id={self.delivery_id}, webhook_id={self.webhook_id})"


class Attempt(msgspec.Struct, frozen=True):
    """The result of a call: the status of the answer or None, and the error, else empty.

    `retry_after_ms`: for how long the endpoint asked not to be called; 0 if it did not ask.
    """

    due: Due
    status: int | None
    error: str
    retry_after_ms: int = 0

    @property
    def delivered(self) -> bool:
        """The endpoint has taken it."""
        return not self.error

    @property
    def gone(self) -> bool:
        """The endpoint wants no more messages."""
        return self.status == _GONE


class Sender:
    """Calls endpoints, each call within `timeout` seconds. An async context manager.

    Follows no redirects, keeps no cookies, uses no proxy, and reads only the status of an answer. Connects only to
    allowed addresses, whatever a name resolves to at that moment.
    """

    def __init__(self, addresses: AllowedAddresses, timeout_seconds: float, tracer: Tracer | None = None) -> None:
        self._tracer = tracer
        self._timeout_seconds = timeout_seconds
        self._addresses = addresses
        self._sessions: dict[str, aiohttp.ClientSession] = {}

    async def __aenter__(self) -> Self:
        for scheme in ("https", "http"):
            connector = aiohttp.TCPConnector(limit=0, socket_factory=self._addresses.socket_factory(scheme))
            self._sessions[scheme] = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for session in self._sessions.values():
            await session.close()

    async def send(self, due: Due) -> Attempt:
        """One attempt. Whatever an endpoint does is an answer, nothing is raised for it."""
        if self._tracer is None or not due.trace:
            return await self._send(due)
        span = self._tracer.begin_child("onsale.webhook", due.trace)
        with within(span):
            attempt = await self._send(due)
            span.attributes |= {"onsale.message_id": due.message_id, "http.response.status_code": attempt.status or 0}
            return attempt

    async def _send(self, due: Due) -> Attempt:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                status, retry_after = await self._post(due)
        except TimeoutError:
            return Attempt(due, None, f"no answer within {self._timeout_seconds:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Attempt(due, None, f"{type(error).__name__}: {error}"[:_LONGEST_ERROR])
        if 200 <= status < 300:
            return Attempt(due, status, "")
        return Attempt(due, status, f"answered {status}", retry_after_ms(retry_after, datetime.now(UTC)))

    async def _post(self, due: Due) -> tuple[int, str]:
        """The status of the answer, and its Retry-After or an empty text.

        The settings may have changed since the endpoint was registered, so its URL is judged again.
        """
        why_not = self._addresses.why_not(due.url)
        if why_not is not None:
            url = URL(due.url)
            raise OSError(EACCES, f"{url.host} over {url.scheme} is not allowed: {why_not}")
        session = self._sessions[due.url.partition(":")[0].lower()]
        async with session.post(
            due.url,
            data=due.body.encode(),
            headers=with_traceparent(_headers(due, datetime.now(UTC))),
            allow_redirects=False,
        ) as response:
            return response.status, response.headers.get("Retry-After", "")


def retry_after_ms(value: str, now: datetime) -> int:
    """The wait that a Retry-After header asks for, in ms: seconds or a date (RFC 9110), at most an hour.

    0 if there is none, or it makes no sense.
    """
    if value.isascii() and value.isdigit():
        return min(int(value[:10]) * 1000, _LONGEST_RETRY_AFTER_MS)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return 0
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(0, min(int((at - now).total_seconds() * 1000), _LONGEST_RETRY_AFTER_MS))


def _headers(due: Due, now: datetime) -> dict[str, str]:
    """Signed again for each attempt, because old ones are refused; with both secrets while one replaces another."""
    secrets = (due.secret, due.old_secret) if due.old_secret else (due.secret,)
    return {
        "Content-Type": "application/json",
        "User-Agent": "Onsale",
        "webhook-id": due.message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(due.message_id, now, due.body) for secret in secrets),
    }
