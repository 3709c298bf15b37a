"""Secrets in texts for people: passwords in URLs and bearer tokens become ***, wherever they come from."""

import re

# Clients choose texts of logs, and none may take more than one look at each character. So no pattern begins with what
# may also stand before it.
_URL_PASSWORD = re.compile(r"(?P<user>://[^\s:/@\"']*):[^\s/\"']+@")
_BEARER = re.compile(r"\b(?P<scheme>bearer\s+)[^\s\"',]+", re.IGNORECASE)
_JWT = re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")


def masked(text: str) -> str:
    """The text without the secrets that are recognizable by their form."""
    text = _URL_PASSWORD.sub(r"\g<user>:***@", text)
    text = _BEARER.sub(r"\g<scheme>***", text)
    return _JWT.sub("***", text)
