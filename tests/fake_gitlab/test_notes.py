"""The fake GitLab's notes: places as GitLab checks them, drafts as it publishes them, commands as it obeys them."""

import hashlib

import pytest

from app.domain.pull_request import Permission
from app.forges.fake.gitlab.quick_actions import extract
from tests.fake_gitlab.conftest import CHANGED, Site

NO_LINE = """400 Bad request - Note {:line_code=>["can't be blank", "must be a valid line code"]}"""
HASH = hashlib.sha1(b"pay.py", usedforsecurity=False).hexdigest()
# The lines of a place, and the code that GitLab gives it; None is refused.
PLACES: list[tuple[str, dict[str, object], str | None]] = [
    ("an added line by its new number", {"new_line": 5}, "6_5"),
    ("a removed line by its old number", {"old_line": 5}, "5_5"),
    ("a removed line further down", {"old_line": 30}, "30_30"),
    ("a context line by both", {"old_line": 4, "new_line": 4}, "4_4"),
    ("a context line below what was removed", {"old_line": 32, "new_line": 31}, "32_31"),
    ("an unchanged line outside the hunks", {"old_line": 15, "new_line": 15}, "15_15"),
    ("an added line by both", {"old_line": 5, "new_line": 5}, None),
    ("a context line by its new number alone", {"new_line": 4}, None),
    ("a context line by its old number alone", {"old_line": 4}, None),
    ("numbers that do not belong together", {"old_line": 15, "new_line": 16}, None),
    ("a line that is not there", {"old_line": 99, "new_line": 98}, None),
    ("another file", {"new_line": 5, "new_path": "nowhere.py", "old_path": "nowhere.py"}, None),
]


@pytest.mark.parametrize(("lines", "code"), [row[1:] for row in PLACES], ids=[row[0] for row in PLACES])
async def test_a_place_is_taken_or_refused_as_gitlab_does(
    site: Site, lines: dict[str, object], code: str | None
) -> None:
    place = await site.position(**lines)
    answer = await site.http.post(f"{site.mr}/discussions", json={"body": "Why?", "position": place})
    draft = await site.http.post(f"{site.mr}/draft_notes", json={"note": "Why?", "position": place})
    # A draft is taken in any case, and says by its line code whether it has a place.
    assert (draft.status_code, draft.json()["line_code"]) == (201, code and f"{HASH}_{code}")
    if code is None:
        assert (answer.status_code, answer.json()) == (400, {"message": NO_LINE})
    else:
        assert answer.status_code == 201
        assert answer.json()["notes"][0]["position"] == {"old_line": None, "new_line": None, **place}


async def test_a_place_without_a_line_is_incomplete_and_one_without_commits_is_no_place(site: Site) -> None:
    place = await site.position()
    answer = await site.http.post(f"{site.mr}/discussions", json={"body": "Why?", "position": place})
    assert ':position=>["is incomplete"]' in answer.json()["message"]
    del place["base_sha"]
    answer = await site.http.post(f"{site.mr}/discussions", json={"body": "Why?", "position": place})
    assert (answer.status_code, answer.json()) == (400, {"error": "position[base_sha] is missing"})


async def test_a_renamed_file_is_named_by_both_paths(site: Site) -> None:
    renamed = CHANGED.replace("line 9\n", "line nine\n")
    await site.merge_request.push({"old.py": None, "new.py": renamed})
    both = await site.position(old_path="old.py", new_path="new.py", old_line=8, new_line=8)
    assert (await site.http.post(f"{site.mr}/discussions", json={"body": "?", "position": both})).status_code == 201
    # Without the old path it is a new file, whose lines were all added.
    alone = {**both, "old_path": "new.py"}
    assert (await site.http.post(f"{site.mr}/discussions", json={"body": "?", "position": alone})).status_code == 400


async def test_a_draft_without_a_place_is_lost_when_it_is_published(site: Site) -> None:
    for number, line in enumerate((5, 4)):
        place = await site.position(new_line=line)
        await site.http.post(f"{site.mr}/draft_notes", json={"note": f"Draft {number}", "position": place})
    await site.http.post(f"{site.mr}/draft_notes", json={"note": "Overview"})
    assert (await site.http.post(f"{site.mr}/draft_notes/bulk_publish")).status_code == 204
    assert [note.body for note in site.merge_request.item.notes] == ["Draft 0", "Overview"]
    assert (await site.http.get(f"{site.mr}/draft_notes")).json() == []


async def test_drafts_are_their_author_s_alone(site: Site) -> None:
    made = (await site.http.post(f"{site.mr}/draft_notes", json={"note": "Mine"})).json()
    async with site.client(site.fake.personal_token("maria")) as maria:
        assert (await maria.get(f"{site.mr}/draft_notes")).json() == []
        assert (await maria.delete(f"{site.mr}/draft_notes/{made['id']}")).status_code == 404
        assert (await maria.post(f"{site.mr}/draft_notes/bulk_publish")).status_code == 204
    assert (await site.http.get(f"{site.mr}/draft_notes/{made['id']}")).json()["note"] == "Mine"
    assert (await site.http.get(f"{site.mr}/discussions")).json() == []


