"""Each exception from a linter's rule has its reason beside it."""

import re
from pathlib import Path

_EXCEPTION = re.compile(r"# noqa: [A-Z0-9, ]*[0-9](?P<reason>.*)")
_FOLDERS = ("engine", "payments", "api", "sync", "cli", "lua", "loadtest", "tests")


def test_every_exception_from_a_rule_has_its_reason(repository: Path) -> None:
    bare = []
    clients = repository / "tests" / "clients"  # which are generated, with packages of their own
    for path in (file for folder in _FOLDERS for file in (repository / folder).rglob("*.py")):
        if path.is_relative_to(clients):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            found = _EXCEPTION.search(line)
            if found and not re.search(r"\w{3}", found["reason"]):
                bare.append(f"{path.relative_to(repository)}:{number}: {line.strip()}")
    assert bare == []


def test_rules_that_a_project_passes_over_have_their_reasons(repository: Path) -> None:
    text = (repository / "pyproject.toml").read_text(encoding="utf-8")
    block = text[text.index("\nignore = [") : text.index("[tool.ruff.lint.flake8-tidy-imports]")]
    rules = re.findall(r'^    "([A-Z]+[0-9]+)",(.*)$', block, re.MULTILINE)
    assert len(rules) > 20
    # Of rules that stand together, the first tells why.
    families = {rule[:-2] for rule, reason in rules if "#" in reason}
    assert [rule for rule, reason in rules if "#" not in reason and rule[:-2] not in families] == []
