"""A finding is mended: asked for in a comment, made in a real sandbox, proved, and put where it was asked for."""

import re

import pytest
from inline_snapshot import snapshot

from app.demo import shop as samples
from app.domain.pull_request import Permission
from app.forges.fake.entities import Thread
from app.forges.fake.faults import bad_gateway
from app.forges.fake.http import Answer, Request
from app.forges.fake.pull_scenario import FakePullRequest
from tests.journeys.conftest import Shop
from tests.journeys.fixing import AGREES, MENDS_SECONDS, RAISES, need_sandbox, said, say

REFUNDS = samples.SAMPLES[0]


@pytest.fixture
async def reviewed(shop: Shop) -> FakePullRequest:
    need_sandbox()
    shop.system.script.agents.append(MENDS_SECONDS)
    shop.system.script.answers.insert(0, AGREES)
    shop.system.script.write()
    pull_request = await shop.open(REFUNDS)
    await shop.reviewed(pull_request)
    return pull_request


def plain(text: str) -> str:
    """Commits by their place in the text, and only the beginning of the change."""
    for number, sha in enumerate(dict.fromkeys(re.findall(r"\b(?=[0-9a-f]*\d)[0-9a-f]{7}\b", text)), start=1):
        text = text.replace(sha, f"commit-{number}")
    return re.sub(r"```diff\n.*?```", "```diff …```", text, flags=re.DOTALL)


async def mended_unasked(shop: Shop) -> tuple[FakePullRequest, str, Thread]:
    """What an analyser mends as soon as it is opened: the pull request, its first head, and where it was told."""
    pull_request = await shop.repo.open_pull_request(
        author="maria", title="Prices of products", branch="prices", changes=RAISES, body=""
    )
    first = pull_request.head_sha
    await shop.forge.wait_until(lambda: pull_request.head_sha != first, timeout=90)
    await shop.reviewed(pull_request)
    (thread,) = pull_request.threads
    await shop.forge.wait_until(lambda: len(thread.comments) == 2, timeout=60)
    return pull_request, first, thread


async def test_a_finding_is_mended_from_the_command_to_the_resolved_thread(
    shop: Shop, reviewed: FakePullRequest
) -> None:
    first = reviewed.head_sha
    assert await say(shop, reviewed, "/corrigent fix 3") == ["eyes", "+1"]
    assert reviewed.head_sha == first
    assert plain(said(reviewed)[-1]) == snapshot("""\
**Finding 3 is mended and proved.** +1 −1 `billing/refunds.py`, +18 `tests/test_timeout.py`

| | before, commit-1 | after |
|---|---|---|
| `python3 -m unittest -v tests.test_timeout` (new) | AssertionError: Lists differ: [2000] != [2] | pass |
| the repository's checks, `python3 -m unittest discover -v -s tests` | 1 pass | 2 pass |
| finding 3, reviewed again | present | gone |

`/corrigent apply 3` puts it on this branch (then `git pull`)

<details><summary>The change</summary>

```diff …```

</details>

<sub>Asked by maria · in bubblewrap</sub>\
""")

    shop.repo.set_role("sam", Permission.READ)
    assert await say(shop, reviewed, "/corrigent apply 3", by="sam") == ["eyes", "confused"]
    assert said(reviewed)[-1].startswith("`apply` needs write access to acme/shop; sam can read.")
    assert reviewed.head_sha == first

    assert await say(shop, reviewed, "/corrigent apply 3") == ["eyes", "+1"]
    await shop.reviewed(reviewed)
    assert reviewed.head_sha != first
    assert said(reviewed)[-1].startswith(f"**Finding 3 is mended and proved: {reviewed.head_sha[:7]} is on this branch")
    commit = await shop.repo.repository.git.commit_details(reviewed.head_sha)
    assert commit.parents == (first,)
    assert plain(commit.message) == snapshot("""\
Fix: timeout in milliseconds, the client takes seconds

The timeout is given in seconds.

Mends finding 3.
Proved: python3 -m unittest -v tests.test_timeout: AssertionError: Lists differ: [2000] != [2], then pass; the repository's checks, python3 -m unittest discover -v -s tests: 1 pass, then 2 pass; finding 3, reviewed again: present, then gone.
Asked by maria.\
""")
    assert [thread.resolved for thread in reviewed.threads] == [False, True]
    (check,) = reviewed.checks_of(reviewed.head_sha)
    assert check.title == snapshot("1 high · 5 files reviewed")
    pushing = [token for token in shop.forge.github.tokens.values() if token.permissions.get("contents") == "write"]
    assert [token.revoked for token in pushing if "pull_requests" not in token.permissions] == [True]


async def test_a_branch_that_wants_signatures_gets_one_commit_of_the_forge_s_own(shop: Shop) -> None:
    """git's push is declined, the forge's commit is made, and its answer is lost."""
    need_sandbox()

    def lose_the_next_answer(request: Request, _answer: Answer) -> None:
        if request.path.endswith("/git-receive-pack"):
            shop.forge.fault(bad_gateway(after=True), method="POST", path="/graphql")

    shop.forge.observe(lose_the_next_answer)
    await shop.repo.commit({".corrigent.yaml": "autofix: commit\n"})
    shop.repo.require_signatures("prices")
    pull_request, first, thread = await mended_unasked(shop)
    told = f"**Finding 1 is mended and proved: {pull_request.head_sha[:7]} is on this branch.**"
    assert thread.comments[-1].body.startswith(told)
    (commit,) = await shop.repo.repository.git.commits(first, pull_request.head_sha)
    assert commit.message.startswith("Fix: ")
    assert "\n\nMends finding 1." in commit.message
    # Made of the same change.
    mended = await shop.repo.git.read_file(pull_request.head_sha, "shop/prices.py")
    assert b"raise NotImplementedError\n" in (mended or b"")


async def test_an_analyser_s_own_fix_is_pushed_unasked_and_the_rounds_end(shop: Shop) -> None:
    """No model is asked: the linter mends, proves and sees its finding gone; the push is reviewed and nothing is left."""
    need_sandbox()
    await shop.repo.commit({".corrigent.yaml": "autofix: commit\nreview: every-push\n"})
    pull_request, first, thread = await mended_unasked(shop)
    # Told where the finding was, and nowhere else.
    assert said(pull_request) == []
    assert plain(thread.comments[-1].body.partition("\n\n<!--")[0]) == snapshot("""\
**Finding 1 is mended and proved: commit-1 is on this branch.** +1 −1 `shop/prices.py`, the analyser's own fix

| | before, commit-2 | after |
|---|---|---|
| `ruff F901 shop/prices.py` | F901: `raise NotImplemented` should be &#96;raise NotImplemente… | pass |
| the repository's checks, `python3 -m unittest discover -v -s tests` | 1 pass | 1 pass |
| finding 1, reviewed again | present | gone |

`git pull` gets it.

<sub>Made unasked, as `autofix` is set · in bubblewrap</sub>\
""")
    commits = await shop.repo.repository.git.commits(first, pull_request.head_sha)
    assert len(commits) == 1
    assert "Asked by" not in commits[0].message
    (check,) = pull_request.checks_of(pull_request.head_sha)
    assert (check.conclusion, check.title) == snapshot(("success", "No problems found · 2 files, 2 hunks"))
