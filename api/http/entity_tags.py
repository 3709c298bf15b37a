"""Entity tags (RFC 9110, 8.8.3): the strong ones of what managers change, and the preconditions that name them.

A strong tag is `"<revision>-<digest>"`. The digest is of the whole answer, so that a cache notices every change.
If-Match looks at the revision alone, which moves with what managers change: a sale meanwhile refuses no edit.
"""

import re
from hashlib import blake2b

import msgspec
from aiohttp import hdrs, web

from api.http.compression import headers_of_known
from api.http.problems import Code, Problem
from api.http.replies import Reply, has_tag, json_reply

_TAG = re.compile(r'(W/)?"([!#-~\x80-\U0010ffff]*)"')
_OURS = re.compile(r"([0-9]{1,19})-[0-9a-f]+(-[a-z]+)?", re.ASCII)
_LARGEST = 2**63 - 1


def strong_tag(revision: int, body: bytes) -> str:
    """The strong tag of an answer, as it is compared: with its quotes."""
    return f'"{revision}-{blake2b(body, digest_size=12).hexdigest()}"'


def revised_reply(
    request: web.Request, view: msgspec.Struct, revision: int, *, status: int = 200, location: str | None = None
) -> Reply:
    """JSON with a strong tag; 304 for a GET whose If-None-Match has it."""
    reply = json_reply(view, status=status, headers=None if location is None else {"Location": location})
    return tagged(request, reply, revision)


def tagged(request: web.Request, reply: Reply, revision: int) -> Reply:
    """The reply with a strong tag; 304 for a GET whose If-None-Match has it."""
    tag = reply.headers["ETag"] = strong_tag(revision, reply.body)
    known = request.headers.get(hdrs.IF_NONE_MATCH)
    if known and request.method in ("GET", "HEAD") and has_tag(known, tag):
        shared = {name: value for name, value in reply.headers.items() if name in ("ETag", hdrs.CACHE_CONTROL)}
        return Reply(b"", headers_of_known(request, shared, len(reply.body)), 304)
    return reply


def wanted_revisions(request: web.Request) -> list[int] | None:
    """The revisions that an If-Match header allows; None: any.

    Weak tags, and tags that are none of ours, allow none.
    """
    given = request.headers.getall(hdrs.IF_MATCH, None)
    if given is None or any(each.strip() == "*" for each in given):
        return None
    revisions = []
    for weak, opaque in _TAG.findall(", ".join(given)):
        ours = _OURS.fullmatch(opaque)
        if ours and not weak and int(ours[1]) <= _LARGEST:
            revisions.append(int(ours[1]))
    return revisions


def precondition_failed(what: str) -> Problem:
    """412: the thing has changed since the caller read it."""
    return Problem(
        Code.PRECONDITION_FAILED,
        f"{what} is not as your If-Match says, and stays as it is. Read it again, then change that with its ETag.",
    )
