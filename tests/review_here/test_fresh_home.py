"""Looking at a home where nothing was ever started says so, and leaves it as it was."""

from collections.abc import Callable
from pathlib import Path

import pytest

from app.domain.errors import UserError
from app.measures import run_measures
from app.reviewing.findings import tell_findings
from app.settings import load_settings
from app.wiring import open_store

LOOKS: dict[str, Callable[[Path], int]] = {
    "measures": lambda home: run_measures(last="30d", repo="", as_json=False, home=home),
    "findings": lambda home: tell_findings(
        "https://github.com/acme/shop/pull/1", output="prompt", fail_on="low", home=home
    ),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys())
def test_nothing_is_made_by_looking(
    tmp_path: Path, look: Callable[[Path], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    home = tmp_path / "home"
    with pytest.raises(UserError, match=r"Nothing was reviewed in .*/home yet(\. Start `corrigent up`|, and GitHub)"):
        look(home)
    assert not home.exists()


async def test_a_home_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = load_settings({"home": str(tmp_path)}, environ={}).model_copy(
        update={"home": tmp_path / "file" / "home"}
    )
    with pytest.raises(UserError, match=r"/file/home cannot be made: Not a directory\. Choose another with --home"):
        async with open_store(settings, may_migrate=True):
            pass


def test_an_address_that_is_none_is_the_first_thing_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'nonsense' is not the address of a pull request"):
        tell_findings("nonsense", output="prompt", fail_on="low", home=tmp_path)
