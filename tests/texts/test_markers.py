"""Hidden marks are written safely and read strictly."""

import pytest

from app.domain import markers
from tests.harness.growth import LINEAR, growth

FINDING = "01JD5K3Q8W9XYZABCDEFGHJKMN"
RUN = "01JD5K3Q8W9XYZABCDEFGHJKMP"
KEY = "0123456789abcdef" * 4


def test_each_mark_is_read_back() -> None:
    assert markers.finding_marker(FINDING, RUN) == f"<!-- corrigent:v1 finding={FINDING} run={RUN} -->"
    assert markers.read_finding_marker(f"text\n\n{markers.finding_marker(FINDING, RUN)}") == (FINDING, RUN)
    assert markers.read_run_marker(f"text {markers.run_marker(RUN)} more") == RUN
    assert markers.read_action_marker(markers.action_marker(KEY)) == KEY


def test_the_last_mark_counts() -> None:
    text = f"{markers.run_marker(FINDING)}\nquoted above, ours below\n{markers.run_marker(RUN)}"
    assert markers.read_run_marker(text) == RUN


def test_marks_of_one_kind_are_not_marks_of_another() -> None:
    assert markers.read_run_marker(markers.finding_marker(FINDING, RUN)) is None
    assert markers.read_finding_marker(markers.run_marker(RUN)) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<!-- corrigent:v1 run=short -->",
        f"<!-- corrigent:v1 run={RUN.lower()} -->",
        f"<!-- corrigent:v1 run={RUN}0 -->",
        f"<!-- corrigent:v2 run={RUN} -->",
        f"<!--corrigent:v1 run={RUN}-->",
        f"<!-- corrigent:v1 run=9{RUN[1:]} -->",
        f"<!-- corrigent:v1 run=\n{RUN} -->",
    ],
)
def test_anything_but_the_exact_form_is_no_mark(text: str) -> None:
    assert markers.read_run_marker(text) is None


@pytest.mark.parametrize("bad", ["", "x --> @all", RUN + "\n", RUN.lower(), "1"])
def test_an_id_that_could_close_the_mark_early_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="cannot stand in a mark"):
        markers.finding_marker(FINDING, bad)
    with pytest.raises(ValueError, match="cannot stand in a mark"):
        markers.action_marker(bad)


def test_reading_is_linear_in_the_text() -> None:
    text = "<!-- corrigent:v1 finding="
    assert growth(lambda size: markers.read_finding_marker(text * size), 5_000) < LINEAR
    assert markers.read_finding_marker(text * 5_000) is None
