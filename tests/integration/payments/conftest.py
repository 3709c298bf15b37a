from pathlib import Path

import pytest

from engine.engine import Engine
from tests.support.payments.shop import Shop


@pytest.fixture
def shop(engine: Engine, tmp_path: Path) -> Shop:
    return Shop(engine, tmp_path / "ledger.db")
