"""A test that does not come to its end, on whatever way, is named, and the next one runs."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent

TESTS = """
import asyncio, time
from contextlib import asynccontextmanager
import pytest
from tests.harness.limits import pytest_exception_interact, pytest_runtest_call, pytest_timeout_set_timer

@pytest.fixture
async def stuck():
    yield
    await asyncio.Event().wait()

async def test_that_fails_and_is_not_taken_down(stuck):
    assert False

@asynccontextmanager
async def others():
    # Cannot be left when all tasks were cancelled together.
    working = asyncio.create_task(asyncio.Event().wait())
    try:
        yield
    finally:
        if working.cancelling():
            await asyncio.Event().wait()
        working.cancel()

async def test_that_is_taken_down_in_order():
    async with others():
        await asyncio.Event().wait()

async def test_whose_limit_hits_another_task():
    async def other():
        while True:
            began = time.monotonic()
            while time.monotonic() < began + 1.2:
                pass
            await asyncio.Event().wait()

    working = asyncio.create_task(other())
    await asyncio.Event().wait()

def test_after_them():
    pass
"""


def test_whatever_a_test_waits_for_it_ends(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(TESTS.partition("\n@pytest")[0])
    (tmp_path / "test_ends.py").write_text(TESTS)
    # No other plugins: they take longer than all the rest.
    options = ("-p", "pytest_timeout", "-p", "pytest_asyncio.plugin", "--asyncio-mode", "auto", "--timeout", "1")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--rootdir", ".", "-q", "-rA", "--tb", "no"],
        cwd=tmp_path,
        env={"PATH": os.defpath, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert set(re.findall(r"^([A-Z]+) .*::(\w+)", ran.stdout, re.MULTILINE)) == {
        ("FAILED", "test_that_fails_and_is_not_taken_down"),
        ("ERROR", "test_that_fails_and_is_not_taken_down"),
        ("FAILED", "test_that_is_taken_down_in_order"),
        ("FAILED", "test_whose_limit_hits_another_task"),
        ("PASSED", "test_after_them"),
    }, ran.stdout + ran.stderr
