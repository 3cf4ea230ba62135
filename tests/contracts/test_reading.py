"""What happens to a pull request, as deliveries tell it and as it is read, on every forge."""

import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

import pytest

from app.domain.errors import BadSignature, ForgeRefused, Gone, MalformedDelivery
from app.domain.events import CommentMade, Ignored, PullRequestChanged
from app.domain.pull_request import Permission, Person
from tests.contracts.support import git
from tests.contracts.worlds import KINDS, RUN_ID, AnyPull, World, a_world, comment_on, edit_last_comment, reply, resolve

FILES = {"pay.py": "pay()\n", "other.py": "1\n"}
Act = Callable[[World, AnyPull], Awaitable[object]]


@pytest.fixture(params=KINDS)
async def world(request: pytest.FixtureRequest) -> AsyncGenerator[World]:
    async with a_world(request.param, files=FILES) as made:
        yield made


async def _closed_and_opened(_: World, pull: AnyPull) -> None:
    await pull.close()
    await pull.reopen()


async def _merged(_: World, pull: AnyPull) -> None:
    await pull.merge()


async def _retargeted(world: World, pull: AnyPull) -> None:
    await world.repo.commit({"NEWS.md": "news\n"}, branch="next")
    await pull.retarget("next")


async def _rebased(world: World, pull: AnyPull) -> None:
    await world.repo.commit({"NEWS.md": "news\n"})
    await pull.rebase()


async def _draft_and_ready(_: World, pull: AnyPull) -> None:
    await pull.convert_to_draft()
    await pull.ready()


async def _labelled_and_not(_: World, pull: AnyPull) -> None:
    await pull.label("no-corrigent")
    await pull.unlabel("no-corrigent")


CHANGES: list[tuple[str, Act, list[str]]] = [
    ("a push", lambda _, pull: pull.push({"pay.py": "pay(1)\n"}), ["pushed"]),
    ("a force-push", lambda _, pull: pull.force_push({"pay.py": "pay(2)\n"}), ["pushed"]),
    ("a rebase", _rebased, ["pushed"]),
    ("draft and ready", _draft_and_ready, ["drafted", "ready"]),
    ("another base", _retargeted, ["retargeted"]),
    ("another text", lambda _, pull: pull.edit(body="Because."), ["edited"]),
    ("closed and opened again", _closed_and_opened, ["closed", "reopened"]),
    ("merged", _merged, ["closed"]),
    ("a label", lambda _, pull: pull.label("no-corrigent"), ["labeled"]),
    ("a label taken away", _labelled_and_not, ["labeled", "unlabeled"]),
]


@pytest.mark.parametrize(("act", "changes"), [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES])
async def test_every_change_is_told_in_our_words_and_can_be_read(world: World, act: Act, changes: list[str]) -> None:
    pull = await world.open()
    (opened,) = [one for one in await world.new_events() if isinstance(one, PullRequestChanged)]
    assert (opened.change, opened.ref, opened.head_sha) == ("opened", world.ref_of(pull), pull.head_sha)
    await act(world, pull)
    events = [one for one in await world.new_events() if isinstance(one, PullRequestChanged)]
    assert [one.change for one in events] == changes
    assert {one.sender.login for one in events if one.sender} == {"maria"}
    assert events[-1].head_sha == pull.head_sha
    now = await world.ours.reader.pull_request(world.ref_of(pull))
    assert (now.head_sha, now.draft) == (pull.head_sha, False)
    assert now.state == ("merged" if act is _merged else "open")


