"""A model that judges, where there is one: asked only about what is near, and its word counts."""

from app.domain.findings import Finding, Place
from app.llm.chat import Answer, Question
from reviewers.evals.judge import by_answers, judged
from reviewers.evals.matching import Known
from reviewers.evals.metrics import Counts
from reviewers.evals.reviewed import Reviewed
from tests.domain.diffs import finding

BUG = Known(
    text="The refund is made twice when a webhook is retried", places=(Place(path="a.py", start_line=9, line=9),)
)
VAGUE = "Retries are dangerous for money"
STYLE = "A webhook handler of this length is hard to read"


def row(*findings: Finding) -> Reviewed:
    return Reviewed(
        case_id="x",
        group="mined_szz",
        language="Python",
        known=(BUG,),
        posted=findings,
        hinted=(),
        dropped=(),
        unread=(),
        counts=Counts(posted=len(findings)),
    ).counted()


async def test_its_word_counts_and_can_be_counted_again() -> None:
    asked: list[str] = []

    async def ask(question: Question) -> Answer:
        asked.append(question.prompt)
        return Answer(text='{"same": true}' if VAGUE in question.prompt else '{"same": false}')

    said = [finding(line=10, title=text, body="") for text in (VAGUE, STYLE)]
    far = finding(line=40, title=VAGUE, body="")
    before = row(*said, far)
    assert before.counts.found == 0
    after = await judged(before, ask)
    assert len(asked) == 2
    assert BUG.text in asked[0]
    assert (after.counts.found, after.counts.true, after.counts.located) == (1, 1, 1)
    assert by_answers(after).counts == after.counts
    assert by_answers(Reviewed.model_validate_json(after.model_dump_json())).counts == after.counts
