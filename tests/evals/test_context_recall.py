"""What experts name is looked for in the prompts that a model really gets."""

from pathlib import Path

import pytest

from app.eval.first_prompts import first_prompts
from reviewers.evals.cases import read_expert_diffs
from reviewers.evals.context_recall import context_section, names_of


@pytest.mark.parametrize(
    ("comment", "names"),
    [
        ("`getDirs(t)` is called for every `view`.", {"getDirs", "view"}),
        ("retryConnect duplicates the logic of Connect", {"retryConnect"}),
        ("max_size is never read; see close() there", {"max_size", "close"}),
        ("This comment names nothing at all, HTTP and JSON aside.", set[str]()),
    ],
)
def test_what_a_comment_names(comment: str, names: set[str]) -> None:
    assert names_of(comment) == names


async def test_a_name_counts_where_its_file_is_shown(shared_data: Path) -> None:
    cases = read_expert_diffs(shared_data / "eval")[1:4]
    prompts = await first_prompts(cases)
    assert all(case.title in prompt for case, each in zip(cases, prompts, strict=True) for prompt in each)
    nothing: list[list[str]] = [[], [], []]
    seen, unseen = (
        {one.name: one.value or 0 for one in context_section(cases, each).figures} for each in (prompts, nothing)
    )
    assert seen["names in the first prompt"] > 0.5
    assert seen["of names that the change holds, in the first prompt"] == 1
    assert unseen["names in the first prompt"] == 0
    assert unseen["names one search of the changed files away"] == seen["names in the first prompt"]
    section = context_section(cases, prompts)
    assert {bar.name for bar in section.bars[0].bars} <= {"Diff Level", "File Level", "Repo Level"}
    assert "HTTPAddr" in section.said[0]
