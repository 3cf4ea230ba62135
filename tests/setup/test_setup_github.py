"""Making an App as people do it: by browser, by hand, twice, and with everything that can go wrong."""

import asyncio
import json
import os
import stat
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from app.domain.errors import UserError
from app.forges.fake.faults import Reset
from app.forges.fake.scenario import FakeForge
from app.forges.github.manifest import app_parts
from app.one_process_limits import OneProcessLimits
from app.settings import load_settings
from app.setup.host import Host, host_named
from app.setup.making import Wish, first_repositories, make_app, point_hook
from app.setup.settings_file import SettingsFile
from app.wiring import open_forges
from tests.setup import chromium
from tests.setup.browsing import Browser

REVIEW = {"metadata": "read", "contents": "read", "pull_requests": "write", "checks": "write", "issues": "read"}


@dataclass
class Making:
    """A setup that waits for its App."""

    task: "asyncio.Task[None]"
    browser: Browser
    home: Path
    said: list[str] = field(default_factory=list[str])
    keyboard: int = -1

    @property
    def page(self) -> str:
        return next(line for line in self.said if line.startswith("Open ")).split()[1].rstrip(",")

    async def open(self) -> str:
        async with asyncio.timeout(5):
            while not self.said:
                await asyncio.sleep(0.01)
        return await self.browser.open(self.page)

    async def end(self) -> None:
        async with asyncio.timeout(5):
            await self.task


def wish(
    forge: FakeForge, *, fixes: bool = False, merge_queue: bool = False, public_url: str = "", org: str = ""
) -> Wish:
    return Wish(
        host=Host(web_url=forge.url, api_url=forge.api_url),
        key="github",
        part=app_parts().chosen(fixes=fixes, merge_queue=merge_queue),
        organisation=org,
        public_url=public_url,
        keep_public_url=bool(public_url),
    )


@asynccontextmanager
async def making(wished: Wish, home: Path) -> AsyncGenerator[Making]:
    file = SettingsFile(home)
    file.prepare()
    said: list[str] = []
    read_end, write_end = os.pipe()
    task = asyncio.create_task(make_app(wished, file, port=0, typed_from=read_end, say=said.append))
    async with httpx.AsyncClient(trust_env=False) as http:
        yield Making(task, Browser(http), home, said, write_end)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    os.close(read_end)
    os.close(write_end)


async def repositories(home: Path) -> list[str]:
    async with open_forges(load_settings({"home": str(home)}, {}), OneProcessLimits()) as forges:
        return [repo.full_name for repo in await first_repositories(forges.all["github"])]


async def test_the_app_is_made_in_the_browser_and_its_settings_are_written(forge: FakeForge, tmp_path: Path) -> None:
    await forge.create_repo("acme/shop")
    async with making(wish(forge), tmp_path / "home") as setup:
        policy = await setup.open()
        assert f"form-action 'self' https: {forge.url}" in policy
        answer = await setup.browser.create()
        assert answer.status_code == 303
        await setup.browser.install(answer.headers["location"])
        await setup.end()
    (connection,) = load_settings({"home": str(tmp_path / "home")}, {}).connections
    (app,) = forge.github.apps.values()
    assert (connection.app_id, connection.slug, connection.api_url) == (app.app_id, app.slug, forge.api_url)
    assert connection.webhook_secret is not None
    assert connection.webhook_secret.get_secret_value() == app.webhook_secret
    assert app.permissions == REVIEW
    # Nothing reaches us, and every delivery is recorded for polling.
    assert (app.webhook_url, app.webhook_active) == ("https://corrigent.invalid/hooks/github", True)
    assert await repositories(tmp_path / "home") == ["acme/shop"]


@pytest.mark.skipif(chromium.PROGRAM is None, reason="needs Chromium")
async def test_a_real_browser_goes_the_whole_way(forge: FakeForge, tmp_path: Path) -> None:
    """Its rules for forms hold on every redirect: from our page to the forge, back to us, and to the installation."""
    await forge.create_repo("acme/shop")
    async with making(wish(forge), tmp_path / "home") as setup, chromium.browser(tmp_path / "browser") as tab:
        await setup.open()
        await tab.open(setup.page)
        await tab.press()
        await tab.until(f"location.href.startsWith({forge.url!r}) && location.pathname.endsWith('/installations/new')")
        await tab.press()
        await tab.until("document.title.endsWith('is installed')")
        await setup.end()
    assert await repositories(tmp_path / "home") == ["acme/shop"]


