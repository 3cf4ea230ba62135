"""Setting up GitLab as operators do: with a bot's token, for a project or a group, twice, and with everything wrong."""

import stat
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import pytest

from app.connection_settings import Connection
from app.domain.errors import UserError
from app.domain.pull_request import Permission
from app.forges.fake.errors import Refusal
from app.forges.fake.exchange import Seen
from app.forges.fake.faults import Refuse
from app.forges.fake.gitlab.entities import Access, Hook
from app.forges.fake.gitlab.errors import says
from app.forges.fake.gitlab.repo_scenario import FakeProject
from app.forges.fake.gitlab.scenario import FakeGitLab
from app.settings import load_settings
from app.setup.gitlab import Setup, Wish, setup_gitlab
from app.setup.host import gitlab_named
from tests.harness.swagger import GitLabContract

URL = "https://bot.acme.com"
HEARD = {"merge_requests_events": True, "note_events": True, "push_events": False, "confidential_note_events": False}


@dataclass
class Site:
    """A GitLab with one project, and an operator before the command line."""

    fake: FakeGitLab
    project: FakeProject
    home: Path
    capsys: pytest.CaptureFixture[str]
    typed: list[str] = field(default_factory=list[str])

    def token(
        self, role: Access = Access.MAINTAINER, *, scopes: Sequence[str] = ("api",), ends: date | None = None
    ) -> str:
        """Of a bot in the project."""
        bot = self.fake.gitlab.user("project_7_bot_3f", bot=True)
        self.project.project.members[bot.user_id] = role
        made = self.fake.gitlab.make_token(
            bot,
            name="corrigent",
            scopes=frozenset(scopes),
            expires_at=ends or self.fake.gitlab.today + timedelta(days=90),
            access=role,
            project=self.project.project,
        )
        return made.text

    def file(self, token: str) -> Path:
        path = self.home.parent / f"{token[-6:]}.token"
        path.write_text(f"{token}\n")
        return path

    async def run(self, token: str = "", **more: object) -> tuple[int, str]:
        """The exit code, and what was said."""
        wish = self.wish(**({"token_file": self.file(token)} if token else {}), **more)
        code = await self.wished(wish)
        return code, self.capsys.readouterr().out

    def wish(self, **more: object) -> Wish:
        given = {"host": self.fake.url, "url": URL, "home": self.home, **more}
        return Wish(**given)  # pyright: ignore[reportArgumentType] - rows of a table name some of its fields

    async def wished(self, wish: Wish) -> int:
        settings = load_settings({"home": str(self.home)}, {})
        return await Setup(wish, settings, self.ask if self.typed else None).run()

    def ask(self, _: str) -> str:
        return self.typed.pop(0)

    @property
    def hooks(self) -> Sequence[Hook]:
        return self.fake.hooks

    @property
    def connections(self) -> Sequence[Connection]:
        return load_settings({"home": str(self.home)}, {}).connections

    @property
    def writes(self) -> list[Seen]:
        return [seen for seen in self.fake.requests if seen.method != "GET"]


@pytest.fixture
async def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> AsyncGenerator[Site]:
    contract = GitLabContract()
    async with FakeGitLab.start(prefix="/git") as fake:
        contract.watch(fake)
        project = await fake.create_repo("acme/backend/shop")
        yield Site(fake, project, tmp_path / "home", capsys)
    contract.assert_kept()


async def test_a_token_makes_a_connection_and_a_webhook(site: Site) -> None:
    token = site.token()
    code, said = await site.run(token)
    assert code == 0
    assert "bot project_7_bot_3f, scope api, until" in said
    assert "Maintainer in acme/backend/shop" in said
    assert f"made: merge requests and comments go to {URL}/hooks/127-0-0-1" in said
    (hook,) = site.hooks
    assert {event: hook.events.get(event, False) for event in HEARD} == HEARD
    (connection,) = site.connections
    assert (connection.kind, connection.web_url, connection.slug) == ("gitlab", site.fake.url, "project_7_bot_3f")
    assert connection.user_id == site.fake.user("project_7_bot_3f").user_id
    assert connection.token.get_secret_value() == token
    assert (hook.token, hook.url) == (connection.webhook_secrets[0], f"{URL}/hooks/{connection.key}")
    files = [site.home / "settings.toml", *(site.home / "secrets").iterdir()]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert token not in said + (site.home / "settings.toml").read_text()


