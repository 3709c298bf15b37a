"""`onsale loadtest`: hands over to the rehearsal, which is in the checkout and not in the installed package."""

import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec

from cli.errors import UserError


def rehearse(options: Sequence[str]) -> int:
    """Runs the rehearsal with these options; its exit status. Raises UserError where there is none."""
    if find_spec("loadtest") is None:
        raise UserError("the rehearsal is not installed: run it in a checkout, after `make install`")
    try:
        return subprocess.run([sys.executable, "-m", "loadtest.drop", *options], check=False).returncode  # noqa: S603  # ours
    except KeyboardInterrupt:
        return 130