async def test_files_are_for_their_owner_and_settings_hold_no_secret(forge: FakeForge, tmp_path: Path) -> None:
    async with making(wish(forge), tmp_path / "home") as setup:
        await setup.open()
        await setup.browser.create()
        await setup.end()
    files = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert sorted(path.name for path in files) == ["github.private_key", "github.webhook_secret", "settings.toml"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "home" / "secrets").stat().st_mode) == 0o700
    text = (tmp_path / "home" / "settings.toml").read_text()
    assert "BEGIN" not in text
    assert not any("BEGIN" in line for line in setup.said)


@pytest.mark.parametrize(
    ("given", "rights", "event", "hook", "address"),
    [
        ({"fixes": True}, {**REVIEW, "contents": "write"}, "", "https://corrigent.invalid/hooks/github", "/settings/"),
        ({"merge_queue": True}, {**REVIEW, "merge_queues": "read"}, "merge_group", "", "/settings/apps/new"),
        ({"public_url": "https://bot.acme.com"}, REVIEW, "", "https://bot.acme.com/hooks/github", "/settings/"),
        ({"org": "acme"}, REVIEW, "", "", "/organizations/acme/settings/apps/new"),
    ],
)
async def test_the_manifest_asks_for_what_was_chosen(
    forge: FakeForge,
    tmp_path: Path,
    given: dict[str, bool],
    rights: dict[str, str],
    event: str,
    hook: str,
    address: str,
) -> None:
    async with making(wish(forge, **given), tmp_path / "home") as setup:  # pyright: ignore[reportArgumentType] - a row of a table
        await setup.open()
        manifest = json.loads(setup.browser.manifest)
        assert manifest["default_permissions"] == rights
        assert not event or event in manifest["default_events"]
        assert not hook or manifest["hook_attributes"] == {"url": hook, "active": True}
        assert urlsplit(setup.browser.action).path.startswith(address)
        assert len(manifest["name"]) <= 34


@pytest.mark.parametrize("whole", [True, False], ids=["the address", "the code alone"])
async def test_without_a_browser_here_the_code_is_pasted(forge: FakeForge, tmp_path: Path, whole: bool) -> None:
    async with making(wish(forge), tmp_path / "home") as setup:
        await setup.open()
        address = await setup.browser.created_at()
        os.write(setup.keyboard, b"not a code\n\n")
        await asyncio.sleep(0.05)
        assert setup.said[-1].startswith("There is no code in this.")
        os.write(setup.keyboard, f"{address if whole else parse_qs(urlsplit(address).query)['code'][0]}\n".encode())
        await setup.end()
    assert load_settings({"home": str(tmp_path / "home")}, {}).connections


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("state=", "state=x", "another setup"),
        ("state=", "x=", "Not from this setup"),
        ("code=", "code=0000", "does not know this code"),
        ("code=", "code=../", "There is no code in this"),
    ],
    ids=["another state", "no state", "unknown code", "no code"],
)
async def test_a_wrong_return_makes_nothing_and_the_right_one_still_counts(
    forge: FakeForge, tmp_path: Path, right: str, wrong: str, told: str
) -> None:
    async with making(wish(forge), tmp_path / "home") as setup:
        await setup.open()
        address = await setup.browser.created_at()
        answer = await setup.browser.http.get(address.replace(right, wrong))
        assert (answer.status_code, told in answer.text) == (400, True), answer.text
        assert not (tmp_path / "home" / "settings.toml").exists()
        assert (await setup.browser.http.get(address)).status_code == 303
        # Loaded again, it leads to the same place and asks nothing.
        await setup.end()
    assert len(load_settings({"home": str(tmp_path / "home")}, {}).connections) == 1


