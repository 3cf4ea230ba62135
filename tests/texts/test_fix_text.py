"""What is said of a fix: never more certain than its proof, and nothing in it can act on a forge."""

from datetime import UTC, datetime

import pytest
from inline_snapshot import snapshot

from app.domain.agent_text import answer_text, question_text
from app.domain.fix_text import (
    Whereabouts,
    agent_failed,
    already_mended,
    branch_moved,
    fix_text,
    money_is_spent,
    no_fix,
    no_model,
    no_model_configured,
    no_sandbox,
)
from app.domain.fixes import ChangedFile, Comparison, Fix, Patch, Proof
from app.domain.phrases import Voice
from tests.texts.sample import HEAD, VOICE

QUIET_VOICE = Voice()
PROVED = Proof(
    grade="proved",
    comparisons=(
        Comparison(what="pytest -k test_retry_refunds_once", is_new=True, before="2 refunds", after="pass", held=True),
        Comparison(what="the repository's checks, pytest", before="212 pass", after="213 pass", held=True),
        Comparison(what="finding 1, reviewed again", before="present", after="gone", held=True),
    ),
    sandbox="bubblewrap",
)
PATCH = Patch(
    patch_key="f" * 64,
    head_sha=HEAD,
    files=(
        ChangedFile(path="billing/refunds.py", added=9, removed=3),
        ChangedFile(path="tests/test_refunds.py", added=21, removed=0, status="added"),
    ),
)
FIX = Fix(
    agent_id="01JAGENT",
    numbers=(1,),
    patch=PATCH,
    proof=PROVED,
    summary="The event id is stored before the provider is called.",
)
CHECKED = FIX.model_copy(
    update={"proof": Proof(grade="checked", reason="the race shows itself too seldom", sandbox="bubblewrap")}
)


def shown(fix: Fix = FIX, *, voice: Voice = QUIET_VOICE, **where: str) -> str:
    return fix_text(fix, Whereabouts(**where), head_sha=HEAD, asked_by="maria", voice=voice)


def test_a_proved_fix_on_a_branch() -> None:
    assert shown(branch="corrigent/12-1", voice=VOICE) == snapshot("""\
**Finding 1 is mended and proved.** +9 −3 `billing/refunds.py`, +21 `tests/test_refunds.py`

| | before, 4be1d07 | after |
|---|---|---|
| `pytest -k test_retry_refunds_once` (new) | 2 refunds | pass |
| the repository's checks, `pytest` | 212 pass | 213 pass |
| finding 1, reviewed again | present | gone |

`@corrigent apply 1` puts it on this branch (then `git pull`) · by hand: `git fetch origin corrigent/12-1 && git cherry-pick FETCH_HEAD`

<sub>Asked by maria · in bubblewrap · the branch goes when this pull request closes</sub>\
""")


def test_a_linter_of_the_repository_is_named_like_its_checks() -> None:
    row = Comparison(what="the repository's linter, mypy", before="3 messages", after="4 messages, 1 new", held=False)
    fix = FIX.model_copy(update={"proof": PROVED.model_copy(update={"comparisons": (row,)})})
    assert "| the repository's linter, `mypy` | 3 messages | **4 messages, 1 new** |" in shown(fix)


def test_a_fix_that_was_pushed() -> None:
    assert shown(pushed_sha="9c2e1aa" + "0" * 33).partition("\n\n|")[0] == snapshot(
        "**Finding 1 is mended and proved: 9c2e1aa is on this branch.** +9 −3 `billing/refunds.py`, +21 `tests/test_refunds.py`"
    )
    assert "`git pull` gets it." in shown(pushed_sha="9c2e1aa" + "0" * 33)


def test_a_checked_fix_says_why_it_is_not_proved() -> None:
    assert shown(CHECKED) == snapshot("""\
**Finding 1 is mended and checked, not proved.** +9 −3 `billing/refunds.py`, +21 `tests/test_refunds.py`

Not proved, because the race shows itself too seldom.

`/corrigent apply 1` puts it on this branch (then `git pull`)

<sub>Asked by maria · in bubblewrap</sub>\
""")