async def test_again_nothing_is_changed_and_a_new_address_moves_the_hook(site: Site) -> None:
    token = site.token()
    await site.run(token)
    before, secret = (site.home / "settings.toml").read_text(), site.hooks[0].token
    writes = len(site.writes)
    # Neither the token nor the project is asked for again.
    code, said = await site.run()
    assert (code, len(site.writes)) == (0, writes)
    assert "is as it was" in said
    assert (site.home / "settings.toml").read_text() == before
    text = before.replace(f'public_url = "{URL}"', 'public_url = "https://new.acme.com"')
    (site.home / "settings.toml").write_text(text)
    site.hooks[0].url = f"https://new.acme.com/hooks/{site.connections[0].key}"
    site.hooks[0].events["note_events"] = False
    _, said = await site.run(url="")
    assert "changed: merge requests" in said
    (hook,) = site.hooks
    assert (hook.events["note_events"], hook.token) == (True, secret)


async def test_another_bot_takes_a_connection_s_place_by_its_name(site: Site) -> None:
    await site.run(site.token())
    (site.home / "settings.toml").write_text(
        "# mine\n" + (site.home / "settings.toml").read_text() + '\n[defaults]\nfail_on = "high"\n'
    )
    key = site.connections[0].key
    site.project.set_role("machine", Permission.MAINTAIN)
    other = site.fake.personal_token("machine")
    _, said = await site.run(other, key=key, project="acme/backend/shop")
    assert "person machine" in said
    assert "their own commands are not heard" in said
    (connection,) = site.connections
    assert (connection.slug, connection.token.get_secret_value()) == ("machine", other)
    text = (site.home / "settings.toml").read_text()
    assert text.startswith("# mine\n")
    assert text.endswith('\n[defaults]\nfail_on = "high"\n')
    # Without its name it would have been one more.
    await site.run(site.token())
    assert len(site.connections) == 2
    assert len(site.hooks) == 2


async def test_gitlab_signs_when_that_is_wished(site: Site) -> None:
    await site.run(site.token(), signing=True)
    (hook,), (connection,) = site.hooks, site.connections
    assert hook.signing_token == connection.signing_tokens[0]
    assert hook.signing_token.startswith("whsec_")
    assert (hook.token, connection.webhook_secrets) == ("", ())
    with pytest.raises(UserError, match="remove signing_token"):
        await site.run(signing=False)


async def test_a_developer_s_webhook_is_made_with_a_maintainer_s_token_that_is_not_kept(site: Site) -> None:
    token = site.token(Access.DEVELOPER)
    code, said = await site.run(token)
    assert (code, list(site.hooks)) == (1, [])
    assert f"URL            {URL}/hooks/" in said
    assert str(site.home / "secrets") in said
    site.project.set_role("ines", Permission.MAINTAIN)
    maintainer = site.fake.personal_token("ines")
    site.typed = [maintainer]
    code, said = await site.run()
    assert (code, len(site.hooks)) == (0, 1)
    assert all(maintainer not in file.read_text() for file in site.home.rglob("*") if file.is_file())
    assert site.hooks[0].token == site.connections[0].webhook_secrets[0]


async def test_a_token_is_typed_where_no_file_is_given(site: Site) -> None:
    site.typed = [site.token()]
    code, _ = await site.run()
    assert (code, len(site.connections)) == (0, 1)


