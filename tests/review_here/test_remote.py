"""`corrigent review URL`: read in somebody's own name, nothing written, and the token stays where it belongs."""

import asyncio
import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from app.demo import shop as samples
from app.forges.fake.acts import reviewing
from app.forges.fake.faults import Latency, bad_gateway
from app.forges.fake.http import Answer, Request
from app.forges.fake.pull_scenario import FakePullRequest
from app.forges.fake.repo_scenario import FakeRepo
from app.forges.fake.scenario import FakeForge
from app.output.report import Report
from app.reviewing.gh_token import gh_token
from tests.review_here.conftest import Scripted
from tests.review_here.console import Console, same_as_golden

SETTINGS = """
[[connections]]
key = "here"
kind = "github"
web_url = "{url}"
api_url = "{api_url}"
app_id = 1
slug = "corrigent"
private_key = "none"
webhook_secret = "none"
"""


@pytest.fixture
async def shop(forge: FakeForge) -> FakeRepo:
    return await forge.create_repo(samples.REPOSITORY, files=samples.BASE)


@pytest.fixture
async def pull_request(shop: FakeRepo) -> FakePullRequest:
    sample = samples.SAMPLES[0]
    return await shop.open_pull_request(
        author=sample.author, title=sample.title, branch=sample.branch, changes=sample.changes, body=sample.body
    )


@pytest.fixture
def console(forge: FakeForge, tmp_path: Path) -> Console:
    """Somebody whose settings name the host, so that their token may go there."""
    home = tmp_path / "home"
    home.mkdir()
    settings = home / "settings.toml"
    settings.write_text(SETTINGS.format(url=forge.url, api_url=forge.api_url))
    settings.chmod(0o600)
    return Console(folder=tmp_path, home=home, temp=tmp_path / "temp")


@pytest.fixture
def model(scripted: Scripted) -> str:
    return scripted(*({**entry, "delay": 0} for entry in samples.SCRIPT if isinstance(entry, Mapping)))


def as_maria(forge: FakeForge) -> dict[str, str]:
    return {"GITHUB_TOKEN": forge.personal_token("maria")}


def written(forge: FakeForge) -> list[str]:
    return [f"{seen.method} {seen.path}" for seen in forge.requests if seen.method != "GET" and "git" not in seen.path]


async def test_a_pull_request_is_reviewed_and_nothing_is_written(
    forge: FakeForge, pull_request: FakePullRequest, console: Console, model: str
) -> None:
    ran = await console.review(pull_request.url, "--model", model, env=as_maria(forge))
    assert (ran.code, ran.err) == (1, "")
    same_as_golden("pull-request.text", ran.out.replace(pull_request.head_sha[:7], "4be1d07"))
    assert pull_request.reviews == []
    assert pull_request.checks == []
    assert written(forge) == []
    assert list(console.temp.iterdir()) == []


async def test_posting_twice_posts_once(
    forge: FakeForge, pull_request: FakePullRequest, console: Console, model: str
) -> None:
    arguments, env = (pull_request.url, "--post", "--model", model), as_maria(forge)
    ran = await console.review(*arguments, env=env)
    assert (ran.code, ran.err) == (1, "")
    assert "· will be posted as maria" in ran.out
    (review,) = pull_request.reviews
    assert f"Posted as maria, 2 threads: {pull_request.url}#pullrequestreview-{review.review_id}" in ran.out
    assert "There is no check: GitHub lets only Apps make one." in ran.out
    assert review.user.login == "maria"
    assert review.state == "COMMENTED"
    assert "/corrigent" not in (review.body or "")
    assert "see the check" not in (review.body or "")
    assert {(thread.anchor.path, len(thread.comments)) for thread in pull_request.threads} == {
        ("billing/refunds.py", 1)
    }
    assert pull_request.checks == []
    again = await console.review(*arguments, "--format", "json", env=env)
    report = Report.model_validate_json(again.out)
    assert report.posted is not None
    assert not report.posted.new
    assert report.posted.url == f"{pull_request.url}#pullrequestreview-{review.review_id}"
    assert len(pull_request.reviews) == 1


