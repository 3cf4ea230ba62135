"""What is wrong on this machine, at Temporal and with the model: each is named with what to do."""

import asyncio
import sqlite3
import stat
from pathlib import Path

import pytest

from app.doctor.base import Check, Ground, Line
from app.doctor.home import disk_line
from app.doctor.layout import laid_out
from app.doctor.programs import linters_line
from app.doctor.run import examine, run_doctor
from app.domain.errors import UserError
from app.settings import Settings, load_settings
from app.web.server import serving
from tests.doctor.conftest import Look
from tests.harness.llm_server import KEY, Weather, llm_server
from tests.harness.temporal import TemporalServer


def settings(home: Path, **more: str) -> Settings:
    return load_settings({"home": str(home), **more}, environ={})


def database_with_schema(path: Path, number: int) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    sql = sqlite3.connect(path)
    sql.execute("CREATE TABLE alembic_version (version_num TEXT)")
    sql.execute("INSERT INTO alembic_version VALUES (?)", (f"{number:04}",))
    sql.commit()
    sql.close()
    return f"sqlite:///{path}"


@pytest.mark.parametrize(
    ("url", "thing", "wish"),
    [
        ("mysql://u:s3cret@host/x", "Unknown database 'mysql'", "database_url"),
        ("postgresql://u:s3cret@127.0.0.1:9/x", "Cannot open the database", "see that it runs"),
        ("sqlite:////proc/1/corrigent.db", "/proc/1/corrigent.db", "--home"),
        ("sqlite:////etc/hostname", "file is not a database", "database_url"),
        ("newer", "has schema 99, this version knows", "corrigent doctor database"),
        ("older", "Run `corrigent migrate`", "corrigent doctor database"),
    ],
)
async def test_a_wrong_database_is_named(tmp_path: Path, look: Look, url: str, thing: str, wish: str) -> None:
    if url in ("newer", "older"):
        url = database_with_schema(tmp_path / "x.db", 99 if url == "newer" else 0)
    line = await look(settings(tmp_path, database_url=url), "database")
    if "/proc/1" in url and line.state == "wait":
        pytest.skip("this machine lets its user write there")
    assert (line.state, thing in line.text, wish in line.next_step) == ("FAIL", True, True), line
    assert "s3cret" not in line.text


async def test_a_folder_for_blobs_that_cannot_be_written_is_named(tmp_path: Path, look: Look) -> None:
    (tmp_path / "file").write_text("")
    line = await look(settings(tmp_path, blobs_url=f"file://{tmp_path}/file"), "blobs")
    assert (line.state, "blobs_url" in line.next_step) == ("FAIL", True), line


async def test_a_secret_that_others_may_read_is_named(tmp_path: Path, look: Look) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "github.private_key").write_text("s3cret")
    (tmp_path / "secrets" / "github.private_key").chmod(0o644)
    line = await look(settings(tmp_path), "settings")
    assert (line.state, "has mode 644" in line.text, "chmod 600" in line.next_step) == ("FAIL", True, True), line


async def test_looking_makes_nothing(tmp_path: Path, look: Look) -> None:
    home = tmp_path / "home"
    for part in ("settings", "database", "blobs", "disk", "first day"):
        assert (await look(settings(home), part)).state in ("ok", "wait")
    assert not home.exists()


@pytest.mark.parametrize(("free", "state"), [(10_000_000, "FAIL"), (900_000_000, "wait"), (50_000_000_000, "ok")])
def test_a_full_disk_is_named(free: int, state: str) -> None:
    line = disk_line(free, Path("/home/acme"))
    assert line.state == state
    assert (state != "FAIL") or "mirrors/" in line.next_step


def test_linters_that_are_not_there_are_named(tmp_path: Path) -> None:
    none = linters_line(str(tmp_path))
    assert (none.state, "bootstrap" in none.next_step) == ("FAIL", True)
    program = tmp_path / "ruff"
    program.write_text("")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    one = linters_line(str(tmp_path))
    assert one.state == "ok"
    assert one.text.startswith("ruff 0.")
    assert "not installed: ty, ast-grep" in one.text


async def test_temporal_that_does_not_answer_is_named(tmp_path: Path, look: Look) -> None:
    line = await look(settings(tmp_path, temporal_address="127.0.0.1:9"), "Temporal")
    assert (line.state, "127.0.0.1:9" in line.text, "temporal_address" in line.next_step) == ("FAIL", True, True), line


async def test_temporal_without_a_current_version_is_named(
    tmp_path: Path, look: Look, temporal: TemporalServer
) -> None:
    given = settings(tmp_path, temporal_address=temporal.address, temporal_namespace=await temporal.namespace())
    line = await look(given, "Temporal")
    assert (line.state, "without a current worker version" in line.text) == ("FAIL", True), line
    assert "set-current-version" in line.next_step