def test_a_fix_that_may_not_be_pushed_is_shown_with_the_reason_and_the_change() -> None:
    assert shown(refusal="the head is in a fork that maintainers may not change", diff="-a\n+b\n") == snapshot("""\
**Finding 1 is mended and proved.** +9 −3 `billing/refunds.py`, +21 `tests/test_refunds.py`

| | before, 4be1d07 | after |
|---|---|---|
| `pytest -k test_retry_refunds_once` (new) | 2 refunds | pass |
| the repository's checks, `pytest` | 212 pass | 213 pass |
| finding 1, reviewed again | present | gone |

The head is in a fork that maintainers may not change.

By hand: save the change to a file, then `git apply FILE`.

<details><summary>The change</summary>

```diff
-a
+b
```

</details>

<sub>Asked by maria · in bubblewrap</sub>\
""")


def test_a_long_change_is_not_shown_in_a_comment() -> None:
    assert "The change" not in shown(diff="+x\n" * 61)


def test_why_there_is_no_fix() -> None:
    said = no_fix((3,), "test_rates_expire fails with it", VOICE, tries=1, most_tries=3, in_thread=True, agent_id="A")
    assert said == snapshot(
        "No fix for finding 3: test_rates_expire fails with it. Nothing was pushed. Reply with a hint and I try again (1 of 3 used)."
    )
    below = no_fix((3,), "it fails", QUIET_VOICE, tries=3, most_tries=3, in_thread=False, agent_id="A")
    assert below == snapshot(
        "No fix for finding 3: it fails. Nothing was pushed. No further try is made (3 of 3 used)."
    )
    hint = no_fix((3,), "it fails", QUIET_VOICE, tries=2, most_tries=3, in_thread=False, agent_id="A")
    assert hint == snapshot(
        "No fix for finding 3: it fails. Nothing was pushed. `/corrigent fix 3 HINT` tries again (2 of 3 used)."
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            no_sandbox("No sandbox can be used on this machine. bubblewrap: bwrap is not installed"),
            snapshot(
                "No fix was tried. No sandbox can be used on this machine. bubblewrap: bwrap is not installed. Reviews "
                "go on, and nothing runs outside of a sandbox; the operator sees more with `corrigent doctor`."
            ),
        ),
        (
            no_model((2,), no_model_configured()),
            snapshot(
                "No fix for finding 2: no analyser has a safe one, and no model is configured (`model` in the operator's settings). Nothing was pushed."
            ),
        ),
        (
            no_model((2,), money_is_spent("budget.day", 20.0)),
            snapshot(
                "No fix for finding 2: no analyser has a safe one, and what may be spent (`$20`) is spent; a maintainer raises `budget.day`. Nothing was pushed."
            ),
        ),
        (
            agent_failed("80 steps are used"),
            snapshot("The agent could not finish: 80 steps are used. Nothing was pushed."),
        ),
        (already_mended((1, 2)), snapshot("Findings 1 and 2 are no longer open here. Nothing was done.")),
        (
            branch_moved(HEAD, "b" * 40, (2,), QUIET_VOICE),
            snapshot(
                "This branch moved to bbbbbbb while the fix was proved on 4be1d07. Nothing was pushed. `/corrigent apply 2` proves it anew."
            ),
        ),
        (answer_text("@org/all see ![x](http://e.vil)", QUIET_VOICE), snapshot("`@org/all` see x (`http://e.vil`)")),
        (
            question_text("Which *one*?", datetime(2026, 3, 4, 9, tzinfo=UTC), QUIET_VOICE, in_thread=False),
            snapshot("""\
**The agent asks**

Which *one*?

Answer with `/corrigent agent TEXT` until 2026-03-04 09:00 UTC; then it goes on. Nothing runs while it waits.\
"""),
        ),
    ],
)
def test_the_other_answers(text: str, expected: str) -> None:
    assert text == expected


def test_what_a_model_says_cannot_act() -> None:
    fix = FIX.model_copy(
        update={
            "proof": PROVED.model_copy(
                update={
                    "comparisons": (
                        Comparison(what="echo `|` @org/all", before="| a @sam #4", after="<img src=x>", held=False),
                    )
                }
            )
        }
    )
    assert shown(fix) == snapshot("""\
**Finding 1 is mended and proved.** +9 −3 `billing/refunds.py`, +21 `tests/test_refunds.py`

| | before, 4be1d07 | after |
|---|---|---|
| ``echo `\\|` @org/all`` | &#124; a `@sam` `#4` | **&lt;img src=x>** |

`/corrigent apply 1` puts it on this branch (then `git pull`)

<sub>Asked by maria · in bubblewrap</sub>\
""")