async def test_a_later_head_is_posted_without_what_was_said_before(
    forge: FakeForge, pull_request: FakePullRequest, console: Console, model: str
) -> None:
    arguments, env = (pull_request.url, "--post", "--model", model), as_maria(forge)
    await console.review(*arguments, env=env)
    await pull_request.push({"notes.txt": "nothing to say\n"})
    ran = await console.review(*arguments, env=env)
    assert "Nothing was posted: no new finding has a line in this change." in ran.out
    assert len(pull_request.reviews) == 1


async def test_somebody_s_own_draft_is_never_removed(
    forge: FakeForge, pull_request: FakePullRequest, console: Console, model: str
) -> None:
    maria = forge.user("maria")
    await reviewing.create_review(
        forge.github, pull_request.pull, maria, body="half a thought", event=None, commit_id=None, comments=[]
    )
    ran = await console.review(pull_request.url, "--post", "--model", model, env=as_maria(forge))
    assert ran.code == 3
    assert "Not done  not posted: you have a review there that is not submitted yet" in ran.out
    assert [one.body for one in pull_request.pending_reviews] == ["half a thought"]


async def test_a_head_that_moves_meanwhile_gets_no_review(
    forge: FakeForge, pull_request: FakePullRequest, console: Console, model: str
) -> None:
    pushes: list[asyncio.Task[str]] = []

    def push_when_staged(request: Request, _: Answer) -> None:
        if request.method == "POST" and request.path.endswith("/reviews"):
            pushes.append(asyncio.ensure_future(pull_request.push({"late.txt": "late\n"})))

    forge.observe(push_when_staged)
    # The second look at the pull request is the one after staging.
    forge.fault(Latency(timedelta(seconds=1)), method="GET", path="*/pulls/1", nth=2)
    ran = await console.review(pull_request.url, "--post", "--model", model, env=as_maria(forge))
    head_sha = await pushes[0]
    assert ran.code == 3
    assert f"not posted: the head is now {head_sha[:7]}; run it again" in ran.out
    assert (pull_request.reviews, pull_request.pending_reviews) == ([], [])


async def test_a_review_that_the_forge_refuses_is_said(
    forge: FakeForge, shop: FakeRepo, console: Console, model: str
) -> None:
    pull_request = await shop.open_pull_request(changes={"a.py": "x = nowhere\n"})
    shop.archive()
    ran = await console.review(pull_request.url, "--post", env=as_maria(forge))
    assert ran.code == 3
    assert "Not done  not posted: the forge refused it (403" in ran.out


async def test_without_a_token_public_pull_requests_can_be_read_and_not_posted_on(
    forge: FakeForge, console: Console
) -> None:
    repo = await forge.create_repo("acme/open", private=False)
    pull_request = await repo.open_pull_request(changes={"a.py": "x = nowhere\n"})
    ran = await console.review(pull_request.url)
    assert ran.code == 1
    assert "· read without a token · nothing will be posted" in ran.out
    assert "ruff F821" in ran.out
    posted = await console.review(pull_request.url, "--post")
    assert posted.code == 2
    assert "set GITHUB_TOKEN, or sign in with `gh auth login`" in posted.err


async def test_a_token_is_sent_to_no_host_that_it_is_not_for(tmp_path: Path) -> None:
    console = Console(folder=tmp_path, home=tmp_path / "home", temp=tmp_path / "temp")
    async with FakeForge.start(flavour="ghes-3.5") as forge:
        repo = await forge.create_repo("acme/open", private=False)
        pull_request = await repo.open_pull_request(changes={"a.txt": "hello\n"})
        sent: list[str] = []
        forge.observe(lambda request, _: sent.append(request.headers.get("authorization", "")))
        ran = await console.review(pull_request.url, env=as_maria(forge))
    assert ran.code == 0
    assert set(sent) == {""}
    assert "GITHUB_TOKEN was not sent to 127.0.0.1" in ran.out + ran.err


