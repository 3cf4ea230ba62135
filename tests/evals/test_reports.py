"""An evaluation as a table, as JSON and as a page; and the command that makes them."""

import asyncio
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from app.domain.errors import UserError
from app.eval.charts import bars, curve, number
from app.eval.cli import register
from app.eval.render import as_page, as_table
from app.forges.fake.scenario import FakeForge
from reviewers.evals.figures import Bars, Curve, EvalReport, Figure, Line, Section, measured
from reviewers.evals.metrics import METRICS, Counts
from tests.checkouts.repos import Repo

CURVE = Curve(
    title="F1 <of> each",
    x="votes",
    y="F1",
    lines=(Line(name="one & only", points=((1, 0.2), (2, 0.5))), Line(name="other", points=((1, 0.3), (2, 0.5)))),
)
REPORT = EvalReport(
    version="1.2",
    made_at="2026-11-21 07:00 UTC",
    reviewed_by="scripted:<b>",
    sections=(
        Section(
            key="bugs",
            title="Recorded changes",
            text="Two of them.",
            figures=(
                Figure(name="recall", value=0.25, low=0.1, high=0.4, target=0.5, at_least=True),
                Figure(name="posts", value=0.0, target=0.05),
                Figure(name="dollars", value=None),
            ),
            curves=(CURVE,),
            bars=(
                Bars(title="by set", unit="", bars=(Figure(name="clean", value=0.5, low=0.2, high=0.9),)),
                Bars(title="by day", unit="", bars=(Figure(name="one", value=0), Figure(name="two", value=0))),
            ),
        ),
    ),
)


class Balanced(HTMLParser):
    """Fails on a tag that is closed and was not open."""

    EMPTY = frozenset({"meta", "circle", "rect", "polyline"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag not in self.EMPTY or tag == "circle":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_table_says_what_was_missed() -> None:
    table = as_table(REPORT)
    assert re.search(r"recall +0\.250 +0\.100 to 0\.400 +≥ 0\.500  MISSED", table)
    assert re.search(r"posts +0 +≤ 0\.050$", table, re.MULTILINE)
    assert re.search(r"dollars +–$", table, re.MULTILINE)
    assert table.endswith("1 target missed\n")


def test_the_page_stands_alone_and_escapes_names() -> None:
    page = as_page(REPORT)
    parsed = Balanced()
    parsed.feed(page)
    assert parsed.open == []
    assert parsed.seen.count("svg") == 2
    assert "script" not in parsed.seen
    assert not re.search(r"(src|href)=\"(?!#)", page)
    assert "scripted:&lt;b&gt;" in page
    assert "one &amp; only" in page
    assert "F1 &lt;of&gt; each" in page
    assert "1 target missed" in page
    assert "1 of 2" in page
    assert '<td class="missed">recall</td>' in page
    assert "Nought for one, two." in page


def test_everything_in_a_chart_is_also_in_words() -> None:
    page = as_page(REPORT)
    for name, x, y in (("one &amp; only", "1", "0.200"), ("one &amp; only", "2", "0.500"), ("other", "1", "0.300")):
        assert re.search(rf'{name}</th><td class="number">{x}</td><td class="number">{y}</td>', page)
    assert page.count("<caption>") == len(REPORT.sections) + 1


def test_a_report_comes_back_from_json() -> None:
    assert EvalReport.model_validate_json(REPORT.model_dump_json()) == REPORT


def test_names_in_a_chart_do_not_lie_on_each_other() -> None:
    drawn = str(curve(CURVE))
    found = re.findall(r'<text class="name" x="([\d.]+)" y="([\d.]+)">([^<]+)<', drawn)
    (left, top, words), (other_left, other_top, other_words) = sorted(found)
    assert {words, other_words} == {"one &amp; only", "other"}
    assert top != other_top or float(left) + 5 * len(words) < float(other_left)


def test_charts_of_nothing_are_charts() -> None:
    assert "<svg" in curve(Curve(title="none", x="x", y="y", lines=()))
    assert "<svg" in bars(Bars(title="none", unit="", bars=()))


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "–"), (0.0, "0"), (0.5, "0.500"), (12.34, "12.3"), (242_594.0, "242,594"), (-0.1, "-0.100")],
)
def test_numbers(value: float | None, shown: str) -> None:
    assert number(value) == shown


def test_a_figure_that_never_varies_has_no_interval() -> None:
    figure = measured("recall", METRICS["recall"], [Counts(known=1), Counts(known=2)])
    assert (figure.value, figure.low, figure.high) == (0.0, None, None)


@pytest.fixture
def corrigent() -> typer.Typer:
    app = typer.Typer()
    register(app)
    app.command("other")(lambda: None)
    return app