async def test_a_namespace_that_is_not_there_is_named(tmp_path: Path, look: Look, temporal: TemporalServer) -> None:
    line = await look(settings(tmp_path, temporal_address=temporal.address, temporal_namespace="nope"), "Temporal")
    assert (line.state, "'nope'" in line.text) == ("FAIL", True), line


@pytest.mark.parametrize(
    ("weather", "state", "thing", "wish"),
    [
        ("normal", "ok", "answers, price unknown", ""),
        ("401", "FAIL", "401, the key ends in …x7Q", "put a valid key in CORRIGENT_MODEL_KEY, then: corrigent doctor"),
        ("404", "FAIL", "knows no model 'm'", "correct CORRIGENT_MODEL"),
        ("quota", "FAIL", "quota or credit is used up", "corrigent doctor model"),
        ("500", "FAIL", "model answered 500", "can be reached"),
        ("429", "wait", "wants us to wait until", ""),
    ],
)
async def test_a_model_that_was_asked_is_told(
    tmp_path: Path, look: Look, weather: Weather, state: str, thing: str, wish: str
) -> None:
    with llm_server(weather) as server:
        given = settings(tmp_path, model=f"openai-compatible:m@{server.url}", model_key=KEY)
        line = await look(given, "model")
        asked = len(server.requests)
    assert (line.state, thing in line.text, wish in line.next_step) == (state, True, True), line
    assert asked > 0
    assert KEY not in line.text + line.next_step


@pytest.mark.parametrize(
    ("given", "thing", "wish"),
    [
        ({"model": "gpt"}, "'gpt' is not a model; use one of anthropic:NAME", "correct CORRIGENT_MODEL"),
        ({"model": "openai:gpt-x"}, "needs an API key", "put a valid key in OPENAI_API_KEY"),
        ({"model": "openai-compatible:m"}, "needs the address of its server", "correct CORRIGENT_MODEL"),
        ({"model": "bedrock:b"}, "Bedrock needs a region", "set CORRIGENT_BEDROCK_REGION"),
        ({"model": "ollama:m", "model_base_url": "http://127.0.0.1:9/v1"}, "could not be reached", "127.0.0.1:9"),
    ],
)
async def test_a_model_that_cannot_be_had_is_named(
    tmp_path: Path, look: Look, given: dict[str, str], thing: str, wish: str
) -> None:
    line = await look(settings(tmp_path, **given), "model")
    assert (line.state, thing in line.text, wish in line.next_step) == ("FAIL", True, True), line
    assert "s3cret" not in line.text


async def test_a_model_is_not_asked_unless_named(tmp_path: Path) -> None:
    from app.doctor.model import check_model

    with llm_server() as server:
        given = settings(tmp_path, model=f"openai-compatible:m@{server.url}", model_key=KEY)
        line = await check_model(Ground(given, asked=False))
        assert (line.state, server.requests) == ("ok", [])


async def test_a_port_that_is_taken_is_named() -> None:
    async with await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(UserError, match=f"Port {port} on 127.0.0.1 is taken.*choose another with --port"):
            async with serving(_nothing, "127.0.0.1", port):
                pass


async def _nothing(*_: object) -> None:
    """An application that answers nothing."""


async def test_a_check_that_breaks_costs_its_own_line_only(tmp_path: Path) -> None:
    async def breaks(_: Ground) -> Line:
        raise ZeroDivisionError("by zero\nand a trace")

    async def works(_: Ground) -> Line:
        return Line("ok", "other", "fine")

    checks = [Check(part="one", run=breaks, mend="mend it"), Check(part="other", run=works, mend="")]
    lines = await examine(checks, Ground(settings(tmp_path)))
    assert lines == [Line("FAIL", "one", "ZeroDivisionError: by zero", "mend it"), Line("ok", "other", "fine")]


def test_short_lines_stand_two_in_a_row_and_what_is_wrong_alone() -> None:
    lines = [
        Line("ok", "settings", "~/x, mode 600"),
        Line("ok", "database", "SQLite, schema 14"),
        Line("wait", "webhooks", "none: polling every 15 s"),
        Line("FAIL", "model", "401", "put a valid key in X"),
        Line("ok", "first day", "fine"),
    ]
    assert list(laid_out(lines, 130)) == [
        "ok    settings    ~/x, mode 600                                       ok    database    SQLite, schema 14",
        "wait  webhooks    none: polling every 15 s",
        "FAIL  model       401  → put a valid key in X",
        "ok    first day   fine",
    ]
    assert len(list(laid_out(lines, 80))) == 5


def test_an_unknown_part_is_answered_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no part 'modle'; use one of settings, database, Temporal"):
        run_doctor("modle", home=tmp_path)
