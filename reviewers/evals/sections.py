"""The parts of an evaluation that need no model: theory, the harness of experts' comments, the replay, the anchors."""

from collections.abc import Iterable, Iterator, Sequence

from app.domain.repo_config import RepoConfig
from reviewers.evals import metrics
from reviewers.evals.anchors import try_anchors
from reviewers.evals.cases import PatchCase
from reviewers.evals.figures import Bars, Curve, Figure, Line, Section, figure, measured
from reviewers.evals.harness import Noise, Outcome, run
from reviewers.evals.recorded import ExpertReview, JudgedReviews
from reviewers.evals.replay import agreement, merged_shares, recall_by_severity, votes_by_need
from reviewers.evals.theory import Rule, World, by_formula, by_lot

# The rules of the efforts `normal` and `high`: passes, and votes needed.
EFFORTS = ((5, 2), (8, 3))
_RULES = tuple(Rule(passes=k, needed=t) for k, t in ((1, 1), (3, 2), (5, 2), (8, 1), (8, 2), (8, 3), (8, 4)))
_VALIDATOR = {"keeps_true": 0.9, "keeps_false": 0.4}
_VALIDATED = tuple(rule.model_copy(update=_VALIDATOR) for rule in _RULES)
_NOISE = (0.06, 0.12, 0.24, 0.36)
_VALIDATORS = (1.0, 0.6, 0.4, 0.2)


def theory(*, pull_requests: int) -> Section:
    """Formula against lots drawn, for every rule with and without a validator, and two kinds of passes."""
    worlds = (World(), World(found=0.60, rho=0.60), World(rho=0.0, rho_tempted=0.0))
    away = max(
        distance
        for world in worlds
        for rule in (*_RULES, *_VALIDATED)
        for distance in _sigmas(world, rule, pull_requests)
    )
    return Section(
        key="theory",
        title="Voting, by formula and by lot",
        text=f"Recall and false posts of {len(_RULES) * 2} rules in {len(worlds)} worlds, "
        f"{pull_requests:,} pull requests drawn for each.",
        figures=(figure("farthest from the formula", away, unit="sigma", target=4),),
        curves=(_frontier(World()),),
    )


def harness(reviews: Sequence[ExpertReview], *, quick: bool) -> Section:
    """The real gate, buckets and vote over noisy passes, beside an oracle that groups without a mistake."""
    few, repetitions = reviews[:: 4 if quick else 1], 1 if quick else 2
    figures: list[Figure] = []
    for passes, needed in EFFORTS:
        outcome = run(few, passes=passes, needed=needed, noise=Noise(), repetitions=repetitions)
        figures += _beside_the_oracle(f"{passes} passes, {needed} votes, validator", outcome)
    return Section(
        key="harness",
        title="Experts' comments, drawn by noisy passes",
        text="Each pass finds defects that experts confirmed and falls for what they rejected, in other words and on "
        "other lines. Precision depends on the harness; how far the product is behind an oracle depends on "
        "the product.",
        figures=tuple(figures),
        curves=tuple(_sensitivity(reviews[:: 8 if quick else 3])),
    )


def replay(rows: Sequence[JudgedReviews]) -> Section:
    """Voting, matching and dedupe over what twelve tools said."""
    votes = votes_by_need(rows, range(1, 7))
    found = agreement(rows)
    same, different = merged_shares(rows)
    return Section(
        key="replay",
        title="Twelve tools on fifty pull requests, replayed",
        text="A model judge said which comment tells of which known problem. Nothing has a place: words alone decide.",
        figures=(
            measured("F1 where 3 of 12 agree", metrics.f_one, votes[3], target=0.60, at_least=True),
            measured("precision where 4 of 12 agree", metrics.precision, votes[4], target=0.70, at_least=True),
            measured("recall where 4 of 12 agree", metrics.recall, votes[4], target=0.54, at_least=True),
            figure("order of the tools, Spearman", found.spearman, target=0.95, at_least=True),
            figure("agreement with the judge, held out", found.held_out, target=0.88, at_least=True),
            figure("agreement with the judge", found.of_decisions),
            figure("one problem merged", same, target=0.85, at_least=True),
            figure("two problems merged", different),
        ),
        curves=(
            _by_need({need: (metrics.recall(counts), metrics.precision(counts)) for need, counts in votes.items()}),
            _tools(found.f1_by_judge, found.f1_by_matcher),
        ),
        bars=(
            Bars(
                title="recall by severity where 3 of 12 agree",
                unit="",
                bars=tuple(
                    measured(severity, metrics.recall, counts)
                    for severity, counts in recall_by_severity(rows, 3).items()
                ),
            ),
        ),
    )


