"""Logs without secrets, traces only when asked for, figures whose memory is bounded."""

import io
import json
import logging
import subprocess
import sys
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import TextIO

import pytest
import structlog

from app.domain.errors import UserError
from app.metrics import VALUES_PER_LABEL, Metrics
from app.telemetry import start_logging, start_tracing

TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0" + "k1L2m3N4o5P6q7R8"


@pytest.fixture(autouse=True)
def logging_as_before() -> Generator[None]:
    root, quiet = logging.getLogger(), logging.getLogger("httpx").level
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    logging.getLogger("httpx").setLevel(quiet)
    structlog.reset_defaults()


def test_a_line_is_json_with_its_event_its_fields_and_its_time() -> None:
    stream = io.StringIO()
    start_logging(stream=stream)
    structlog.get_logger().info("review.posted", pull_request="github/7/12", findings=3)
    line = json.loads(stream.getvalue())
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "review.posted", "pull_request": "github/7/12", "findings": 3, "level": "info"}


def test_no_secret_is_in_any_line() -> None:
    stream = io.StringIO()
    start_logging(stream=stream, secrets=["hunter2-of-the-operator"])
    log = structlog.get_logger()
    log.warning("forge.refused", header=f"Bearer {TOKEN}", detail={"password": 'a "hunter2-of-the-operator" b'})
    try:
        raise RuntimeError(f"cannot open https://x:{TOKEN}@forge.example")
    except RuntimeError:
        log.exception("clone.failed")
        logging.getLogger("library").exception("it failed with %s", "hunter2-of-the-operator")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in lines[:2]] == ["forge.refused", "clone.failed"]
    assert "RuntimeError" in lines[1]["exception"]
    assert lines[2]["event"].startswith("it failed with ")
    assert lines[2]["logger"] == "library"
    assert TOKEN not in stream.getvalue()
    assert "hunter2" not in stream.getvalue()


@pytest.fixture
def full_disk() -> Generator[TextIO]:
    # What is left in its buffer can be written no better when it is closed.
    with suppress(OSError), Path("/dev/full").open("w", encoding="utf-8") as file:
        yield file


def test_where_lines_cannot_be_written_the_work_goes_on(full_disk: TextIO, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(OSError, match="No space left"):
        full_disk.write("x" * 100_000)
    start_logging(stream=full_disk)
    structlog.get_logger().error("hook.not_stored", detail="x" * 100_000)
    logging.getLogger("library").error("y" * 100_000)
    assert "Logging error" not in capsys.readouterr().err


def test_a_trace_on_the_console_shows_no_local_variables() -> None:
    stream = io.StringIO()
    start_logging(stream=stream, style="console")
    code_under_review = "planted-local-variable"
    try:
        raise RuntimeError(str(len(code_under_review)))
    except RuntimeError:
        structlog.get_logger().exception("run.failed")
    assert "RuntimeError: 22" in stream.getvalue()
    assert "planted-local-variable" not in stream.getvalue().replace('code_under_review = "planted-local-variable"', "")


def test_levels_hold_for_us_and_quiet_libraries() -> None:
    stream = io.StringIO()
    start_logging(stream=stream, level="info")
    structlog.get_logger().debug("too.small")
    logging.getLogger("httpx").info("HTTP Request: GET https://forge.example")
    logging.getLogger("uvicorn.error").info("started")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["started"]


def test_tracing_is_not_even_imported_without_an_endpoint() -> None:
    program = (
        "import sys; from app.telemetry import start_tracing; assert start_tracing('', process='x') is None; "
        "assert not [name for name in sys.modules if name.startswith('opentelemetry')]"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_missing_exporter_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    # As where the extra is not installed.
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter", None)
    with pytest.raises(UserError, match=r"uv pip install opentelemetry-exporter-otlp-proto-http"):
        start_tracing("http://127.0.0.1:4318", process="test")


def test_the_page_has_a_figure_for_each_step() -> None:
    metrics = Metrics()
    metrics.hook("github", 202, 0.03)
    metrics.backlog(3, 1.5)
    metrics.dispatched(0.02)
    metrics.forge_request("GET", "/repositories/12/pulls/7?page=2", 200, 0.1)
    metrics.forge_request("GET", "/repositories/13/pulls/8", 200, 0.1)
    metrics.model_call("anthropic:x", "ok", sent=100, received=20, dollars=0.25)
    metrics.review("clean", 12)
    metrics.adopted("stage_review")
    metrics.wait("budget")
    metrics.janitor(late=2, closed=1)
    metrics.waited("ours", 1.5)
    metrics.refused("secondary")
    page = metrics.render().decode()
    for line in (
        'corrigent_hooks_total{connection="github",status="202"} 1.0',
        "corrigent_deliveries_waiting 3.0",
        "corrigent_deliveries_oldest_seconds 1.5",
        'corrigent_dispatch_seconds_bucket{le="0.025"} 1.0',
        'corrigent_forge_requests_total{route="GET /repositories/{}/pulls/{}",status="200"} 2.0',
        'corrigent_model_calls_total{model="anthropic:x",result="ok"} 1.0',
        'corrigent_model_tokens_total{direction="sent",model="anthropic:x"} 100.0',
        'corrigent_model_dollars_total{model="anthropic:x"} 0.25',
        'corrigent_reviews_total{outcome="clean"} 1.0',
        'corrigent_review_seconds_bucket{le="20.0"} 1.0',
        'corrigent_effects_adopted_total{kind="stage_review"} 1.0',
        'corrigent_hook_seconds_bucket{le="0.05"} 1.0',
        'corrigent_waits_total{limit="budget"} 1.0',
        "corrigent_runs_late 2.0",
        "corrigent_janitor_closes_total 1.0",
        'corrigent_limiter_wait_seconds_total{limit="ours"} 1.5',
        'corrigent_limiter_refusals_total{limit="secondary"} 1.0',
        "process_resident_memory_bytes",
    ):
        assert line in page


def test_ten_thousand_names_do_not_fill_the_memory() -> None:
    metrics = Metrics()
    for number in range(10_000):
        metrics.forge_request("GET", f"/repos/owner/name-{number}/pulls", 200, 0.1)
    page = metrics.render().decode()
    assert page.count("corrigent_forge_requests_total{") == VALUES_PER_LABEL + 1
    assert 'corrigent_forge_requests_total{route="other",status="200"} 9900.0' in page
