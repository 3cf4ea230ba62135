"""The part of an evaluation that reviews recorded changes: figures by set and language, and beside another run."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from app.domain.findings import Severity
from reviewers.evals import metrics
from reviewers.evals.cases import CLEAN
from reviewers.evals.figures import Bars, Figure, Section, all_measured, figure, measured
from reviewers.evals.metrics import METRICS, Counts, difference
from reviewers.evals.reviewed import Reviewed

# Analysers alone may say so much about a change that nothing is wrong with.
_CLEAN_POSTS, _CLEAN_HINTS = 0.05, 0.21
# What can be said of changes when nobody knows what is wrong with them.
_UNJUDGED = (
    "posts per pull request", "hints per pull request", "anchors valid", "duplicates per pull request",
    "seconds per pull request", "tokens per pull request", "dollars per pull request",
)  # fmt: skip
_COMPARED = (
    "precision", "recall", "F0.5", "clean rate", "posts per pull request", "seconds per pull request",
    "dollars per pull request",
)  # fmt: skip


def bug_section(rows: Sequence[Reviewed], *, with_model: bool, judged: bool) -> Section:
    """Everything that was reviewed."""
    counts = [row.counts for row in rows]
    clean = [row.counts for row in rows if row.group == CLEAN]
    how = "A model judge decides whether a finding tells of the bug" if judged else "Place and words decide"
    return Section(
        key="bugs",
        title="Recorded changes, reviewed by the real pipeline",
        text=f'{len(rows):,} changes. {how}; "located" is what has any finding near it, the most a judge could find. '
        "Of a changed file only its hunks are known here: analysers read the files that a change adds.",
        figures=(
            *all_measured(counts),
            *(_clean(clean, with_model=with_model) if clean else ()),
            *_not_read(rows, with_model=with_model),
        ),
        bars=(
            _bars("precision by set", "precision", [row for row in rows if row.known], lambda row: row.group),
            _bars("recall by set", "recall", rows, lambda row: row.group),
            _bars("posts per pull request by set", "posts per pull request", rows, lambda row: row.group),
            _bars("recall by language", "recall", rows, lambda row: row.language),
            _bars("posts per pull request by language", "posts per pull request", rows, lambda row: row.language),
            Bars(title="posts per pull request by severity", unit="", bars=tuple(_by_severity(rows))),
        ),
    )


def what_if_section(rows: Sequence[Reviewed], *, with_model: bool) -> Section:
    """Changes that were merged long ago, as they would be reviewed today; nobody knows what is wrong with them."""
    counts = [row.counts for row in rows]
    return Section(
        key="what-if",
        title="What if: merged changes, reviewed again",
        text=f"{len(rows):,} changes, each a commit of the main branch against the one before it. Nothing was posted.",
        figures=(*all_measured(counts, _UNJUDGED), *_not_read(rows, with_model=with_model)),
        said=tuple(
            f"{row.case_id[:7]} · {finding.place} · {finding.severity} · {finding.title}"
            for row in rows
            for finding in row.posted
        ),
    )


def comparison(before: Sequence[Reviewed], after: Sequence[Reviewed], names: tuple[str, str]) -> Section:
    """Two runs over the changes that both reviewed; an interval that leaves out nought is more than chance."""
    first = {row.case_id: row.counts for row in before}
    pairs = [(first[row.case_id], row.counts) for row in after if row.case_id in first]
    earlier, later = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    figures: list[Figure] = []
    for name in _COMPARED:
        found = difference(METRICS[name], earlier, later)
        if found.value == found.value:
            told = f"{name}, {'more than chance' if found.significant else 'may be chance'} (p {found.chance:.3f})"
            figures.append(Figure(name=told, value=found.value, low=found.low, high=found.high))
    return Section(
        key="comparison",
        title=f"{names[1]} beside {names[0]}",
        text=f"{len(pairs):,} changes that both reviewed, drawn in pairs: how much the second is above the first.",
        figures=tuple(figures),
    )


def _not_read(rows: Sequence[Reviewed], *, with_model: bool) -> tuple[Figure, ...]:
    failed = sum(row.model_failed for row in rows)
    return (figure("changes not read whole by the model", failed, target=0),) if with_model else ()


def _clean(rows: Sequence[Counts], *, with_model: bool) -> tuple[Figure, ...]:
    posts = measured("posts per clean pull request", metrics.posts, rows)
    hints = measured("hints per clean pull request", metrics.hints, rows)
    if with_model:
        return posts, hints
    return (
        posts.model_copy(update={"target": _CLEAN_POSTS}),
        hints.model_copy(update={"target": _CLEAN_HINTS}),
        figure("mean of analysers", metrics.seconds(rows), unit="s", target=0.6),
    )


def _by_severity(rows: Sequence[Reviewed]) -> Iterator[Figure]:
    for severity in sorted(Severity, key=lambda one: one.rank, reverse=True):
        posted = [Counts(posted=sum(one.severity is severity for one in row.posted)) for row in rows]
        yield measured(severity, metrics.posts, posted)


def _bars(title: str, metric: str, rows: Sequence[Reviewed], key: Callable[[Reviewed], str]) -> Bars:
    groups: dict[str, list[Counts]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row.counts)
    bars = (measured(name, METRICS[metric], counts) for name, counts in groups.items())
    return Bars(title=title, unit="", bars=tuple(bar for bar in bars if bar.value is not None))