def anchors(cases: Iterable[PatchCase]) -> Section:
    """Every place somebody could comment on, in every recorded patch."""
    found = try_anchors([case.diff(RepoConfig()) for case in cases])
    return Section(
        key="anchors",
        title="Anchors",
        text=f"{found.wanted:,} places around every changed line of every patch; {found.placed:,} became a thread, "
        "the others stand in the check.",
        figures=(
            figure("accepted by the forges' rule", 1 - found.refused / found.placed, target=1.0, at_least=True),
            figure("refused", found.refused, target=0),
            figure("places wanted", found.wanted),
        ),
    )


def _sigmas(world: World, rule: Rule, pull_requests: int) -> Iterator[float]:
    formula, lots = by_formula(world, rule), by_lot(world, rule, pull_requests=pull_requests)
    yield abs(lots.recall - formula.recall) / lots.recall_error
    yield abs(lots.false_posts - formula.false_posts) / lots.false_error


def _frontier(world: World) -> Curve:
    """What each vote more costs in recall and buys in precision, and where the efforts stand."""
    lines: list[Line] = []
    for name, keeps in (("", {}), (", validator", _VALIDATOR)):
        rules = [Rule(passes=8, needed=needed, **keeps) for needed in range(6, 0, -1)]
        lines.append(Line(name=f"8 passes{name}", points=tuple(_point(world, rule) for rule in rules)))
        for passes, needed in ((1, 1), *EFFORTS):
            rule = Rule(passes=passes, needed=needed, **keeps)
            lines.append(Line(name=f"{passes} ≥ {needed}{name}", points=(_point(world, rule),)))
    return Curve(title="recall and precision by formula", x="recall", y="precision", lines=tuple(lines), scattered=True)


def _point(world: World, rule: Rule) -> tuple[float, float]:
    outlook = by_formula(world, rule)
    return outlook.recall, outlook.precision


def _beside_the_oracle(name: str, outcome: Outcome) -> Iterator[Figure]:
    yield figure(f"recall gap · {name}", outcome.recall_gap, target=0.010)
    yield figure(f"precision gap · {name}", outcome.precision_gap, target=0.005)
    yield figure(f"duplicates per pull request · {name}", outcome.duplicates, target=0.005)
    yield measured(f"recall · {name}", metrics.recall, outcome.product)
    yield measured(f"precision · {name}", metrics.precision, outcome.product)
    yield measured(f"posts per pull request · {name}", metrics.posts, outcome.product)


def _sensitivity(reviews: Sequence[ExpertReview]) -> Iterator[Curve]:
    """The default rule over noise, for validators that let more or less of the false through."""
    passes, needed = EFFORTS[0]
    outcomes = {
        (keeps, tempted): run(
            reviews,
            passes=passes,
            needed=needed,
            noise=Noise(tempted=tempted, validator_keeps_false=keeps),
            repetitions=1,
        ).product
        for keeps in _VALIDATORS
        for tempted in _NOISE
    }
    for name, metric in (("precision", metrics.precision), ("posts per pull request", metrics.posts)):
        lines = tuple(
            Line(name=f"keeps {keeps:.0%} of the false", points=tuple((q, metric(outcomes[keeps, q])) for q in _NOISE))
            for keeps in _VALIDATORS
        )
        title = f"{name}, {passes} passes, {needed} votes"
        yield Curve(title=title, x="how often a pass falls for a rejected comment", y=name, lines=lines)


def _by_need(points: dict[int, tuple[float, float]]) -> Curve:
    lines = tuple(Line(name=f"{need} of 12", points=(point,)) for need, point in points.items())
    return Curve(title="recall and precision by votes needed", x="recall", y="precision", lines=lines, scattered=True)


def _tools(by_judge: dict[str, float], by_matcher: dict[str, float]) -> Curve:
    lines = tuple(Line(name=tool, points=((by_judge[tool], by_matcher[tool]),)) for tool in sorted(by_judge))
    title = "F1 of each tool, by the judge and by our matcher"
    return Curve(title=title, x="F1 by the judge", y="F1 by the matcher", lines=lines, scattered=True)