async def test_a_group_s_owner_gets_one_webhook_for_all_and_others_one_for_each_project(site: Site) -> None:
    await site.fake.create_repo("acme/backend/api")
    group = site.fake.gitlab.group("acme")
    bot = site.fake.gitlab.user("group_5_bot_3f", bot=True)
    group.members[bot.user_id] = Access.MAINTAINER
    token = site.fake.gitlab.make_token(
        bot, name="corrigent", scopes=frozenset({"api"}), expires_at=None, access=Access.MAINTAINER, group=group
    ).text
    _, said = await site.run(token, group="acme")
    assert "Developer in 2 projects of acme" in said
    assert "its projects get one each" in said
    assert sorted(hook.project.path for hook in site.hooks if hook.project) == ["api", "shop"]
    assert site.connections[0].group == "acme"
    group.members[bot.user_id] = Access.OWNER
    code, _ = await site.run()
    assert code == 0
    assert [hook.group for hook in site.hooks if hook.group] == [group]


async def test_without_an_address_what_is_lost_is_said(site: Site) -> None:
    code, said = await site.run(site.token(), url="")
    assert (code, list(site.hooks)) == (0, [])
    assert "none → changes are found every 10 min, commands are not heard" in said


def not_a_member(site: Site) -> dict[str, object]:
    site.fake.user("lone")
    return {"token_file": site.file(site.fake.personal_token("lone")), "project": "acme/backend/shop"}


def refused_hook(site: Site) -> dict[str, object]:
    blocked = says(422, "Url is blocked: Requests to the local network are not allowed")
    site.fake.fault(Refuse(blocked), method="POST", path="/api/v4/projects/*/hooks")
    return {"token_file": site.file(site.token())}


def revoked(site: Site) -> dict[str, object]:
    token = site.token()
    site.fake.token(token).revoked = True
    return {"token_file": site.file(token)}


def many_projects(site: Site) -> dict[str, object]:
    other = site.fake.gitlab.create_project(
        site.fake.gitlab.group("acme"), "web", visibility="private", default_branch="main"
    )
    token = site.token()
    other.members[site.fake.user("project_7_bot_3f").user_id] = Access.DEVELOPER
    return {"token_file": site.file(token)}


def empty_file(site: Site) -> dict[str, object]:
    path = site.home.parent / "empty"
    path.write_text("\n")
    return {"token_file": path}


def behind_a_proxy_page(site: Site) -> dict[str, object]:
    site.fake.fault(Refuse(Refusal(503, "away")), path="/api/v4/personal_access_tokens/self")
    return {"token_file": site.file(site.token())}


def no_gitlab_there(site: Site) -> dict[str, object]:
    site.fake.fault(Refuse(Refusal(404, "Not Found")), path="/api/v4/personal_access_tokens/self")
    return {"token_file": site.file(site.token())}


WRONG: dict[str, tuple[Callable[[Site], dict[str, object]], str]] = {
    "token of nobody": (lambda site: {"token_file": site.file("glpat-wrong")}, "does not accept this token: 401"),
    "token revoked": (revoked, "Token was revoked.*scope api and the role Developer"),
    "token expired": (
        lambda site: {"token_file": site.file(site.token(ends=site.fake.gitlab.today))},
        "Token is expired.*Make one",
    ),
    "token that only reads": (
        lambda site: {"token_file": site.file(site.token(scopes=["read_api"]))},
        "has read_api, and reviews take api",
    ),
    "token for git alone": (
        lambda site: {"token_file": site.file(site.token(scopes=["write_repository"]))},
        "has write_repository, and reviews take api",
    ),
    "token's file not there": (lambda _: {"token_file": Path("/no/token")}, "'/no/token' cannot be read"),
    "token's file empty": (empty_file, "holds no token"),
    "no token at all": (lambda _: {}, "--token-file FILE"),
    "role too low": (
        lambda site: {"token_file": site.file(site.token(Access.REPORTER)), "project": "acme/backend/shop"},
        "has Reporter in acme/backend/shop.*take Developer",
    ),
    "nothing reached": (
        lambda site: {"token_file": site.file(site.token(Access.REPORTER))},
        "Developer in no project",
    ),
    "several reached": (many_projects, "reaches acme/backend/shop, acme/web. Say which: --project acme/backend/shop"),
    "project not there": (
        lambda site: {"token_file": site.file(site.token()), "project": "acme/shopp"},
        "no project 'acme/shopp', or it is hidden from project_7_bot_3f",
    ),
    "project that is none": (
        lambda site: {"token_file": site.file(site.token()), "project": "acme/../shop"},
        "no project 'acme/../shop'",
    ),
    "project hidden": (not_a_member, "no project 'acme/backend/shop', or it is hidden from lone"),
    "group not there": (lambda site: {"token_file": site.file(site.token()), "group": "acmee"}, "no group 'acmee'"),
    "hook refused": (refused_hook, "refuses https://bot.acme.com/hooks/.*Url is blocked.*Outbound requests"),
    "below another path": (no_gitlab_there, "is no GitLab. Does it live below a path"),
    "nobody there": (
        lambda site: {"token_file": site.file(site.token()), "host": "http://127.0.0.1:9"},
        "127.0.0.1:9 cannot be reached",
    ),
    "forge away": (behind_a_proxy_page, "does not answer as GitLab does"),
    "authority's file not there": (
        lambda site: {"token_file": site.file(site.token()), "ca_file": Path("/no/ca.pem")},
        "no file '/no/ca.pem'",
    ),
    "proxy gone": (
        lambda site: {"token_file": site.file(site.token()), "proxy": "http://u:s3cret@127.0.0.1:9"},
        "through the proxy 127.0.0.1:9",
    ),
}


