"""Secrets in texts for people: passwords in URLs and bearer tokens become ***, wherever they come from."""

import re

_URL_PASSWORD = re.compile(r"(?P<user>[a-z][a-z0-9+.-]*://[^\s:/@\"']*):[^\s/\"']+@", re.IGNORECASE)
_BEARER = re.compile(r"\b(?P<scheme>bearer\s+)[^\s\"',]+", re.IGNORECASE)
_JWT = re.compile(r"\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")


def masked(text: str) -> str:
    """The text without the secrets that can be told by their form."""
    text = _URL_PASSWORD.sub(r"\g<user>:***@", text)
    text = _BEARER.sub(r"\g<scheme>***", text)
    return _JWT.sub("***", text)
