"""`corrigent review URL` of a merge request: read with a person's token, nothing written, the token goes nowhere else."""

from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest

from app.demo import shop as samples
from app.forges.fake.gitlab.pull_scenario import FakeMergeRequest
from app.forges.fake.gitlab.scenario import FakeGitLab
from tests.review_here.console import Console

SETTINGS = """
[[connections]]
key = "here"
kind = "gitlab"
web_url = "{url}"
slug = "project_7_bot_3f"
user_id = 900
token = "glpat-of-the-bot"
webhook_secret = "none"
"""
SCOPES = ("read_api", "read_repository")


@pytest.fixture
async def gitlab() -> AsyncGenerator[FakeGitLab]:
    async with FakeGitLab.start(prefix="/git") as fake:
        yield fake


@pytest.fixture
async def merge_request(gitlab: FakeGitLab) -> FakeMergeRequest:
    project = await gitlab.create_repo("acme/backend/shop", files=samples.BASE)
    return await project.open_pull_request(changes={"billing/late.py": "fee = nowhere\n"}, title="Late fees")


@pytest.fixture
def console(gitlab: FakeGitLab, tmp_path: Path) -> Console:
    home = tmp_path / "home"
    home.mkdir()
    settings = home / "settings.toml"
    settings.write_text(SETTINGS.format(url=gitlab.url))
    settings.chmod(0o600)
    return Console(folder=tmp_path, home=home, temp=tmp_path / "temp")


async def test_a_merge_request_is_reviewed_and_nothing_is_written(
    gitlab: FakeGitLab, merge_request: FakeMergeRequest, console: Console
) -> None:
    sent: set[str] = set()
    gitlab.observe(lambda request, _: sent.add(request.headers.get("private-token", "")))
    token = gitlab.personal_token("maria", scopes=SCOPES)
    ran = await console.review(merge_request.url, env={"GITLAB_TOKEN": token})
    assert (ran.code, ran.err) == (1, "")
    assert 'acme/backend/shop 1 "Late fees"' in ran.out
    assert "read with GITLAB_TOKEN · nothing will be posted" in ran.out
    assert "ruff F821" in ran.out
    assert [seen for seen in gitlab.requests if seen.method != "GET" and "git-upload-pack" not in seen.path] == []
    # The bot's own token is for the bot alone.
    assert sent - {""} == {token}


@pytest.mark.parametrize(
    ("path", "token", "told"),
    [
        ("acme/backend/shop/-/merge_requests/99", "maria", "no merge request 99 of 'acme/backend/shop'"),
        ("acme/nothing/-/merge_requests/1", "maria", "no merge request 1 of 'acme/nothing'"),
        ("acme/backend/shop/-/merge_requests/1", "stranger", "hidden from who reads with GITLAB_TOKEN"),
        ("acme/backend/shop/-/merge_requests/1", "", "does not accept what was read with GITLAB_TOKEN (401)"),
    ],
)
async def test_what_cannot_be_read_is_named(
    gitlab: FakeGitLab, merge_request: FakeMergeRequest, console: Console, path: str, token: str, told: str
) -> None:
    secret = gitlab.personal_token(token, scopes=SCOPES) if token else "glpat-nobody"
    ran = await console.review(f"{gitlab.url}/{path}", env={"GITLAB_TOKEN": secret})
    assert ran.code == 2
    assert told in ran.err
    assert "read_api and read_repository" in ran.err
    assert secret not in ran.err
    assert merge_request.comments == []


async def test_a_token_is_sent_to_no_gitlab_that_it_is_not_for(tmp_path: Path) -> None:
    console = Console(folder=tmp_path, home=tmp_path / "home", temp=tmp_path / "temp")
    async with FakeGitLab.start() as fake:
        project = await fake.create_repo("acme/open", private=False)
        merge_request = await project.open_pull_request(changes={"a.txt": "hello\n"})
        sent: set[str] = set()
        fake.observe(
            lambda request, _: sent.update(request.headers.get(name, "") for name in ("private-token", "authorization"))
        )
        env = {"GITLAB_TOKEN": fake.personal_token("maria"), "GITHUB_TOKEN": "ghp_elsewhere"}
        ran = await console.review(merge_request.url, env=env)
    assert ran.code == 0
    assert sent == {""}
    assert "GITLAB_TOKEN was not sent to 127.0.0.1" in ran.out + ran.err


async def test_it_is_posted_in_a_person_s_name_once_and_leaves_their_own_drafts_alone(
    gitlab: FakeGitLab, merge_request: FakeMergeRequest, console: Console
) -> None:
    token = gitlab.personal_token("maria")
    async with httpx.AsyncClient(base_url=gitlab.api_url, headers={"private-token": token}) as maria:
        project, number = merge_request.item.project.project_id, merge_request.number
        drafts = f"/projects/{project}/merge_requests/{number}/draft_notes"
        (await maria.post(drafts, json={"note": "Mine, not ready."})).raise_for_status()
    ran = await console.review(merge_request.url, "--post", env={"GITLAB_TOKEN": token})
    assert (ran.code, ran.err) == (1, "")
    assert "read with GITLAB_TOKEN · will be posted as maria" in ran.out
    (thread,) = merge_request.threads
    (note,) = (one for one in merge_request.comments if "read with Corrigent" in one.body)
    assert "nowhere" in thread.notes[0].body
    assert {note.user.username, thread.notes[0].user.username} == {"maria"}
    assert f"{merge_request.url}#note_{note.note_id}" in ran.out
    assert [draft.body for draft in merge_request.item.drafts] == ["Mine, not ready."]
    # A status or an emoji is the bot's to give.
    assert [seen.path for seen in gitlab.requests if "statuses" in seen.path or "award" in seen.path] == []
    again = await console.review(merge_request.url, "--post", env={"GITLAB_TOKEN": token})
    assert (again.code, len(merge_request.threads), len(merge_request.comments)) == (1, 1, 1)
    assert f"#note_{note.note_id}" in again.out


@pytest.mark.parametrize(
    ("scopes", "told"),
    [
        (SCOPES, "--post takes the scope api, and GITLAB_TOKEN has read_api, read_repository"),
        ((), "--post needs a token of yours with the scope api"),
    ],
)
async def test_who_may_not_post_is_told_before_anything_is_read(
    gitlab: FakeGitLab, merge_request: FakeMergeRequest, console: Console, scopes: tuple[str, ...], told: str
) -> None:
    env = {"GITLAB_TOKEN": gitlab.personal_token("maria", scopes=scopes)} if scopes else {}
    ran = await console.review(merge_request.url, "--post", env=env)
    assert ran.code == 2
    assert told in ran.err
    assert not any("merge_requests" in seen.path for seen in gitlab.requests)
