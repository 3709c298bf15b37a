"""The runbook as the console shows it: as docs/runbook.md says it, for every alert."""

from pathlib import Path

import yaml

from tests.support.console_runbook import FILE, as_json, paragraphs_of_alerts


def test_the_console_has_the_runbook_as_it_is() -> None:
    assert FILE.read_text(encoding="utf-8") == as_json(), "run: python -m tests.support.console_runbook"


def test_every_alert_has_paragraphs(repository: Path) -> None:
    alerts = yaml.safe_load((repository / "deploy" / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))
    names = {rule["alert"] for group in alerts["groups"] for rule in group["rules"]}
    told = paragraphs_of_alerts()
    assert told.keys() == names
    assert all(blocks and all(blocks) for blocks in told.values())


def test_lists_and_links_become_text() -> None:
    full = paragraphs_of_alerts()["RedisMemoryFull"]
    (steps,) = [block for block in full if isinstance(block, list)]
    assert steps[0].startswith("Give Redis more memory")
    assert not any("](" in str(block) for blocks in paragraphs_of_alerts().values() for block in blocks)
