"""A tab of Locust's page that shows the drop itself: stock, sales a second, sync lag, and the verdict so far."""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import gevent
from flask import Response, request
from geventhttpclient import HTTPClient
from geventhttpclient.url import URL
from locust.env import Environment

from loadtest.drop.fixtures import Stage
from loadtest.drop.live import LiveStock, Look, figures
from loadtest.drop.observations import ObservedReservation

_KEY = "stock"
_EVERY_SECONDS = 1.0
_TIMEOUT_SECONDS = 5.0
_LAG = re.compile(r"^onsale_sync_lag_seconds\{[^}]*\} (\S+)$", re.MULTILINE)


def add_stock_tab(
    environment: Environment, stage: Stage, sync_metrics_url: str, observed: Callable[[], Sequence[ObservedReservation]]
) -> None:
    """Adds the tab, if there is a page; it looks at the API and at the sync worker's metrics every second."""
    page = environment.web_ui
    if page is None or page.app is None:
        return
    live = LiveStock()
    gevent.spawn(_watch, live, environment, stage, sync_metrics_url, observed)
    page.template_args |= {
        "extended_tabs": [{"title": "Stock", "key": _KEY}],
        "extended_tables": [
            {"key": _KEY, "structure": [{"key": "name", "title": "What"}, {"key": "figure", "title": "Now"}]}
        ],
    }

    @page.app.after_request
    def extend_stats(response: Response) -> Response:
        if request.path == "/stats/requests" and response.is_json:
            body = {**response.get_json(), "extended_stats": [{"key": _KEY, "data": figures(live)}]}
            response.set_data(json.dumps(body))
        return response


def _watch(
    live: LiveStock,
    environment: Environment,
    stage: Stage,
    sync_metrics_url: str,
    observed: Callable[[], Sequence[ObservedReservation]],
) -> None:
    while True:
        look = Look([], None, observed())
        for event_id in (stage.general_event, stage.seated_event):
            body = _read(f"{environment.host}/v1/events/{event_id}/availability")
            look.tickets.extend(json.loads(body)["tickets"] if body else [])
        if stage.room is not None:
            body = _read(f"{environment.host}/v1/events/{stage.general_event}/queue")
            look = look._replace(queue=json.loads(body) if body else None)
        if sync_metrics_url:
            lags = [float(lag) for lag in _LAG.findall(_read(sync_metrics_url))]
            look = look._replace(sync_lag_seconds=max(lags, default=None))
        live.see(look)
        gevent.sleep(_EVERY_SECONDS)


def _read(address: str) -> str:
    """The text at an address; nothing if it does not answer."""
    url = URL(address)
    client: Any = HTTPClient.from_url(url, connection_timeout=_TIMEOUT_SECONDS, network_timeout=_TIMEOUT_SECONDS)
    try:
        response = client.get(url.request_uri)
        text: str = response.read().decode()
        return text if response.status_code == 200 else ""
    except (OSError, ValueError, gevent.Timeout):
        return ""
    finally:
        client.close()