@pytest.mark.parametrize(
    ("path", "token", "told"),
    [
        ("acme/shop/pull/99", "maria", "There is no pull request 99 of 'acme/shop'"),
        ("acme/nothing/pull/1", "maria", "There is no pull request 1 of 'acme/nothing'"),
        ("acme/shop/pull/1", "stranger", "or it is hidden from who reads with GITHUB_TOKEN"),
        ("acme/shop/pull/1", "", "does not accept what was read with GITHUB_TOKEN (401)"),
    ],
)
async def test_what_cannot_be_read_is_named(
    forge: FakeForge, pull_request: FakePullRequest, console: Console, path: str, token: str, told: str
) -> None:
    secret = forge.personal_token(token) if token else "ghp_notoken"
    ran = await console.review(f"{forge.url}/{path}", env={"GITHUB_TOKEN": secret})
    assert ran.code == 2
    assert told in ran.err
    assert secret not in ran.err


async def test_the_default_branch_s_configuration_holds(forge: FakeForge, console: Console) -> None:
    repo = await forge.create_repo("acme/shop", files={".corrigent.yaml": "ignore: [old/]\n"})
    changes = {".corrigent.yaml": "ignore: ['**']\n", "a.py": "x = nowhere\n", "old/b.py": "y = nowhere\n"}
    pull_request = await repo.open_pull_request(changes=changes)
    ran = await console.review(pull_request.url, "--format", "json", env=as_maria(forge))
    report = Report.model_validate_json(ran.out)
    assert [one.path for one in report.findings] == ["a.py"]
    assert "old/b.py" in report.skipped


async def test_a_forge_that_does_not_answer_is_an_incomplete_review(
    forge: FakeForge, pull_request: FakePullRequest, console: Console
) -> None:
    forge.fault(bad_gateway(), count=100)
    ran = await console.review(pull_request.url, "--format", "sarif", env=as_maria(forge))
    assert ran.code == 3
    (run,) = json.loads(ran.out)["runs"]
    assert run["invocations"][0]["executionSuccessful"] is False
    assert "no usable answer" in run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]


async def test_the_token_of_gh_is_asked_for_the_host_alone(tmp_path: Path) -> None:
    program = tmp_path / "gh"
    program.write_text(
        f"#!/bin/sh\nprintf '%s ' \"$@\" > {tmp_path}/asked\nenv | cut -d= -f1 | sort > {tmp_path}/env\n"
        '[ "$4" = ghe.acme.com ] && echo gho_0123456789abcdef && exit 0\nexit 1\n'
    )
    program.chmod(0o755)
    assert await gh_token("ghe.acme.com", search_path=str(tmp_path)) == "gho_0123456789abcdef"
    assert (tmp_path / "asked").read_text() == "auth token --hostname ghe.acme.com "
    seen = set((tmp_path / "env").read_text().split()) - {"PWD", "SHLVL", "_", "OLDPWD"}
    assert seen <= {
        *("GH_NO_UPDATE_NOTIFIER", "GH_PROMPT_DISABLED", "HOME", "LC_ALL", "NO_COLOR", "PATH"),
        *("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"),
    }
    assert await gh_token("github.com", search_path=str(tmp_path)) == ""
    assert await gh_token("github.com", search_path=str(tmp_path / "empty")) == ""


@pytest.mark.parametrize("printed", ["", "two words", "line\nbreak", "x" * 3000, "no token: sign in"])
async def test_what_is_no_token_is_not_taken_for_one(tmp_path: Path, printed: str) -> None:
    program = tmp_path / "gh"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{printed}\nEND\n")
    program.chmod(0o755)
    assert await gh_token("github.com", search_path=str(tmp_path)) == ""