async def test_a_pull_request_is_read_whole(world: World) -> None:
    pull = await world.open({"pay.py": "pay(3)\n"}, draft=True)
    await pull.label("billing")
    read = await world.ours.reader.pull_request(world.ref_of(pull))
    assert (read.ref, read.state, read.draft, read.labels) == (world.ref_of(pull), "open", True, ("billing",))
    assert read.author is not None
    assert (read.author.login, read.author.is_bot) == ("maria", False)
    assert (read.base_ref, read.base_sha) == ("main", await world.repo.git.resolve("main"))
    assert (read.from_fork, read.repo.full_name, read.url) == (False, world.repo.full_name, pull.url)
    assert [one.ref for one in await world.ours.reader.open_pull_requests(read.repo)] == [read.ref]
    assert [one.repo_id for one in await world.ours.reader.repositories()] == [world.repo.repo_id]


async def test_a_fork_is_known_as_one_also_when_it_is_gone(world: World) -> None:
    fork = await world.repo.fork("sam")
    pull = await world.open({"pay.py": "pay(4)\n"}, fork=fork, author="sam")
    before = await world.ours.reader.pull_request(world.ref_of(pull))
    assert (before.from_fork, before.head_repo_id) == (True, fork.repo_id)
    pull.delete_fork()
    after = await world.ours.reader.pull_request(world.ref_of(pull))
    assert (after.from_fork, after.head_repo_id, after.head_sha) == (True, None, pull.head_sha)


async def test_git_finds_every_head_in_the_base_repository(world: World) -> None:
    fork = await world.repo.fork("sam")
    pull = await world.open({"pay.py": "pay(5)\n"}, fork=fork, author="sam")
    read = await world.ours.reader.pull_request(world.ref_of(pull))
    access = await world.ours.reader.git_access(read.repo)
    heads = await _ls_remote(access.url, access.header, read.head_git_ref)
    assert heads == f"{pull.head_sha}\t{read.head_git_ref}\n"


async def test_a_renamed_repository_is_the_same_one(world: World) -> None:
    pull = await world.open()
    world.repo.rename("store")
    read = await world.ours.reader.pull_request(world.ref_of(pull))
    assert read.repo.full_name == world.repo.full_name
    assert read.repo.full_name.endswith("/store")
    access = await world.ours.reader.git_access(read.repo)
    assert pull.head_sha in await _ls_remote(access.url, access.header, read.head_git_ref)
    await world.post(pull, comment_on(1, "pay.py", 1))
    assert len(pull.threads) == 1


async def test_what_is_deleted_is_gone_and_what_is_archived_takes_no_words(world: World) -> None:
    pull = await world.open()
    ref = world.ref_of(pull)
    repo = await world.repo_of(pull)
    world.repo.archive()
    assert (await world.ours.reader.pull_request(ref)).repo.archived
    with pytest.raises(ForgeRefused):
        await world.ours.writer.comment(ref, "words", "words", None, look_first=False)
    world.repo.delete()
    with pytest.raises(Gone):
        await world.ours.reader.pull_request(ref)
    with pytest.raises(Gone):
        await world.ours.reader.open_pull_requests(repo)


async def test_what_people_say_arrives_and_what_we_say_does_not(world: World) -> None:
    pull = await world.open()
    await world.post(pull, comment_on(1, "pay.py", 1))
    await world.new_events()
    pull.comment("/corrigent status", by="sam")
    edit_last_comment(pull, "/corrigent help")
    events = await world.new_events()
    assert [type(one) for one in events] == [CommentMade, CommentMade]
    first, second = (one for one in events if isinstance(one, CommentMade))
    assert (first.body, first.author.login, first.kind, first.previous_body) == (
        "/corrigent status",
        "sam",
        "comment",
        None,
    )
    # Only what is new in an edited text may run.
    assert (second.comment_id, second.previous_body is not None) == (first.comment_id, True)
    await world.ours.writer.comment(world.ref_of(pull), "/corrigent help", "help", None, look_first=False)
    assert all(isinstance(one, Ignored) for one in await world.new_events())


