"""A page that fails says so in a sentence, with an id under which the log has the trace; nothing of the error is shown."""

import io
import json
import re
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path

import httpx
import pytest
from sqlalchemy.exc import OperationalError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.telemetry import start_logging
from app.web.hooks import HookDoor
from app.web.main import create_app
from app.web.pages.failure import Failure
from app.web.pages.parts.rendering import Templates
from app.wiring import open_store
from tests.ops.test_logs import log
from tests.web.filling import dashboard_only
from tests.web.stories import NOW

__all__ = ["log"]

SECRET = "a-secret-of-this-process"


async def broken(_: Request) -> Response:
    raise LookupError(f"no row for /srv/home/{SECRET}")


async def away(_: Request) -> Response:
    raise OperationalError("SELECT 1", {}, ConnectionRefusedError(SECRET))


async def healthy() -> Mapping[str, str]:
    raise LookupError(SECRET)


@pytest.fixture
async def browser(tmp_path: Path, log: io.StringIO) -> AsyncGenerator[httpx.AsyncClient]:
    async with open_store(dashboard_only(tmp_path), may_migrate=True) as store:
        door = HookDoor(
            deliveries=store.deliveries,
            inboxes={},
            wake=lambda: None,
            received=lambda _name, _status, _seconds: None,
            old_secrets=store.old_secrets,
        )
        failure = Failure(templates=Templates(lambda: NOW), clock=lambda: NOW)
        pages = [Route("/broken", broken), Route("/away", away)]
        app = create_app(door=door, healthy=healthy, pages=pages, failed=failure.show)
        start_logging(style="json", secrets=[SECRET], stream=log)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            yield client


@pytest.mark.parametrize(
    ("path", "accept", "status", "said"),
    [
        ("/broken", "text/html,*/*", 500, "<h1>This page could not be made</h1>"),
        ("/away", "text/html,*/*", 503, "<h1>The database does not answer</h1>"),
        ("/broken", "text/event-stream", 500, "This page could not be made. "),
        ("/healthz", "*/*", 500, "This page could not be made. "),
    ],
)
async def test_a_failure_is_told_by_an_id_that_the_log_has_once(
    browser: httpx.AsyncClient, log: io.StringIO, path: str, accept: str, status: int, said: str
) -> None:
    answer = await browser.get(path, headers={"accept": accept})
    assert answer.status_code == status
    assert said in answer.text
    assert not re.search(rf"Traceback|LookupError|/srv|\.py|{SECRET}", answer.text)
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    (line,) = [json.loads(line) for line in log.getvalue().splitlines()]
    assert (line["event"], line["path"]) == ("page.failed", path)
    assert line["failure_id"] in answer.text
    assert "Traceback" in line["exception"]
    assert SECRET not in log.getvalue()
