"""The files that a page for browsers is made of: its own folder, and the one that pages share."""

import json
import re
from pathlib import Path
from typing import Any

import api.assets.handlers

SHARED = Path(api.assets.handlers.__file__).with_name("files")

_ELSEWHERE = re.compile(r"(?:https?:)?//[a-z0-9]", re.IGNORECASE)
_COMMENT = re.compile(r"^\s*//.*$|; // .*$", re.MULTILINE)
_NO_ADDRESSES = re.compile("http://www.w3.org/2000/svg|-//Onsale//Storefront//EN")
_IMPORT = re.compile(r'from "(\./|/assets/)([\w.]+)"')
_NAMES = re.compile(r'import \{([^}]*)\} from "([^"]+)"')
_EXPORT = re.compile(r"^export (?:async )?(?:function\*?|class) (\w+)|^export (?:const|let) (.+)", re.MULTILINE)
_TEXT = re.compile(r'\bt\("([\w.]+)"|data-(?:t|label)="([\w.]+)"')


def addresses_in(text: str) -> list[str]:
    """The addresses in a file that lead outside; comments may have them."""
    return _ELSEWHERE.findall(_COMMENT.sub("", _NO_ADDRESSES.sub("", text)))


def texts_of(folder: Path, language: str) -> dict[str, Any]:
    """The texts of a language, by name."""
    texts: dict[str, Any] = json.loads((folder / f"{language}.json").read_text(encoding="utf-8"))
    return texts


def sources_of(folder: Path) -> dict[str, str]:
    """The pages and modules of a folder, and the shared modules that they import, by name."""
    sources = {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir() if _is_source(file)}
    wanted = [name for text in sources.values() for name in _imports(text, "/assets/")]
    while wanted:
        name = wanted.pop()
        if f"/assets/{name}" not in sources:
            sources[f"/assets/{name}"] = text = (SHARED / name).read_text(encoding="utf-8")
            wanted += _imports(text, "/assets/")
    return sources


def check_imports(folder: Path) -> None:
    """Fails for a module or a name that is imported and not there; shared modules may not import those of a page."""
    sources = sources_of(folder)
    for name, text in sources.items():
        for names, where in _NAMES.findall(text):
            wanted = {each.split(" as ")[0].strip() for each in names.split(",")}
            missing_names = wanted - {""} - _exported(sources[where.removeprefix("./")])
            assert not missing_names, (name, where, missing_names)
        missing = [each for each in _imports(text, "./") if not (folder / each).is_file()]
        assert missing == [], (name, missing)
        assert not (name.startswith("/assets/") and _imports(text, "./")), name


def check_texts(folder: Path, language: str, sources: dict[str, str]) -> None:
    """Fails for a text that is used and not there, and for one that names values which the English one does not."""
    words, english = texts_of(folder, language), texts_of(folder, "en")
    assert words.keys() == english.keys()
    for name, text in sources.items():
        used = {one or other for one, other in _TEXT.findall(text)}
        assert used <= words.keys(), (name, used - words.keys())
    for name, value in words.items():
        forms = value.values() if isinstance(value, dict) else [value]
        expected = set(re.findall(r"\{\w+\}", json.dumps(english[name])))
        assert all(set(re.findall(r"\{\w+\}", form)) <= expected for form in forms), name
        if isinstance(value, dict):
            assert value.keys() == {"one", "other"}, name


def _exported(text: str) -> set[str]:
    """The exported names; one statement may have several: `export const FREE = 0, HELD = 1;`."""
    found: set[str] = set()
    for name, values in _EXPORT.findall(text):
        found |= {name} if name else set(re.findall(r"\b(\w+) = ", values))
    return found


def _is_source(file: Path) -> bool:
    return file.suffix in (".js", ".html")


def _imports(text: str, kind: str) -> list[str]:
    return [name for where, name in _IMPORT.findall(text) if where == kind]
