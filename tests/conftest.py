"""What every test may ask for."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Recorded forge data beside the repository; absent on most machines, required in CI."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        reason = f"needs the recorded data in {folder}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return folder
