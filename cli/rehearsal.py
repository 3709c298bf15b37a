"""`onsale loadtest`: hands over to the rehearsal, which is in the checkout and not in the installed package."""

import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec

from cli.complaints import Complaint


def rehearse(options: Sequence[str]) -> int:
    """Runs the rehearsal with these options; its exit status. Raises Complaint where there is none."""
    if find_spec("loadtest") is None:
        raise Complaint("the rehearsal is in the checkout: run it there, after `make install`")
    try:
        return subprocess.run([sys.executable, "-m", "loadtest.drop", *options], check=False).returncode  # noqa: S603  # ours
    except KeyboardInterrupt:
        return 130
