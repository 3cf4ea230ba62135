"""The configuration in force as the operator prints it: value, origin, and what was not taken."""

import asyncio
import json
from pathlib import Path

import pytest

from app.domain.errors import UserError
from app.show_config import show_config
from tests.doctor.conftest import Office


def printed(capsys: pytest.CaptureFixture[str]) -> dict[str, list[str]]:
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    return {row[0]: row[1:] for row in rows}


def test_a_folder_s_file_stands_between_the_operator_s_layers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home, code = tmp_path / "home", tmp_path / "code"
    home.mkdir()
    code.mkdir()
    (home / "settings.toml").write_text('[defaults]\ncomment_limit = 4\ndrafts = true\n[locked]\nfail_on = "high"\n')
    (home / "settings.toml").chmod(0o600)
    (code / ".corrigent.yaml").write_text("comment_limit: 6\nfail_on: low\nmodle: x\n")
    assert show_config(str(code), schema=False, home=home) == 1
    rows = printed(capsys)
    assert rows["comment_limit"] == ["6", ".corrigent.yaml"]
    assert rows["drafts"] == ["true", "defaults"]
    assert rows["fail_on"] == ['"high"', "locked"]
    assert rows["effort"] == ['"normal"', "built-in"]
    assert rows["line"][:2] == ["3:", "`modle`"]


def test_a_folder_without_the_file_has_the_defaults(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert show_config(str(tmp_path), schema=False, home=tmp_path) == 0
    assert "(not there)" in capsys.readouterr().out.splitlines()[0]


def test_the_schema_is_json_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert show_config(".", schema=True, home=None) == 0
    schema = json.loads(capsys.readouterr().out)
    assert schema["$schema"].endswith("2020-12/schema")
    assert "fail_on" in schema["properties"]


async def test_a_repository_s_file_is_read_at_the_forge(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    await office.repo.commit({".corrigent.yaml": "fail_on: high\n"}, branch="main", author="maria")
    office.home.mkdir()
    file = office.home / "settings.toml"
    given = office.credentials
    (office.home / "key.pem").write_text(given.private_key_pem)
    file.write_text(
        "[organisations.acme.defaults]\ncomment_limit = 3\n"
        f'[[connections]]\nkey = "github"\nkind = "github"\nweb_url = "{office.forge.url}"\n'
        f'api_url = "{office.forge.api_url}"\napp_id = {given.app_id}\nslug = "{given.slug}"\n'
        f'private_key_file = "key.pem"\nwebhook_secret = "{given.webhook_secret}"\n'
    )
    file.chmod(0o600)
    assert await asyncio.to_thread(show_config, "ACME/shop", schema=False, home=office.home) == 0
    rows = printed(capsys)
    assert rows["fail_on"] == ['"high"', ".corrigent.yaml"]
    assert rows["comment_limit"] == ["3", "organisation"]
    assert rows[".corrigent.yaml"][:4] == ["of", "acme/shop,", "main", "at"]
    with pytest.raises(UserError, match="neither a folder here nor a repository"):
        await asyncio.to_thread(show_config, "acme/other", schema=False, home=office.home)
