"""Every reviewer can be made by its name, and making one imports only what it needs."""

import subprocess
import sys
from pathlib import Path

import pytest

from reviewers.registry import MODEL_REVIEWERS, REVIEWERS, Parts
from tests.harness.scripts import plenty, scripted


@pytest.mark.parametrize("name", REVIEWERS)
def test_a_reviewer_goes_by_its_name(name: str, tmp_path: Path) -> None:
    reviewer = REVIEWERS[name](Parts(model=scripted(tmp_path, []), budget=plenty()))
    assert reviewer.name == name
    assert reviewer.is_model == (name in MODEL_REVIEWERS)


def test_a_model_reviewer_needs_its_model() -> None:
    with pytest.raises(ValueError, match="needs a model"):
        REVIEWERS["bug_hunter"](Parts())


def test_neither_the_pipeline_nor_a_scripted_review_loads_a_model_library() -> None:
    code = (
        "import sys, reviewers.pipeline, reviewers.bug_hunter.reviewer, app.llm.scripted, app.llm.models;"
        "print([m for m in ('pydantic_ai', 'openai', 'genai_prices', 'httpx2') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
