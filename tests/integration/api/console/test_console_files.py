"""The files of the console: all are served, none refers to anything outside, and every text is there."""

from pathlib import Path
from typing import get_args

import api.console.handlers
from api.console.handlers import ConsoleAsset, ConsoleView
from tests.support.api.api_client import Front
from tests.support.api.page_files import addresses_in, check_imports, check_texts, sources_of, texts_of

FOLDER = Path(api.console.handlers.__file__).with_name("page")


async def test_all_that_it_is_made_of_is_served_and_refers_to_nothing_outside(front: Front) -> None:
    assets = {file.name for file in FOLDER.iterdir()} - {"page.html"}
    assert assets == set(get_args(ConsoleAsset))
    views = [f"/console/{view}" for view in get_args(ConsoleView)]
    for path in ("/console", *views, *(f"/console/assets/{asset}" for asset in assets)):
        answer = await front.client.get(path)
        assert answer.status == 200, path
        assert addresses_in(await answer.text()) == [], path
        policy = answer.headers["Content-Security-Policy"]
        assert not any(word in policy for word in ("unsafe", ":", "*"))
    assert await front.refused("GET", "/console/nothing") == "not_found"


def test_every_module_that_is_imported_is_there() -> None:
    check_imports(FOLDER)


def test_every_text_is_there() -> None:
    check_texts(FOLDER, "en", sources_of(FOLDER))


def test_every_view_has_an_address_and_a_name() -> None:
    words, views = texts_of(FOLDER, "en"), (FOLDER / "views.js").read_text(encoding="utf-8")
    listed = views.partition("VIEWS = [")[2].partition("]")[0].replace(" ", "").split(",")
    assert listed == list(get_args(ConsoleView))
    assert [view for view in listed if f"view.{view}" not in words] == []
