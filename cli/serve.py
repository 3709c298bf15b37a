"""`onsale serve` and `onsale streams`: the API, or its streams, in one or several processes under gunicorn."""

import os
import resource
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import structlog
import uvloop
from aiohttp import web
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from api.access.jwks import check_keys
from api.http.allowed_hosts import LOOPBACK_NAMES
from api.http.cors import Cors
from cli.errors import WrongSettings
from cli.gc_tuning import collect_rarely
from cli.ports import check_port
from engine.engine import Engine
from engine.limits import LimitsInForce
from engine.settings import Settings
from payments.gateway import is_simulated

log = structlog.get_logger(__name__)

_METRICS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_WORKER_CLASS = "aiohttp.GunicornUVLoopWebWorker"
_HEARTBEAT_SECONDS = 30


def serve(
    settings: Settings, host: str, port: int, workers: int, *, streams_only: bool = False, dev_tokens: bool = False
) -> None:
    """Serve until SIGTERM or SIGINT; requests under way are answered before it ends.

    `streams_only`: live streams, health and metrics, and nothing else.
    `dev_tokens`: tokens of any role for anybody, too.

    Raises UserError, or Misconfigured for a Redis that must not be sold from, before any worker starts.
    """
    check_port(host, port)
    check_metrics_directory()
    if (settings.auth == "off" or dev_tokens) and not settings.allowed_hosts:
        settings = msgspec.structs.replace(settings, allowed_hosts=LOOPBACK_NAMES)
    _allow_connections()
    uvloop.run(_prepare(settings, None if streams_only else LimitsInForce(settings)))
    with _metrics_of_all(workers):
        _Gunicorn(settings, host, port, workers, _routes_of(streams_only=streams_only, dev_tokens=dev_tokens)).run()


def _allow_connections() -> None:
    """As many connections as the system lets this user have: the usual thousand is soon full in a drop."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def _prepare(settings: Settings, limits: LimitsInForce | None) -> None:
    """Does once what each worker would do, and finds out here, in words, why it cannot be done."""
    Cors(settings.cors_origins)
    if settings.auth == "jwt":
        await check_keys(settings)
        await _warn_of_simulation(settings)
    async with Engine(settings, limits=limits):
        pass


async def _warn_of_simulation(settings: Settings) -> None:
    """Warns where customers would get tickets and nobody their money."""
    async with aiohttp.ClientSession() as session:
        if await is_simulated(session, settings.gateway_url, settings.gateway_timeout_ms / 1000):
            log.warning(
                "gateway_is_simulated",
                gateway=settings.gateway_url,
                remedy="REHEARSAL ONLY: nobody is charged; set ONSALE_GATEWAY_URL to the gateway of your provider",
            )


@contextmanager
def _metrics_of_all(workers: int) -> Iterator[None]:
    """With several processes: a directory in which each leaves its metrics, so that any can answer for all.

    prometheus-client reads the variable when it is imported, so this comes before the API is.
    """
    if workers == 1 or _METRICS_VARIABLE in os.environ:
        yield
        return
    directory = tempfile.mkdtemp(prefix="onsale-metrics-")
    os.environ[_METRICS_VARIABLE] = directory
    owner = os.getpid()
    try:
        yield
    finally:
        # A worker is a fork and comes by here too when it ends, while the others still write there.
        if os.getpid() == owner:
            shutil.rmtree(directory, ignore_errors=True)


def check_metrics_directory() -> None:
    """Raises WrongSettings if metrics are to go to a directory that they cannot go to: each would fail by itself."""
    if _METRICS_VARIABLE not in os.environ:
        return
    directory = Path(os.environ[_METRICS_VARIABLE])
    if not os.environ[_METRICS_VARIABLE] or not directory.is_dir():
        raise WrongSettings(f"{_METRICS_VARIABLE} names no directory: make it, or unset the variable")
    if not os.access(directory, os.W_OK | os.X_OK):
        raise WrongSettings(f"{_METRICS_VARIABLE} names {directory}, where this user may not write")


def _routes_of(*, streams_only: bool, dev_tokens: bool) -> str:
    """The name of the table in api/routes.py."""
    if streams_only:
        return "STREAM_ROUTES"
    return "DEV_ROUTES" if dev_tokens else "ROUTES"


class _Gunicorn(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
    def __init__(self, settings: Settings, host: str, port: int, workers: int, routes: str) -> None:
        self._settings, self._routes = settings, routes
        self._options = {
            "bind": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
            "workers": workers,
            "worker_class": _WORKER_CLASS,
            "worker_tmp_dir": "/dev/shm" if Path("/dev/shm").is_dir() else None,  # noqa: S108  # heartbeats, off the disk
            "timeout": _HEARTBEAT_SECONDS,
            "graceful_timeout": settings.shutdown_seconds,
            "keepalive": settings.idle_seconds,
            "proc_name": "onsale",
            "logger_class": _Logger,
            "control_socket_disable": True,
            "child_exit": _forget_metrics,
        }
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Callable[[], Awaitable[web.Application]]:
        """Called in each worker."""
        import api.routes as tables  # noqa: PLC0415  # brings prometheus-client, see _metrics_of_all
        from api.app import create_app  # noqa: PLC0415  # the same

        settings, routes = self._settings, getattr(tables, self._routes)

        async def make_app() -> web.Application:
            app = create_app(settings, routes)
            collect_rarely()
            return app

        return make_app


class _Logger(Logger):  # type: ignore[misc]  # gunicorn ships no types
    """Leaves its lines to the handlers of `cli/logs.py`."""

    def setup(self, cfg: Any) -> None:
        self.cfg = cfg
        self.error_log.propagate = True
        self.error_log.handlers.clear()
        self.access_log.propagate = False


def _forget_metrics(_arbiter: Any, worker: Any) -> None:
    """A worker that ended has nothing queued."""
    if _METRICS_VARIABLE in os.environ:
        from prometheus_client.multiprocess import mark_process_dead  # noqa: PLC0415  # see _metrics_of_all

        mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
