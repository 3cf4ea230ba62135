"""A connection to GitLab in settings.toml: what it needs, what follows from what, and that its secrets stay secret."""

from pathlib import Path

import pytest

from app.domain.errors import UserError
from app.settings import Settings, load_settings
from app.wiring import open_forges
from tests.contracts.worlds import OpenLimits
from tests.gitlab.support import SIGNING_TOKEN

GOOD = {
    "key": '"gitlab"',
    "kind": '"gitlab"',
    "slug": '"group_5_bot_3f"',
    "user_id": "900",
    "token": '"s3cret-token"',
    "webhook_secret": '"s3cret-hook"',
}


def load(home: Path, **changes: str) -> Settings:
    rows = {**GOOD, **changes}
    text = "[[connections]]\n" + "".join(f"{name} = {value}\n" for name, value in rows.items() if value)
    (home / "settings.toml").write_text(text)
    (home / "settings.toml").chmod(0o600)
    return load_settings({}, {"CORRIGENT_HOME": str(home)})


ADDRESSES: list[tuple[dict[str, str], str, str]] = [
    ({}, "https://gitlab.com", "https://gitlab.com/api/v4"),
    (
        {"web_url": '"https://git.acme.com/gitlab/"'},
        "https://git.acme.com/gitlab",
        "https://git.acme.com/gitlab/api/v4",
    ),
    ({"api_url": '"https://api.acme.com/v4"'}, "https://gitlab.com", "https://api.acme.com/v4"),
]


@pytest.mark.parametrize(("changes", "web_url", "api_url"), ADDRESSES)
def test_the_api_s_address_follows_from_the_site_s(
    tmp_path: Path, changes: dict[str, str], web_url: str, api_url: str
) -> None:
    (connection,) = load(tmp_path, **changes).connections
    assert (connection.web_url, connection.api_url) == (web_url, api_url)


def test_a_signing_token_may_take_the_secret_s_place(tmp_path: Path) -> None:
    (connection,) = load(
        tmp_path, webhook_secret="", signing_token='"s3cret-sign"', old_signing_token='"s3cret-old"'
    ).connections
    assert connection.webhook_secrets == ()
    assert connection.signing_tokens == ("s3cret-sign", "s3cret-old")


def test_secrets_may_stand_in_files_and_are_never_shown(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret-in-a-file\n")
    settings = load(tmp_path, token="", token_file='"token"', signing_token='"s3cret-sign"')
    assert settings.connections[0].token.get_secret_value() == "s3cret-in-a-file"
    assert {"s3cret-in-a-file", "s3cret-sign", "s3cret-hook"} <= set(settings.secret_values())
    shown = str(settings.describe())
    assert "gitlab at https://gitlab.com, bot group_5_bot_3f" in shown
    assert "s3cret" not in shown


MISTAKES = [
    ({"token": ""}, "connections[1].token is missing"),
    ({"token": '""'}, "token: it is empty"),
    ({"user_id": ""}, "user_id is missing"),
    ({"user_id": "0"}, "user_id is 0"),
    ({"slug": ""}, "slug is missing"),
    ({"webhook_secret": ""}, "webhook_secret is missing"),
    ({"webhook_secret": '""'}, "webhook_secret: it is empty"),
    ({"signing_token": '""'}, "signing_token: it is empty"),
    ({"web_url": '"http://gitlab.acme.com"'}, "use https"),
    ({"web_url": '"https://a:s3cret@gitlab.acme.com"'}, "passwords out"),
    ({"web_url": '"http://169.254.169.254"'}, "use https"),
    ({"web_url": '"http://2130706433"'}, "use https"),
    ({"web_url": '"http://127.0.0.1.evil.example"'}, "use https"),
    ({"web_url": '"https://gıtlab.com"'}, "as xn--"),
    ({"api_url": '"http://169.254.169.254/api/v4"'}, "use https"),
    ({"api_url": '"https://gitlab.com@evil.example/api/v4"'}, "passwords out"),
    ({"kind": '"gitea"'}, "'github' or 'gitlab'"),
]


@pytest.mark.parametrize(("changes", "told"), MISTAKES, ids=[row[1] for row in MISTAKES])
def test_a_mistake_is_told_without_its_secret(tmp_path: Path, changes: dict[str, str], told: str) -> None:
    with pytest.raises(UserError) as error:
        load(tmp_path, **changes)
    assert told in str(error.value)
    assert "s3cret" not in str(error.value)


async def test_what_is_configured_is_what_our_parts_are_built_with(tmp_path: Path) -> None:
    settings = load(tmp_path, signing_token=f'"{SIGNING_TOKEN}"')
    async with open_forges(settings, OpenLimits()) as forges:
        built = forges.all["gitlab"].connection
        assert (built.token.get_secret_value(), built.user_id) == ("s3cret-token", 900)
        assert [one.get_secret_value() for one in built.signing_tokens] == [SIGNING_TOKEN]
