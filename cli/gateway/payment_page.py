"""The page of the simulated gateway on which a buyer pays, and the callback by which the shop hears of it.

    GET  /pay      the page; `payment` (of a cart), `amount`, `currency`, `back` (a path of the shop), `lang`
    POST /pay      what the buyer chose there: a card, or `cancel`

Of a cart's payment the gateway makes the charge and calls the shop back. Without `payment` it only says which card was
chosen: the shop gets `#payment_token=...` and charges by itself. A card that is declined may be followed by another.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from html import escape
from pathlib import Path
from secrets import token_hex
from string import Template
from typing import NamedTuple
from urllib.parse import quote

import aiohttp
import msgspec
import structlog
from aiohttp import web
from standardwebhooks import Webhook
from yarl import URL

from engine.backoff import Backoff
from engine.currencies import MINOR_DIGITS
from payments.gateway import Charge, ChargeState, ChargeView

log = structlog.get_logger(__name__)

Take = Callable[[Charge], Awaitable[ChargeView]]
"""Makes a charge, once per id. Raises web.HTTPConflict if it is there with another amount."""

Find = Callable[[str], Awaitable[ChargeView]]
"""The charge as it is now."""

_FOLDER = Path(__file__).parent / "page"
_TRIES = 20
_LONGEST_PAUSE_SECONDS = 5
_CALL = aiohttp.ClientTimeout(total=5)
_DECLINED = frozenset({"card_error", "payment_error"})
_CARDS = ("tok_visa", "card_error", "payment_error", "timeout")
_CANCEL = "cancel"
_LANGUAGES = ("en", "de")


class Shop(NamedTuple):
    """The shop that buyers come from: the address of its API, and what its callbacks are known by.

    `callback_secret` signs them; `token` is that of a service, for a shop that takes callbacks without signatures.
    """

    api_url: str
    callback_secret: str = ""
    token: str = ""


class _Visit(msgspec.Struct, frozen=True, kw_only=True):
    """A payment to be made, as the shop describes it in the address of the page."""

    payment: str = ""
    amount: int
    currency: str
    back: str
    lang: str = "en"


class PaymentPage:
    """The handlers of the page; `take` and `find` are about the gateway's ledger."""

    def __init__(self, shop: Shop, take: Take, find: Find) -> None:
        self._shop, self._take, self._find = shop, take, find
        self._callbacks: set[asyncio.Task[None]] = set()

    def routes(self) -> list[web.RouteDef]:
        """The routes of the page."""
        return [
            web.get("/pay", self.show),
            web.post("/pay", self.choose),
            web.get("/pay.css", self.style),
        ]

    async def callbacks(self, _app: web.Application) -> AsyncIterator[None]:
        """Owns the callbacks under way; those that are not through when the gateway stops end."""
        async with aiohttp.ClientSession(timeout=_CALL) as self._session:
            yield
            for task in self._callbacks:
                task.cancel()
            await asyncio.gather(*self._callbacks, return_exceptions=True)

    async def style(self, _request: web.Request) -> web.StreamResponse:
        """GET /pay.css."""
        return web.FileResponse(_FOLDER / "pay.css")

    async def show(self, request: web.Request) -> web.Response:
        """GET /pay: asks for a card."""
        return self._page(_visit(request.query))

    async def choose(self, request: web.Request) -> web.Response:
        """POST /pay: pays, says why not, or gives up; then leads back to the shop."""
        form = await request.post()
        visit = _visit({name: value for name, value in form.items() if isinstance(value, str) and name != "card"})
        card = str(form.get("card", ""))
        if not visit.payment:
            return self._back(visit, "" if card == _CANCEL else f"#payment_token={quote(card)}")
        if card == _CANCEL:
            self._call_back(visit.payment, "failed")
            return self._back(visit)
        if card in _DECLINED:
            return self._page(visit, refused=card)
        charge = await self._take(Charge(visit.payment, visit.amount, visit.currency, card))
        if charge.status is ChargeState.FAILED:  # it was voided meanwhile
            return self._back(visit)
        self._call_back(visit.payment, "complete")
        return self._back(visit)

    def _page(self, visit: _Visit, refused: str = "") -> web.Response:
        words = _words(visit.lang)
        hidden = {name: value for name, value in msgspec.structs.asdict(visit).items() if value != ""}
        fields = "".join(
            f'<input type="hidden" name="{name}" value="{escape(str(value))}">' for name, value in hidden.items()
        )
        cards = "".join(
            f'<label class="card"><input type="radio" name="card" value="{card}"{" checked" if not place else ""}>'
            f"<span><b>{escape(words[card])}</b><small>{escape(words[f'{card}_hint'])}</small></span></label>"
            for place, card in enumerate(_CARDS)
        )
        shown = {name: escape(word) for name, word in words.items()}
        problem = f'<p class="problem" role="alert">{shown[f"{refused}_said"]}</p>' if refused else ""
        text = _template().substitute(
            shown, lang=visit.lang, fields=fields, cards=cards, problem=problem, amount=escape(_money(visit))
        )
        policy = (
            "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'; "
            f"form-action 'self' {URL(self._shop.api_url).origin()}"
        )
        headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
        return web.Response(text=text, content_type="text/html", headers=headers, status=402 if refused else 200)

    def _back(self, visit: _Visit, fragment: str = "") -> web.Response:
        where = f"{self._shop.api_url.rstrip('/')}{visit.back}{fragment}"
        return web.Response(status=303, headers={"Location": where, "Cache-Control": "no-store"})

    def _call_back(self, payment_id: str, outcome: str) -> None:
        """Notifies the shop in the background: it may be away, and the buyer need not wait for it."""
        task = asyncio.create_task(self._tell(payment_id, outcome))
        self._callbacks.add(task)
        task.add_done_callback(self._callbacks.discard)

    async def _tell(self, payment_id: str, outcome: str) -> None:
        """Sends the callback until the shop takes it; a charge that is pending first has to settle."""
        pause = Backoff(_LONGEST_PAUSE_SECONDS)
        for _ in range(_TRIES):
            settled = outcome == "failed" or (await self._find(payment_id)).status is not ChargeState.PENDING
            if settled and await self._send(payment_id, outcome):
                return
            await pause.wait()
        log.warning("callback_given_up", payment_id=payment_id, outcome=outcome)

    async def _send(self, payment_id: str, outcome: str) -> bool:
        body, message_id, now = json.dumps({"id": payment_id, "outcome": outcome}), f"msg_{token_hex(12)}", _now()
        headers = {"Content-Type": "application/json"}
        if self._shop.token:
            headers["Authorization"] = f"Bearer {self._shop.token}"
        if self._shop.callback_secret:
            headers |= {
                "webhook-id": message_id,
                "webhook-timestamp": str(int(now.timestamp())),
                "webhook-signature": Webhook(self._shop.callback_secret).sign(message_id, now, body),
            }
        url = URL(self._shop.api_url) / "v1" / "payments" / payment_id / outcome
        try:
            async with self._session.post(url, data=body, headers=headers) as answer:
                # 404 and 409 are final: there is no such payment, or it has ended the other way.
                return answer.status < 500 and answer.status != 429
        except (aiohttp.ClientError, TimeoutError):
            return False


