"""Access to Locust's page, which starts and stops load for everybody who reaches it.

On loopback it is for this machine, and for pages of this machine. A page of another site, whose name was made to lead
to 127.0.0.1 (DNS rebinding), is recognized by its Host header. Elsewhere it requires a login.
"""

import hmac
from base64 import b64encode
from collections.abc import Callable, Iterable
from typing import Any

from api.access.loopback import is_loopback

USER = "onsale"

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def for_loopback_alone(app: WsgiApp) -> WsgiApp:
    """The page, for requests that name this machine."""

    def checked(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if is_loopback(_host_name(environ.get("HTTP_HOST", ""))):
            return app(environ, start_response)
        start_response("403 Forbidden", [("Content-Type", "text/plain")])
        return [b"This page is for 127.0.0.1 and localhost.\n"]

    return checked


def with_login(app: WsgiApp, password: str) -> WsgiApp:
    """The page, for users with the password of `USER` (HTTP Basic). All paths are guarded, also of plug-ins."""
    expected = b"Basic " + b64encode(f"{USER}:{password}".encode())

    def checked(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        given = environ.get("HTTP_AUTHORIZATION", "").encode(errors="replace")
        if hmac.compare_digest(given, expected):
            return app(environ, start_response)
        headers = [("Content-Type", "text/plain"), ("WWW-Authenticate", 'Basic realm="onsale loadtest"')]
        start_response("401 Unauthorized", headers)
        return [b"The password is in the output of onsale loadtest.\n"]

    return checked


def _host_name(host: str) -> str:
    """The name in a Host header, without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
