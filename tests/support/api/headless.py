"""The browser of the tests of pages: which program it is, and the options that each of them needs."""

import shutil

FLAGS = ("--no-sandbox", "--disable-gpu")
_DEBIAN_FOLDER = "/usr/lib/chromium"
"""Debian's command of the shell is a script, which would end without its browser."""


def headless_browser() -> str:
    """The browser's program. The shell, which is Chromium without windows, takes half of the processor time."""
    program = shutil.which("chromium-headless-shell", path=_DEBIAN_FOLDER) or shutil.which("chromium")
    assert program, "this test looks at a page: apt-get install chromium-headless-shell"
    return program
