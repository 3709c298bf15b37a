"""Actions of customers at the gateway itself, whose pages are not ours: payments and refunds there."""

import asyncio

import aiohttp

from api.app_keys import SETTINGS
from tests.support.api.api_client import Front, Json

_TIMEOUT_SECONDS = 10


async def charge_at_gateway(front: Front, payment_id: str, amount: int, currency: str = "EUR") -> None:
    """A customer pays at the gateway, whatever is owed."""
    charge = {"id": payment_id, "amount": amount, "currency": currency, "payment_token": "tok_visa"}
    await _ask_gateway(front, "charges", charge)


async def refund_at_gateway(front: Front, payment_id: str, amount: int, refund_id: str = "made on the page") -> None:
    """Money goes back without the shop: on the gateway's own page, or by a bank."""
    await _ask_gateway(front, f"charges/{payment_id}/refund", {"id": refund_id, "amount": amount})


async def _ask_gateway(front: Front, path: str, body: Json) -> None:
    app = front.client.server.app  # type: ignore[attr-defined]  # a TestServer has its app
    url = f"{app[SETTINGS].gateway_url.rstrip('/')}/{path}"
    async with (
        asyncio.timeout(_TIMEOUT_SECONDS),
        aiohttp.ClientSession() as session,
        session.post(url, json=body) as response,
    ):
        assert response.status == 200, await response.text()
