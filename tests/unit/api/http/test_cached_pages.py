"""Pages that are made once: what a client gets of them, and how many are kept."""

import gzip
import random
import zlib

import pytest
from aiohttp.test_utils import make_mocked_request

from api.http.cached_pages import CachedPage, PageCache
from api.http.replies import Reply

_COMPRESS_BYTES = 1024
_LONG = random.Random(7).randbytes(20_000).hex().encode()  # noqa: S311  # no secret


async def _get(page: CachedPage, **headers: str) -> Reply:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return await page.reply(make_mocked_request("GET", "/", headers=sent), _COMPRESS_BYTES)


async def test_a_short_page_is_sent_as_it_is() -> None:
    page = CachedPage(b"{}", max_age=1)
    reply = await _get(page, Accept_Encoding="gzip")
    assert (reply.status, reply.body, reply.coded) == (200, b"{}", True)
    assert reply.headers.pop("ETag").startswith('W/"')
    assert reply.headers == {
        "Content-Type": "application/json",
        "Cache-Control": "public, max-age=1",
        "Vary": "Accept-Encoding",
    }
    assert "Content-Type" in (await _get(page)).headers, "a client's headers are its own"


@pytest.mark.parametrize("body", [b"[" + b"1," * 1000 + b"1]", _LONG])
async def test_a_long_page_is_compressed_once_for_each_coding(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    page = CachedPage(body, max_age=0)
    plain = await _get(page)
    assert (plain.body, "Content-Encoding" in plain.headers) == (body, False)
    zipped = [await _get(page, Accept_Encoding="gzip, br") for _ in range(3)]
    assert {gzip.decompress(reply.body) for reply in zipped} == {body}
    assert {(reply.headers["Content-Encoding"], reply.headers["ETag"]) for reply in zipped} == {
        ("gzip", plain.headers["ETag"])
    }
    assert zlib.decompress((await _get(page, Accept_Encoding="deflate")).body) == body

    monkeypatch.delattr("api.http.cached_pages.compressed")
    assert gzip.decompress((await _get(page, Accept_Encoding="gzip")).body) == body, "not again"


async def test_a_client_with_the_page_gets_304() -> None:
    page = CachedPage(_LONG, max_age=0, tag_of=b"7")
    tag = (await _get(page)).headers["ETag"]
    assert tag == (await _get(CachedPage(b"another instant", max_age=0, tag_of=b"7"))).headers["ETag"]
    for known in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        reply = await _get(page, If_None_Match=known, Accept_Encoding="gzip")
        assert (reply.status, reply.body, reply.headers["ETag"]) == (304, b"", tag)
    assert (await _get(page, If_None_Match='W/"other"')).status == 200


def test_memory_is_bounded() -> None:
    cache: PageCache[CachedPage] = PageCache(100_000)
    first, page = CachedPage(b"1", max_age=0), CachedPage(b"x" * 1000, max_age=0)
    cache.put("first", first)
    for number in range(1000):
        cache.put(f"/v1/tickets?price_from={number}", page)
        assert cache.get("first") is first, "it was read last"
        assert cache.size <= 100_000
    kept = [number for number in range(1000) if cache.get(f"/v1/tickets?price_from={number}")]
    assert 10 < len(kept) < 50
    assert kept[-1] == 999, "those that were read last are kept"

    cache.put("large", CachedPage(b"x" * 100_000, max_age=0))
    assert cache.get("large") is None
    for number in range(100):
        cache.put("first", CachedPage(b"x" * number, max_age=0))
    assert cache.size <= 100_000
