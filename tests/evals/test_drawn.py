"""A model that answers with experts' comments, through the whole reviewer: what it knows arrives as threads."""

from pathlib import Path

import pytest

from app.eval.drawn import drawn_section
from app.llm.chat import Question
from reviewers.evals.cases import ExpertDiff, read_expert_diffs
from reviewers.evals.drawn_model import DrawnModel
from reviewers.evals.harness import Noise


@pytest.fixture(scope="module")
def cases(shared_data: Path) -> list[ExpertDiff]:
    return read_expert_diffs(shared_data / "eval")


async def test_what_it_says_survives_the_way_to_a_thread(cases: list[ExpertDiff]) -> None:
    section = await drawn_section(cases, repetitions=1)
    figures = {figure.name: figure.value or 0 for figure in section.figures}
    # A pass finds .373 of what is known; a sixth of it may be lost to words and to the limit of threads.
    assert 0.25 <= figures["recall"] <= 0.5
    assert figures["precision"] >= 0.4
    assert figures["anchors valid"] == 1
    assert figures["changes not read whole by the model"] == 0


async def test_the_same_question_gets_the_same_answer_and_another_one_its_own(cases: list[ExpertDiff]) -> None:
    model = DrawnModel(cases, Noise(found=0.5, rho=0.0))
    files = "\n".join(comment.path for case in cases for comment in case.golden)

    async def answer(words: str) -> str:
        question = Question(instructions="", prompt=f"{words}\n{files}", schema_name="", schema={})
        return (await model.ask(question)).text

    one, again, other = [await answer(words) for words in (cases[0].title, cases[0].title, f"{cases[0].title} again")]
    assert one == again
    assert one != other
    assert await answer("a pull request of nobody") == '{"findings": [], "verdicts": []}'
