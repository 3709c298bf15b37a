"""A Prometheus server that scrapes all processes: its alerts, and the counts of all processes together."""

import asyncio
import json
import re
from typing import Any

import aiohttp
import msgspec

from api.console.counts import HOLDS, Counts
from api.console.schemas import ActiveAlert

_TIMEOUT_SECONDS = 3
_ROUTES = "|".join(re.escape(route) for route in HOLDS)
_TIMES = f'sum by (le) (onsale_request_seconds_bucket{{method="POST",route=~{json.dumps(_ROUTES)}}})'
_REFUSALS = "sum by (event, code) (onsale_refused_holds_total)"


class PrometheusAway(Exception):
    """The Prometheus server does not answer, or not as one does. The text says what is wrong."""


class _Alert(msgspec.Struct):
    labels: dict[str, str]
    state: str
    annotations: dict[str, str] = {}
    activeAt: str | None = None  # noqa: N815  # Prometheus' name


class _Alerts(msgspec.Struct):
    alerts: list[_Alert]


class _Series(msgspec.Struct):
    metric: dict[str, str]
    value: tuple[float, str]


class _Vector(msgspec.Struct):
    result: list[_Series]


class _Answer(msgspec.Struct):
    status: str
    data: msgspec.Raw = msgspec.Raw(b"null")
    error: str = ""


class Prometheus:
    """Asks the server at a URL."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session, self._url = session, url.rstrip("/")

    async def alerts(self) -> list[ActiveAlert]:
        """The alerts that fire, those that wake people first, then by name. Raises PrometheusAway."""
        told = await self._ask("alerts", _Alerts)
        firing = [_alert_of(each) for each in told.alerts if each.state == "firing"]
        return sorted(firing, key=lambda alert: (alert.severity, alert.name, alert.partition or 0))

    async def counts(self) -> Counts:
        """The counts of all processes. Raises PrometheusAway."""
        times, refusals = await asyncio.gather(
            self._ask("query", _Vector, query=_TIMES), self._ask("query", _Vector, query=_REFUSALS)
        )
        return Counts.of(
            ((series.metric["le"], float(series.value[1])) for series in times.result),
            ((series.metric["event"], series.metric["code"], float(series.value[1])) for series in refusals.result),
        )

    async def _ask(self, what: str, shape: type[Any], **parameters: str) -> Any:
        try:
            async with (
                asyncio.timeout(_TIMEOUT_SECONDS),
                self._session.get(f"{self._url}/api/v1/{what}", params=parameters) as response,
            ):
                answer = msgspec.json.decode(await response.read(), type=_Answer)
            if answer.status != "success":
                raise PrometheusAway(answer.error or f"it answers {response.status}")
            return msgspec.json.decode(answer.data, type=shape)
        except TimeoutError as error:
            raise PrometheusAway(f"no answer within {_TIMEOUT_SECONDS} s") from error
        except aiohttp.ClientError as error:
            raise PrometheusAway(type(error).__name__) from error
        except msgspec.DecodeError as error:
            raise PrometheusAway("what answers is no Prometheus server") from error


def _alert_of(alert: _Alert) -> ActiveAlert:
    partition = alert.labels.get("partition", "")
    return ActiveAlert(
        alert.labels.get("alertname", "?"),
        "page" if alert.labels.get("severity") == "page" else "warn",
        alert.annotations.get("summary", ""),
        _seconds_only(alert.activeAt),
        int(partition) if partition.isdecimal() else None,
    )


def _seconds_only(text: str | None) -> str | None:
    """An instant as the API writes it; Prometheus tells nanoseconds."""
    return None if text is None else re.sub(r"\.\d+", "", text)