@pytest.mark.parametrize(("spoil", "told"), WRONG.values(), ids=WRONG)
async def test_what_is_wrong_is_named_with_what_to_do(
    site: Site, spoil: Callable[[Site], dict[str, object]], told: str
) -> None:
    wish = site.wish(**spoil(site))
    with pytest.raises(UserError, match=told) as error:
        await site.wished(wish)
    assert "glpat-" not in str(error.value)
    assert "s3cret" not in str(error.value)
    assert list(site.hooks) == []


async def test_a_connection_written_in_one_line_is_left_to_its_owner(site: Site) -> None:
    await site.run(site.token())
    (connection,) = site.connections
    (site.home / "settings.toml").write_text(
        f'connections = [{{key = "{connection.key}", kind = "gitlab", web_url = "{site.fake.url}", slug = "x", '
        f'user_id = {connection.user_id}, token_file = "secrets/{connection.key}.token", '
        f'webhook_secret_file = "secrets/{connection.key}.webhook_secret"}}]\n'
    )
    with pytest.raises(UserError, match="as a table that begins with"):
        await site.run()


def test_a_project_and_a_group_are_set_up_one_after_the_other(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="use one, and run this again"):
        setup_gitlab(Wish(project="acme/shop", group="acme", home=tmp_path), None)


HOSTS = {
    "gitlab.com": ("https://gitlab.com", "gitlab"),
    "https://Git.Acme.com/gitlab/": ("https://git.acme.com/gitlab", "git-acme-com"),
    "git.acme.com:8443": ("https://git.acme.com:8443", "git-acme-com"),
    "http://localhost:3000": ("http://localhost:3000", "localhost"),
}


@pytest.mark.parametrize(("text", "found"), HOSTS.items())
def test_a_host_is_taken_as_people_write_it(text: str, found: tuple[str, str]) -> None:
    host = gitlab_named(text)
    assert (host.web_url, host.key, host.api_url) == (*found, f"{found[0]}/api/v4")


@pytest.mark.parametrize(
    "text",
    [
        "http://git.acme.com",
        "ftp://git.acme.com",
        "maria@git.acme.com",
        "git.acme.com?x=1",
        "git.acme.com/../etc",
        "git.acme.com/a b",
        "git.acme.com/#x",
        "gıtlab.com",
        "https://gitlab.com@evil.example",
        "http://169.254.169.254",
        "http://2130706433",
        "",
        "https://",
    ],
)
def test_what_is_no_host_is_refused(text: str) -> None:
    with pytest.raises(UserError):
        gitlab_named(text)
