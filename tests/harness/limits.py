"""The time limit of a test, for its end as well: what takes its fixtures down may wait for ever like the test itself."""

import asyncio
import signal
from collections.abc import Callable, Generator
from types import FrameType
from typing import Protocol, cast

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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, object, object]:
    strike = signal.getsignal(signal.SIGALRM)
    if not callable(strike):
        return (yield)
    signal.signal(signal.SIGALRM, _first_in_order(strike))
    try:
        return (yield)
    finally:
        signal.signal(signal.SIGALRM, strike)


def _first_in_order(strike: Callable[[int, FrameType | None], object]) -> Callable[[int, FrameType | None], None]:
    """What runs in an event loop is cancelled, and takes down what it had up. An error raised there would leave its
    task where it is, and all tasks would be cancelled at once: Temporal's workers do not survive that."""
    struck = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal struck
        task = None if struck else _running(frame)
        struck = True
        if task is None:
            strike(number, frame)
        else:
            task.cancel("the time limit of the test is over")
            task.get_loop().call_soon_threadsafe(lambda: None)

    return handle


def _running(frame: FrameType | None) -> "asyncio.Task[object] | None":
    """What the event loop was asked to run, by its own frame."""
    while frame is not None:
        if frame.f_code is asyncio.BaseEventLoop.run_until_complete.__code__:
            work = frame.f_locals["future"]
            return cast("asyncio.Task[object]", work) if isinstance(work, asyncio.Task) else None
        frame = frame.f_back
    return None
