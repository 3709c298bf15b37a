"""Entity tags: which revisions an If-Match allows, and which answers have the same tag."""

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from api.http.entity_tags import strong_tag, wanted_revisions
from api.http.replies import coded_tag, has_tag

_TAG = strong_tag(7, b"{}")


@pytest.mark.parametrize(
    ("given", "revisions"),
    [
        ([], None),
        (["*"], None),
        (['"other"', "*"], None),
        ([_TAG], [7]),
        ([f'"other",{_TAG} , {strong_tag(12, b"")}'], [7, 12]),
        ([_TAG, strong_tag(8, b"{}")], [7, 8]),
        ([coded_tag(_TAG, "gzip")], [7]),
        ([f"W/{_TAG}"], []),
        ([f'W/{_TAG}, "a,b"'], []),
        (['"7"'], []),
        (['"x7-ab"'], []),
        (['"-7-ab"'], []),
        ([f'"{2**63}-ab"'], []),
        ([_TAG.strip('"')], []),
        ([""], []),
    ],
)
def test_an_if_match_allows_the_revisions_of_its_strong_tags(given: list[str], revisions: list[int] | None) -> None:
    headers = CIMultiDict([("If-Match", each) for each in given])
    assert wanted_revisions(make_mocked_request("PATCH", "/", headers=headers)) == revisions


def test_a_strong_tag_differs_with_the_answer_and_with_its_coding() -> None:
    tags = {_TAG, strong_tag(8, b"{}"), strong_tag(7, b"[]"), coded_tag(_TAG, "gzip"), coded_tag(_TAG, "deflate")}
    assert len(tags) == 5
    assert all(tag.startswith('"') and tag.endswith('"') for tag in tags)
    assert coded_tag('W/"abc"', "gzip") == 'W/"abc"'


def test_a_client_that_has_the_answer_in_another_coding_has_it() -> None:
    for known in (_TAG, coded_tag(_TAG, "gzip"), f"W/{_TAG}", f'"other", {coded_tag(_TAG, "deflate")}', "*"):
        assert has_tag(known, _TAG)
    assert not has_tag(strong_tag(7, b"[]"), _TAG)