def _visit(fields: Mapping[str, str]) -> _Visit:
    """Raises web.HTTPBadRequest."""
    try:
        visit = msgspec.convert(dict(fields), _Visit, strict=False)
    except msgspec.ValidationError as error:
        raise web.HTTPBadRequest(text=str(error)) from error
    if not visit.back.startswith("/") or visit.back.startswith("//") or "\\" in visit.back:
        raise web.HTTPBadRequest(text="back: must be a path of the shop")
    if visit.lang not in _LANGUAGES:
        return msgspec.structs.replace(visit, lang=_LANGUAGES[0])
    return visit


def _money(visit: _Visit) -> str:
    digits = MINOR_DIGITS.get(visit.currency, 2)
    whole, part = divmod(visit.amount, 10**digits)
    comma = "," if visit.lang == "de" else "."
    return f"{whole}{comma}{part:0{digits}} {visit.currency}" if digits else f"{whole} {visit.currency}"


@cache
def _template() -> Template:
    return Template((_FOLDER / "pay.html").read_text(encoding="utf-8"))


@cache
def _words(language: str) -> dict[str, str]:
    words: dict[str, str] = json.loads((_FOLDER / f"{language}.json").read_text(encoding="utf-8"))
    return words


def _now() -> datetime:
    return datetime.now(UTC)
