"""The scripted model says what its script says, and its log counts calls across processes."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from app.domain.errors import RateLimited, UserError
from app.llm.chat import Answer, ModelRefused, ModelUnavailable, Question
from app.llm.scripted import ScriptedModel


def model(tmp_path: Path, script: Mapping[str, object]) -> ScriptedModel:
    path = tmp_path / "script.json"
    path.write_text(json.dumps(script))
    return ScriptedModel(path)


async def ask(scripted: ScriptedModel, prompt: str) -> Answer:
    return await scripted.ask(Question(instructions="i", prompt=prompt, schema_name="s", schema={}))


async def test_all_entries_whose_words_are_there_answer_together(tmp_path: Path) -> None:
    scripted = model(
        tmp_path,
        {
            "answers": [
                {"when": ["a.py", "refund"], "findings": [{"title": "one"}]},
                {"when": ["b.py"], "findings": [{"title": "two"}]},
                {"when": ["c.py"], "findings": [{"title": "three"}]},
            ]
        },
    )
    answer = json.loads((await ask(scripted, "file a.py refund, file b.py")).text)
    assert [finding["title"] for finding in answer["findings"]] == ["one", "two"]
    assert json.loads((await ask(scripted, "nothing")).text) == {"findings": [], "verdicts": []}


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        ("429 retry-after 5", RateLimited),
        ("529", RateLimited),
        ("500", ModelUnavailable),
        ("timeout", ModelUnavailable),
        ("reset", ModelUnavailable),
        ("refusal", ModelRefused),
        ("401", UserError),
        ("404", UserError),
    ],
)
async def test_errors(tmp_path: Path, error: str, raised: type[Exception]) -> None:
    with pytest.raises(raised):
        await ask(model(tmp_path, {"answers": [{"error": error}]}), "x")


async def test_times_and_raw_and_price(tmp_path: Path) -> None:
    scripted = model(
        tmp_path,
        {"price": {"input": 3, "output": 15}, "answers": [{"error": "broken json", "times": 1}, {"raw": "hello"}]},
    )
    assert [(await ask(scripted, "x")).text[:9] for _ in range(3)] == ['{"finding', "hello", "hello"]
    assert scripted.price(input_tokens=1_000_000, output_tokens=1_000_000) == 18


async def test_the_log_counts_for_every_process(tmp_path: Path) -> None:
    script = {"log": "calls.jsonl", "answers": [{"when": ["x"], "error": "500", "times": 2}]}
    for _ in range(2):
        with pytest.raises(ModelUnavailable):
            await ask(model(tmp_path, script), "x")
    assert json.loads((await ask(model(tmp_path, script), "x")).text) == {"findings": [], "verdicts": []}
    lines = [json.loads(line) for line in (tmp_path / "calls.jsonl").read_text().splitlines()]
    assert [line["entries"] for line in lines] == [[0], [0], []]


def test_a_wrong_script_says_where(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is wrong at answers\.0\.finding"):
        model(tmp_path, {"answers": [{"finding": "x"}]})


async def test_an_answer_may_wait_for_what_a_test_does_meanwhile(tmp_path: Path) -> None:
    scripted = model(tmp_path, {"answers": [{"when": ["late.py"], "until": "pushed", "findings": [{"title": "one"}]}]})
    late = asyncio.create_task(ask(scripted, "late.py"))
    await ask(scripted, "another.py")
    assert not late.done()
    (tmp_path / "pushed").touch()
    assert "one" in (await asyncio.wait_for(late, 30)).text
