"""Signed callbacks (Standard Webhooks): the holder of the secret is the gateway, and needs no token."""

from collections.abc import Iterable, Mapping

import structlog
from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

from api.http.problems import Code, Problem
from engine.callbacks import claim_message
from engine.engine import Engine

log = structlog.get_logger(__name__)

_KEEP_SECONDS = 660
"""The time in which a message could be replayed: five minutes of tolerance either way, one for clock differences."""


class CallbackSignatures:
    """Checks callbacks with one secret or, while secrets are changed, several. Without any it is not `required`."""

    def __init__(self, secrets: Iterable[str], engine: Engine) -> None:
        self._webhooks = [Webhook(secret) for secret in secrets]
        self._engine = engine

    @property
    def required(self) -> bool:
        """True if callbacks must be signed."""
        return bool(self._webhooks)

    async def check(self, headers: Mapping[str, str], body: bytes, path: str) -> None:
        """Returns if the body is signed with one of the secrets, at most five minutes ago, and was sent to this path.

        Compares in constant time. Raises Problem unauthenticated, and Fault if Redis is away.
        """
        reason = self._why_not(headers, body)
        if reason is None and not await claim_message(
            self._engine, headers["webhook-id"], path.rstrip("/"), _KEEP_SECONDS
        ):
            reason = "this webhook-id was used for another callback"
        if reason is not None:
            log.warning("callback_refused", path=path, reason=reason)
            raise Problem(
                Code.UNAUTHENTICATED,
                f"The signature of the callback is not valid: {reason}. Sign the body as sent, with a secret of "
                "ONSALE_CALLBACK_SECRETS, and give webhook-id, webhook-timestamp and webhook-signature.",
            )

    def _why_not(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """Why no secret has signed it; None if one has."""
        reason = None
        if "." in headers.get("webhook-id", ""):
            # What is signed is id.timestamp.body, so a dot in the id leaves open where each of them ends.
            return "a webhook-id has no dot"
        for webhook in self._webhooks:
            try:
                webhook.verify(body, dict(headers), json_parse=False)
            except WebhookVerificationError as error:
                reason = str(error)
            except ValueError:  # the library lets through what it cannot decode: no text, no base64, no comma
                reason = "Invalid Signature Headers"
            else:
                return None
        return reason


CALLBACK_SIGNATURES: web.AppKey["CallbackSignatures"] = web.AppKey("callback_signatures")
