"""What people say on lines of a change is read on every forge with its line and commit; ours and replies are not."""

from collections.abc import AsyncGenerator

import pytest

from app.domain.findings import Place
from tests.contracts.worlds import KINDS, World, a_world, comment_on, reply

FILES = {"pay.py": "pay()\n", "other.py": "1\n"}
CHANGES = {"pay.py": "pay()\ntwice()\nthrice()\n"}


@pytest.fixture(params=KINDS)
async def world(request: pytest.FixtureRequest) -> AsyncGenerator[World]:
    async with a_world(request.param, files=FILES) as made:
        yield made


async def test_first_comments_of_people_on_lines_are_remarks(world: World) -> None:
    pull = await world.open(changes=CHANGES)
    await world.post(pull, comment_on(1, "pay.py", 2))
    reply(pull, 0, "A reply is no remark.")
    await pull.comment_on_line("pay.py", 3, "Nothing is paid three times.", by="maria")
    pull.comment("Below the change, on no line.")
    written_for = pull.head_sha
    await pull.push({"pay.py": "first()\n" + CHANGES["pay.py"]})

    (remark,) = await world.ours.remarks.remarks(world.ref_of(pull))
    assert (remark.author.login, remark.body) == ("maria", "Nothing is paid three times.")
    # GitLab moves it along as long as its line is there.
    line, commit_sha = {"github": (3, written_for), "gitlab": (4, pull.head_sha)}[world.kind]
    assert remark.place == Place(path="pay.py", start_line=line, line=line)
    assert remark.commit_sha == commit_sha
