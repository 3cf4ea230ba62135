"""Settings that are wrong: one line each that names the thing and what to do, and never a secret."""

from pathlib import Path

import pytest

from app.doctor.run import run_doctor

GOOD = {
    "key": '"github"',
    "kind": '"github"',
    "app_id": "7",
    "slug": '"acme-corrigent"',
    "private_key": '"s3cret-key"',
    "webhook_secret": '"s3cret-hook"',
}


def connection(**changes: str) -> str:
    rows = {**GOOD, **changes}
    return "[[connections]]\n" + "".join(f"{name} = {value}\n" for name, value in rows.items() if value)


ROWS = {
    "mode 644": (connection(), "has mode 644", "chmod 600"),
    "not TOML": ("model = \n", "is not valid TOML", "line 1"),
    "unknown setting": ('modle = "x"\n', "no setting 'modle'", "Did you mean 'model'?"),
    "unknown setting of a connection": (connection(slugg='"x"'), "'slugg'", "Did you mean 'slug'?"),
    "key file missing": (connection(private_key="", private_key_file='"no.pem"'), "no.pem", "cannot be read"),
    "key file empty": (connection(private_key="", private_key_file='"empty"'), "is empty", "empty"),
    "key twice": (connection(private_key_file='"empty"'), "both set", "remove one"),
    "no key": (connection(private_key=""), "private_key is missing", "connections[1]"),
    "App id of nobody": (connection(app_id="0"), "app_id is 0", "greater than 0"),
    "App id in words": (connection(app_id='"acme"'), "app_id is 'acme'", "integer"),
    "no slug": (connection(slug=""), "slug is missing", "connections[1]"),
    "no webhook secret": (connection(webhook_secret='""'), "webhook_secret", "it is empty"),
    "plain http": (connection(web_url='"http://ghe.acme.com"'), "http://ghe.acme.com", "use https"),
    "password in an address": (connection(web_url='"https://a:s3cret@ghe.acme.com"'), "web_url", "passwords out"),
    "two of one key": (connection() + connection(), "two connections have the key 'github'", "give each its own"),
    "unknown forge": (connection(kind='"gitea"'), "kind is 'gitea'", "'github'"),
    "connections as one": ('connections = "github"\n', "is not a list of tables", "[[connections]]"),
    "unknown key under defaults": ('[defaults]\nfail_onn = "high"\n', "'fail_onn'", "did you mean 'fail_on'?"),
    "unknown value under locked": ('[locked]\nfail_on = "hgih"\n', "fail_on is 'hgih'", "high"),
    "public address without https": ('public_url = "bot.acme.com"\n', "public_url is 'bot.acme.com'", "https://"),
    "port that is none": ("listen_port = 99999\n", "listen_port is 99999", "65535"),
    "unknown log level": ('log_level = "loud"\n', "log_level is 'loud'", "info"),
}


@pytest.mark.parametrize(("content", "thing", "wish"), ROWS.values(), ids=ROWS)
def test_wrong_settings_are_one_line_with_the_next_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, thing: str, wish: str
) -> None:
    (tmp_path / "empty").write_text("\n")
    file = tmp_path / "settings.toml"
    file.write_text(content)
    file.chmod(0o644 if "has mode" in thing else 0o600)
    assert run_doctor("", home=tmp_path) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("FAIL  settings    ")
    assert thing in line
    assert wish in line
    assert "→ then: corrigent doctor" in line
    assert "s3cret" not in line