async def test_a_reply_names_the_thread_it_stands_in(world: World) -> None:
    pull = await world.open()
    await world.post(pull, comment_on(1, "pay.py", 1))
    await world.new_events()
    reply(pull, 0, "/corrigent dismiss wrong")
    (event,) = [one for one in await world.new_events() if isinstance(one, CommentMade)]
    (thread,) = await world.ours.reader.threads(world.ref_of(pull))
    assert (event.kind, event.root_comment_id) == ("thread", thread.root_comment_id)


async def test_a_delivery_keeps_its_id_when_it_comes_again(world: World) -> None:
    pull = await world.open()
    await pull.push({"pay.py": "pay(6)\n"})
    opened, *_, pushed = (one for one in world.fake.deliveries if one.action)
    assert world.delivery_id_of(opened) == world.delivery_id_of(opened)
    assert world.delivery_id_of(opened) != world.delivery_id_of(pushed)
    assert world.delivery_id_of(world.redeliver(0)) == world.delivery_id_of(world.fake.deliveries[0])


async def test_a_delivery_without_our_secret_is_not_believed(world: World) -> None:
    await world.open()
    delivery = world.fake.deliveries[0]
    headers = {name.lower(): value for name, value in delivery.headers.items()}
    for name in ("x-hub-signature-256", "x-gitlab-token"):
        for value in ("", "sha256=" + "0" * 64, "it-is-a-secreT"):
            if name in headers:
                with pytest.raises(BadSignature):
                    world.ours.inbox.verify({**headers, name: value}, delivery.body)
    left = {name: value for name, value in headers.items() if name not in ("x-hub-signature-256", "x-gitlab-token")}
    with pytest.raises(BadSignature):
        world.ours.inbox.verify(left, delivery.body)


async def test_a_body_that_cannot_be_read_is_named_and_an_unknown_event_is_ignored(world: World) -> None:
    await world.open()
    delivery = next(one for one in world.fake.deliveries if one.action)
    headers = {name.lower(): value for name, value in delivery.headers.items()}
    with pytest.raises(MalformedDelivery):
        world.ours.inbox.parse(headers, delivery.body[: len(delivery.body) // 2])
    unknown = {name: "Weather Hook" if name.endswith("-event") else value for name, value in headers.items()}
    assert isinstance(world.ours.inbox.parse(unknown, delivery.body), Ignored)


async def test_a_thread_that_a_person_settles_is_seen_by_reading(world: World) -> None:
    pull = await world.open()
    await world.post(pull, comment_on(1, "pay.py", 1))
    resolve(pull, 0)
    (thread,) = await world.ours.reader.threads(world.ref_of(pull))
    assert thread.resolved
    resolve(pull, 0, resolved=False)
    (thread,) = await world.ours.reader.threads(world.ref_of(pull))
    assert not thread.resolved


async def test_we_know_who_we_are(world: World) -> None:
    pull = await world.open()
    me = await world.ours.reader.me()
    await world.ours.writer.comment(world.ref_of(pull), "Here.", "Here.", None, look_first=False)
    assert (me.is_bot, pull.comments[-1].user.login.removesuffix("[bot]")) == (True, me.login)
    assert RUN_ID not in pull.comments[-1].body


ROLES = [*Permission, "outsider", "deleted"]


@pytest.mark.parametrize("role", ROLES)
async def test_what_a_person_may_do_is_read_live(world: World, role: Permission | str) -> None:
    pull = await world.open()
    person = world.fake.user("sam")
    if isinstance(role, Permission):
        world.repo.set_role("sam", role)
    person.deleted = role == "deleted"
    found = await world.ours.reader.permission(
        await world.repo_of(pull), Person(user_id=str(person.user_id), login="sam")
    )
    assert found == (role if isinstance(role, Permission) else Permission.NONE)


async def _ls_remote(url: str, header: str, ref: str) -> str:
    code, output = await git(
        "-c", f"http.extraHeader={header}", "ls-remote", url, ref, folder=Path(tempfile.gettempdir())
    )
    assert code == 0, output
    return output