COMMANDS: list[tuple[str, list[tuple[str, str]]]] = [
    ("/merge", [("merge", "")]),
    ("Words\n/label ~a ~b\nmore", [("label", "~a ~b")]),
    ("Words\r\n/CLOSE\r\n", [("close", "")]),
    ("- list\n/approve", [("approve", "")]),
    ("~~~\n/approve\n~~~", [("approve", "")]),
    ("```\n/approve", [("approve", "")]),
    ("```\n/approve\n```", []),
    (" /approve", []),
    ("/approved", []),
    ("> /approve", []),
    (">>>\n/approve\n>>>", []),
    ("<b>\n/approve\n</b>", []),
    ("`code`\n/approve\n`more`", []),
    ("see /merge here", []),
]


@pytest.mark.parametrize(("text", "found"), COMMANDS)
def test_commands_are_found_where_gitlab_finds_them(text: str, found: list[tuple[str, str]]) -> None:
    assert extract(text)[1] == found


async def test_commands_are_carried_out_wherever_they_are_written(site: Site) -> None:
    said = site.merge_request.comment("Hello")
    label = site.fake.user("corrigent")
    site.project.set_role("corrigent", Permission.WRITE)
    assert (await site.http.post(f"{site.mr}/notes", json={"body": "/label ~one"})).status_code == 202
    made = (await site.http.post(f"{site.mr}/notes", json={"body": "Text\n/label ~two"})).json()
    assert made["body"] == "Text"
    await site.http.put(f"{site.mr}/notes/{made['id']}", json={"body": "Text\n/label ~three"})
    await site.http.post(f"{site.mr}/draft_notes", json={"note": "Text\n/close"})
    assert site.merge_request.item.state == "opened"
    await site.http.post(f"{site.mr}/draft_notes/bulk_publish")
    where = [(one.word, one.where, one.user) for one in site.merge_request.quick_actions]
    places = ["note", "note", "edited note", "draft"]
    assert where == [(word, place, label) for word, place in zip(["label"] * 3 + ["close"], places, strict=True)]
    assert [label.name for label in site.merge_request.item.labels] == ["one", "two", "three"]
    assert site.merge_request.item.state == "closed"
    assert said.body == "Hello"


async def test_resolving_is_for_developers_and_the_author(site: Site) -> None:
    site.project.set_role("sam", Permission.TRIAGE)
    thread = await site.merge_request.comment_on_line("pay.py", 5, "Why?", by="sam")
    address = f"{site.mr}/discussions/{thread.discussion_id}"
    async with site.client(site.fake.personal_token("sam")) as sam:
        assert (await sam.put(address, json={"resolved": True})).status_code == 403
    answer = await site.http.put(address, json={"resolved": True})
    assert answer.json()["notes"][0]["resolved_by"]["username"] == "corrigent"
    site.merge_request.unresolve(thread)
    assert not thread.resolved


async def test_an_emoji_is_given_once(site: Site) -> None:
    said = site.merge_request.comment("Hello")
    address = f"{site.mr}/notes/{said.note_id}/award_emoji"
    statuses = [(await site.http.post(address, json={"name": name})).status_code for name in ("eyes", "eyes", "nope")]
    assert statuses == [201, 404, 404]
    (given,) = (await site.http.get(address)).json()
    assert (given["name"], given["awardable_type"]) == ("eyes", "Note")
    assert (await site.http.delete(f"{address}/{given['id']}")).status_code == 204
    assert said.reactions == []


async def test_internal_notes_are_not_for_outsiders(site: Site) -> None:
    site.project.project.visibility = "public"
    site.merge_request.comment("Between us", internal=True)
    site.merge_request.comment("For all")
    async with site.client() as nobody:
        assert [one["body"] for one in (await nobody.get(f"{site.mr}/notes")).json()] == ["For all"]
    assert len((await site.http.get(f"{site.mr}/notes")).json()) == 2


async def test_a_line_takes_its_note_along(site: Site) -> None:
    stays = await site.merge_request.comment_on_line("pay.py", 5, "Why?")
    await site.merge_request.push({"pay.py": "first\n" + CHANGED})
    assert stays.position is not None
    assert (stays.position.new_line, stays.outdated) == (6, False)
    await site.merge_request.push({"pay.py": "first\n" + CHANGED.replace("line five\n", "line cinq\n")})
    assert (stays.position.new_line, stays.outdated) == (6, True)
    shown = (await site.http.get(f"{site.mr}/discussions")).json()[0]["notes"][0]["position"]
    head = (await site.http.get(site.mr)).json()["diff_refs"]["head_sha"]
    assert shown["head_sha"] != head
