"""The files that pages share: each is served and used, and none refers to anything outside."""

from pathlib import Path
from typing import get_args

import api.console.handlers
import api.shop.handlers
from api.assets.handlers import SharedAsset
from tests.support.api.api_client import Front
from tests.support.api.page_files import SHARED, addresses_in, sources_of

USERS = [Path(file).with_name("page") for file in (api.console.handlers.__file__, api.shop.handlers.__file__)]


async def test_all_are_served_and_refer_to_nothing_outside(front: Front) -> None:
    assets = {file.name for file in SHARED.iterdir()}
    assert assets == set(get_args(SharedAsset))
    for asset in assets:
        answer = await front.client.get(f"/assets/{asset}")
        assert answer.status == 200, asset
        assert addresses_in(await answer.text()) == [], asset
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"


def test_each_is_used() -> None:
    used = "".join(text for folder in USERS for text in sources_of(folder).values())
    assert [file.name for file in SHARED.iterdir() if f"/assets/{file.name}" not in used] == []
