"""The time limit of a test, for its end as well: what takes its fixtures down may wait for ever like the test itself."""

import signal
from collections.abc import Generator
from typing import Protocol

import pytest


class Settings(Protocol):
    """What is used of pytest-timeout's, which are not typed."""

    timeout: float


_SETTINGS = pytest.StashKey[Settings]()


@pytest.hookimpl(wrapper=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: Settings) -> Generator[None, object, object]:
    done = yield
    item.stash[_SETTINGS] = settings
    if signal.getitimer(signal.ITIMER_REAL)[0]:
        # Again and again: in an event loop the first error may be raised in a task that keeps it to itself.
        signal.setitimer(signal.ITIMER_REAL, settings.timeout, settings.timeout)
    return done


@pytest.hookimpl(trylast=True)
def pytest_exception_interact(node: pytest.Item | pytest.Collector) -> None:
    # pytest-timeout lets go of a test that failed, whose fixtures are still up.
    if isinstance(node, pytest.Item) and _SETTINGS in node.stash:
        node.ihook.pytest_timeout_set_timer(item=node, settings=node.stash[_SETTINGS])