def test_the_command_measures_and_keeps_its_reports(corrigent: typer.Typer, shared_data: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    words = ["--data", str(shared_data / "eval"), "--results", str(results), "--sets", "clean", "--limit", "3"]
    ran = CliRunner().invoke(corrigent, ["eval", "anchors", "bugs", "--quick", *words])
    assert ran.exit_code == 0, ran.output
    report = EvalReport.model_validate_json((results / "report.json").read_bytes())
    assert [section.key for section in report.sections] == ["anchors", "bugs"]
    assert report.missed == 0
    assert len(list((results / "rows").iterdir())) == 3
    assert '<section id="bugs"' in (results / "report.html").read_text()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    repo = Repo.create(tmp_path / "clone")
    repo.commit({"a.py": "first = 1\n"}, "Begin")
    repo.commit({"a.py": 'first = 1\nprint("%s %s" % (first,))\n'}, "Print it")
    repo.commit({"b.py": "second = 2\n"}, "Second")
    return repo.folder


def what_if(clone: Path, results: Path, *words: str) -> list[str]:
    return ["eval", "--what-if", str(clone), "--last", "2", "--results", str(results), *words]


def test_what_if_reviews_a_clone_s_last_changes(corrigent: typer.Typer, clone: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    ran = CliRunner().invoke(corrigent, what_if(clone, results))
    assert ran.exit_code == 0, ran.output
    report = EvalReport.model_validate_json((results / "report.json").read_bytes())
    (section,) = report.sections
    assert section.text.startswith("2 changes")
    assert len(section.said) == 1
    assert "a.py:2" in section.said[0]
    again = CliRunner().invoke(corrigent, what_if(clone, results))
    assert "2 of 2 changes were reviewed before and are kept." in again.stderr


async def test_what_if_asks_no_forge_for_anything(
    corrigent: typer.Typer, clone: Path, tmp_path: Path, forge: FakeForge
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    key = home / "app.pem"
    key.write_text("a key")
    settings = home / "settings.toml"
    settings.write_text(
        f'github_token = "a token"\n[[connections]]\nkey = "github"\nkind = "github"\nweb_url = "{forge.url}"\n'
        f'api_url = "{forge.api_url}"\napp_id = 1\nslug = "corrigent"\nwebhook_secret = "a secret"\n'
        f'private_key_file = "{key}"\n'
    )
    settings.chmod(0o600)
    script = tmp_path / "script.json"
    script.write_text('{"answers": [{"findings": []}]}')
    words = what_if(clone, tmp_path / "results", "--model", f"scripted:{script}")
    ran = await asyncio.to_thread(CliRunner().invoke, corrigent, words, env={"CORRIGENT_HOME": str(home)})
    assert ran.exit_code == 0, ran.output
    assert (
        "2 changes" in EvalReport.model_validate_json((tmp_path / "results/report.json").read_bytes()).sections[0].text
    )
    assert list(forge.requests) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nonsense"], "There is no part 'nonsense'; there are convergence"),
        (
            ["replay", "--data", "/nowhere"],
            "There is no folder /nowhere/martian-crb, which the part replay needs; --data",
        ),
        (["anchors", "--data", "/nowhere"], "There is no /nowhere/bugdiffs/mined_szz.jsonl; --data names"),
        (["anchors", "--sets", "clean,dirty"], "There is no set 'dirty'; there are mined_szz"),
        (["theory", "--model", "openai:x"], "--model is about reviews, and none is asked for; add the part bugs."),
        (["theory", "bugs", "--sets", "clean", "--model", "gpt"], "'gpt' is not a model; use one of anthropic:NAME"),
        (["theory", "bugs", "--sets", "clean", "--judge", "openai:x"], "'openai:x' needs an API key."),
        (["theory", "bugs", "--sets", "clean", "--compare", "/nowhere"], "There are no results in /nowhere"),
        (["theory", "--results", "/proc/nowhere"], "/proc/nowhere cannot be written: No such file or directory; name"),
        (["convergence", "--clone", "/proc"], "There is no git repository at /proc; go to one, or give the path"),
    ],
)
def test_wrong_use_is_said_before_anything_is_measured(
    corrigent: typer.Typer,
    words: list[str],
    said: str,
    shared_data: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    data = {"CORRIGENT_EVAL_DATA": str(shared_data / "eval"), "CORRIGENT_HOME": str(tmp_path)}
    ran = CliRunner().invoke(corrigent, ["eval", *words], env=data)
    assert isinstance(ran.exception, UserError)
    assert said in str(ran.exception)


@pytest.mark.parametrize("words", [["--limit", "-1"], ["--budget", "-1"], ["--jobs", "0"], ["--effort", "much"]])
def test_numbers_and_words_out_of_range_are_refused(corrigent: typer.Typer, words: list[str]) -> None:
    assert CliRunner().invoke(corrigent, ["eval", "theory", *words]).exit_code == 2