async def test_a_code_survives_a_cut_connection(forge: FakeForge, tmp_path: Path) -> None:
    forge.fault(Reset(), path="/app-manifests/*")
    async with making(wish(forge), tmp_path / "home") as setup:
        await setup.open()
        address = await setup.browser.created_at()
        assert "did not hand over the App" in (await setup.browser.http.get(address)).text
        assert (await setup.browser.http.get(address)).status_code == 303
        await setup.end()


async def test_a_stranger_s_page_cannot_reach_ours_by_another_name(forge: FakeForge, tmp_path: Path) -> None:
    async with making(wish(forge), tmp_path / "home") as setup:
        await setup.open()
        answer = await setup.browser.http.get(setup.page, headers={"host": "rebound.example.com"})
        assert (answer.status_code, "manifest" in answer.text) == (400, False)


async def test_what_stands_in_the_settings_stays_and_the_second_host_is_added(forge: FakeForge, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    before = (
        '# ours\nmodel = "ollama:qwen"   # local\n\n[defaults]\nfail_on = "high"\n\n[[connections]]\nkey = "ghes"\n'
    )
    before += 'kind = "github"\nweb_url = "https://ghe.acme.com"\napp_id = 7\nslug = "c"\nprivate_key = "k"\n'
    before += 'webhook_secret = "w"'
    (home / "settings.toml").write_text(before)
    (home / "settings.toml").chmod(0o600)
    async with making(wish(forge, public_url="https://bot.acme.com"), home) as setup:
        await setup.open()
        await setup.browser.create()
        await setup.end()
    text = (home / "settings.toml").read_text()
    assert before in text
    settings = load_settings({"home": str(home)}, {})
    assert [one.key for one in settings.connections] == ["ghes", "github"]
    assert (settings.model, settings.public_url) == ("ollama:qwen", "https://bot.acme.com")


async def test_an_app_that_polled_is_told_its_new_address(forge: FakeForge, tmp_path: Path) -> None:
    async with making(wish(forge), tmp_path / "home") as setup:
        await setup.open()
        await setup.browser.create()
        await setup.end()
    async with open_forges(load_settings({"home": str(tmp_path / "home")}, {}), OneProcessLimits()) as forges:
        await point_hook(forges.all["github"].connection, "https://bot.acme.com")
    (app,) = forge.github.apps.values()
    assert app.webhook_url == "https://bot.acme.com/hooks/github"


@pytest.mark.parametrize(
    ("content", "told"),
    [("connections = []\n", "[[connections]]"), (None, "cannot be written")],
    ids=["a list in one line", "a home that is a file"],
)
def test_settings_that_cannot_be_extended_are_told_before_an_app_is_made(
    tmp_path: Path, content: str | None, told: str
) -> None:
    home = tmp_path / "home"
    if content is None:
        home.write_text("")
        file = SettingsFile(home / "inner")
    else:
        home.mkdir()
        (home / "settings.toml").write_text(content)
        file = SettingsFile(home)
    with pytest.raises(UserError) as error:
        file.prepare()
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("text", "web", "api", "key"),
    [
        ("github.com", "https://github.com", "https://api.github.com", "github"),
        ("https://GitHub.com/", "https://github.com", "https://api.github.com", "github"),
        ("acme.ghe.com", "https://acme.ghe.com", "https://api.acme.ghe.com", "acme-ghe-com"),
        ("ghe.acme.com", "https://ghe.acme.com", "https://ghe.acme.com/api/v3", "ghe-acme-com"),
        ("ghe.acme.com:8443", "https://ghe.acme.com:8443", "https://ghe.acme.com:8443/api/v3", "ghe-acme-com"),
        ("http://127.0.0.1:99", "http://127.0.0.1:99", "http://127.0.0.1:99/api/v3", "127-0-0-1"),
    ],
)
def test_a_host_is_taken_as_people_type_it(text: str, web: str, api: str, key: str) -> None:
    host = host_named(text)
    assert (host.web_url, host.api_url, host.key) == (web, api, key)


@pytest.mark.parametrize("text", ["", "https://github.com/acme", "http://ghe.acme.com", "a:b@ghe.acme.com", "ftp://x"])
def test_what_is_no_host_is_refused_with_the_wish(text: str) -> None:
    with pytest.raises(UserError, match=r"--host|https"):
        host_named(text)
