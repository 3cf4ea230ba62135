"""The operator's settings: which layer wins, where secrets go, and what a mistake is told."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import JsonValue

from app.domain.errors import UserError
from app.settings import FOREIGN_NAMES, Settings, load_settings

CONNECTION = """
[[connections]]
key = "github"
kind = "github"
app_id = 12
slug = "acme-corrigent"
private_key_file = "app.pem"
webhook_secret = "hook-secret"
"""


def write(home: Path, text: str, mode: int = 0o600) -> None:
    (home / "settings.toml").write_text(text)
    (home / "settings.toml").chmod(mode)
    (home / "app.pem").write_text("-----BEGIN PRIVATE KEY-----\n")


def load(home: Path, overrides: Mapping[str, JsonValue] | None = None, **environ: str) -> Settings:
    return load_settings(overrides, {"CORRIGENT_HOME": str(home), **environ})


def test_without_anything_the_defaults_hold(tmp_path: Path) -> None:
    settings = load_settings({}, {"HOME": "/nowhere", "CORRIGENT_HOME": str(tmp_path / "new")})
    assert (settings.listen_host, settings.listen_port) == ("127.0.0.1", 8377)
    assert settings.model == ""
    assert settings.temporal_address == ""
    assert settings.database_url.get_secret_value() == f"sqlite:///{tmp_path}/new/corrigent.db"
    assert settings.blobs_url == f"file://{tmp_path}/new/blobs"
    assert settings.settings_file == tmp_path / "new" / "settings.toml"
    assert settings.secrets_folder == tmp_path / "new" / "secrets"
    assert settings.mirrors_folder == tmp_path / "new" / "mirrors"


def test_command_line_over_environment_over_file_over_default(tmp_path: Path) -> None:
    write(tmp_path, 'listen_port = 1001\nlog_level = "debug"\nmodel = "openai:a"\n')
    settings = load(tmp_path, {"model": "openai:c"}, CORRIGENT_LOG_LEVEL="error", CORRIGENT_MODEL="openai:b")
    assert (settings.listen_port, settings.log_level, settings.model) == (1001, "error", "openai:c")
    origins = {name: origin for name, _, origin in settings.describe()}
    assert origins["listen_port"] == str(tmp_path / "settings.toml")
    assert origins["log_level"] == "CORRIGENT_LOG_LEVEL"
    assert origins["model"] == "--model"
    assert origins["post"] == "default"


def test_a_blank_variable_is_not_set(tmp_path: Path) -> None:
    write(tmp_path, 'model = "openai:a"\n')
    settings = load(tmp_path, CORRIGENT_MODEL="", CORRIGENT_MODEL_KEY="", OPENAI_API_KEY="")
    assert settings.model == "openai:a"
    assert settings.key_for("openai") is None


def test_a_connection_of_an_enterprise_server_finds_its_api(tmp_path: Path) -> None:
    write(tmp_path, CONNECTION + 'web_url = "https://ghes.acme.example/"\n')
    (connection,) = load(tmp_path).connections
    assert connection.web_url == "https://ghes.acme.example"
    assert connection.api_url == "https://ghes.acme.example/api/v3"
    assert connection.private_key.get_secret_value() == "-----BEGIN PRIVATE KEY-----"
    assert connection.webhook_secrets == ("hook-secret",)


def test_a_second_secret_is_accepted_while_one_is_rotated(tmp_path: Path) -> None:
    write(tmp_path, CONNECTION + 'old_webhook_secret_file = "old"\n')
    (tmp_path / "old").write_text("before\n")
    assert load(tmp_path).connections[0].webhook_secrets == ("hook-secret", "before")


def test_every_secret_leaves_the_environment_and_no_text_shows_it(tmp_path: Path) -> None:
    write(tmp_path, CONNECTION)
    pointer = tmp_path / "metrics"
    pointer.write_text("from-a-file\n")
    environ = {
        "CORRIGENT_HOME": str(tmp_path),
        "CORRIGENT_DATABASE_URL": "postgresql://corrigent:db-password@db/corrigent",
        "CORRIGENT_MODEL_KEY": "model-secret",
        "CORRIGENT_METRICS_TOKEN_FILE": str(pointer),
        "OPENAI_API_KEY": "openai-secret",
        "GH_TOKEN": "gh-secret",
        "PATH": "/usr/bin",
    }
    settings = load_settings({}, environ)
    held = {"db-password", "model-secret", "from-a-file", "openai-secret", "gh-secret", "hook-secret"}
    assert held <= set(settings.secret_values())
    assert environ == {
        "CORRIGENT_HOME": str(tmp_path),
        "CORRIGENT_METRICS_TOKEN_FILE": str(pointer),
        "PATH": "/usr/bin",
    }
    described = {name: value for name, value, _ in settings.describe()}
    assert described["database_url"] == "postgresql://corrigent:…@db/corrigent"
    assert described["model_key"] == "set"
    shown = repr(settings) + repr(settings.describe()) + settings.model_dump_json()
    assert not [secret for secret in held if secret in shown]


def test_a_child_process_gets_no_secret(tmp_path: Path) -> None:
    program = (
        "import os, subprocess, sys; from app.settings import load_settings\n"
        "assert load_settings().key_for('openai').get_secret_value() == 'planted'\n"
        "sys.stdout.write(subprocess.run(['env'], capture_output=True, text=True).stdout)"
    )
    environ = {**os.environ, "CORRIGENT_HOME": str(tmp_path), "OPENAI_API_KEY": "planted"}
    ran = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True)
    assert "CORRIGENT_HOME" in ran.stdout
    assert "planted" not in ran.stdout


def test_foreign_names_lead_to_settings() -> None:
    assert set(FOREIGN_NAMES.values()) <= set(Settings.model_fields)


def test_an_organisation_can_be_locked_and_silenced(tmp_path: Path) -> None:
    write(tmp_path, '[organisations.acme]\npost = "nowhere"\n[organisations.acme.locked]\nfail_on = "high"\n')
    acme = load(tmp_path).organisations["acme"]
    assert (acme.post, acme.locked) == ("nowhere", {"fail_on": "high"})


FILE = "{home}/settings.toml"
MISTAKES_IN_THE_FILE = {
    "lisen_port = 1": f"{FILE}: there is no setting 'lisen_port'. Did you mean 'listen_port'?",
    'listen_port = "x"': f"{FILE}: listen_port is 'x': it should be a valid integer.",
    "listen_port = 99999": f"{FILE}: listen_port is 99999: it should be less than or equal to 65535.",
    'post = "no"': f"{FILE}: post is 'no': it should be 'everywhere' or 'nowhere'.",
    "a = ": f"{FILE} is not valid TOML: Invalid value (at end of document).",
    'public_url = "acme.example"': (f"{FILE}: public_url is 'acme.example': use an address that begins with https://."),
    'public_url = "https://a:b@c"': f"{FILE}: public_url: leave user names and passwords out of addresses.",
    "model_key = 5": f"{FILE}: model_key: it should be a valid string.",
    "connections = 5": f"{FILE}: connections is not a list of tables; write each one as [[connections]].",
    "[defaults]\nfail_no = 1": f"{FILE}: defaults: there is no key 'fail_no'; did you mean 'fail_on'?",
    '[locked]\nfail_on = "hgih"': (
        f"{FILE}: locked: fail_on is 'hgih': it should be 'never', 'low', 'medium' or 'high'."
    ),
    CONNECTION + CONNECTION: f"{FILE}: connections: two connections have the key 'github'; give each its own.",
    CONNECTION.replace('"hook-secret"', '""'): f"{FILE}: connections[1].webhook_secret: it is empty.",
    CONNECTION.replace("webhook_secret", "# "): f"{FILE}: connections[1].webhook_secret is missing.",
    CONNECTION.replace("app.pem", "none.pem"): (
        f"{FILE}, [[connections]] 1: the secret's file '{{home}}/none.pem' cannot be read: "
        "[Errno 2] No such file or directory: '{home}/none.pem'."
    ),
    CONNECTION + 'private_key = "x"': (
        f"{FILE}, [[connections]] 1: private_key and private_key_file are both set; remove one."
    ),
    CONNECTION + 'slgu = "x"': f"{FILE}, [[connections]] 1: there is no setting 'slgu'. Did you mean 'slug'?",
    CONNECTION + 'web_url = "http://acme.example"': (
        f"{FILE}: connections[1].web_url is 'http://acme.example': use https; plain http is for this machine only."
    ),
}


@pytest.mark.parametrize("text", MISTAKES_IN_THE_FILE)
def test_a_mistake_in_the_file_names_the_thing_the_value_and_the_wish(tmp_path: Path, text: str) -> None:
    write(tmp_path, text)
    with pytest.raises(UserError) as error:
        load(tmp_path)
    assert str(error.value) == MISTAKES_IN_THE_FILE[text].format(home=tmp_path)


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        (
            "CORRIGENT_LISTEN_PRT",
            "1",
            "there is no setting 'CORRIGENT_LISTEN_PRT'. Did you mean 'CORRIGENT_LISTEN_PORT'?",
        ),
        ("CORRIGENT_CONNECTIONS", "[]", "there is no setting 'CORRIGENT_CONNECTIONS'."),
        ("CORRIGENT_TIME_SCALE", "0", "CORRIGENT_TIME_SCALE: time_scale is '0': it should be greater than 0."),
        ("CORRIGENT_MODEL_KEY_FILE", "/nowhere/key", "the secret's file '/nowhere/key' cannot be read"),
    ],
)
def test_a_mistake_in_the_environment_names_its_variable(tmp_path: Path, variable: str, value: str, told: str) -> None:
    with pytest.raises(UserError) as error:
        load(tmp_path, None, **{variable: value})
    assert told in str(error.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    write(tmp_path, "", mode)
    with pytest.raises(UserError, match=rf"has mode {mode:o}, .* chmod 600 '{tmp_path}/settings.toml'"):
        load(tmp_path)
