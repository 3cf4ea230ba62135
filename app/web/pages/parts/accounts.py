"""What a run can account for besides its findings: what was read, what it cost, which configuration held."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pydantic import JsonValue

from app.domain.coverage import Coverage
from app.domain.names import CONFIG_FILE
from app.domain.outcomes import TOO_LARGE
from app.domain.phrases import count, dollars, sentence, short
from app.domain.repo_config import ConfigInForce
from app.domain.review import ReviewerUsage, ReviewResult
from app.web.pages.parts.words import line

# How many paths of one reason are named?
_NAMED = 50


class Paths(NamedTuple):
    """Files with one reason in common."""

    reason: str
    paths: tuple[str, ...]
    more: int


class Value(NamedTuple):
    """A key of the configuration, with the layer that decided it."""

    key: str
    value: str
    origin: str


class ModelUse(NamedTuple):
    """One model's part of a run."""

    model: str
    requests: str
    tokens: str
    cost: str


class Account(NamedTuple):
    """Ready to be printed; `hunks` is None while nothing is known yet."""

    hunks: tuple[int, int] | None
    unread: tuple[Paths, ...]
    skipped: tuple[Paths, ...]
    models: tuple[ModelUse, ...]
    analysers: tuple[str, ...]
    # Where the configuration comes from, in a sentence; empty when the run never got that far.
    config_source: str
    problems: tuple[str, ...]
    values: tuple[Value, ...]
    carried_from: str


def account(result: ReviewResult | None, config: ConfigInForce | None) -> Account:
    coverage = result.coverage if result is not None else None
    return Account(
        hunks=(coverage.read_hunk_count, coverage.hunk_count) if coverage is not None else None,
        unread=_unread(coverage) if coverage is not None else (),
        skipped=_skipped(coverage) if coverage is not None else (),
        models=tuple(_use(used) for used in (result.usage if result is not None else ()) if used.model),
        analysers=tuple(line(name) for name in (result.analysers if result is not None else ())),
        config_source=_source(config) if config is not None else "",
        problems=tuple(_problems(config)) if config is not None else (),
        values=tuple(_values(config)) if config is not None else (),
        carried_from=short(result.carried_from_sha) if result is not None and result.carried_from_sha else "",
    )


def _unread(coverage: Coverage) -> tuple[Paths, ...]:
    reasons: dict[str, list[str]] = defaultdict(list)
    for unread in coverage.unread():
        reasons[f"{unread.reviewer}: {unread.reason}"].append(unread.path)
    for path, reason in coverage.skipped.items():
        if reason.startswith(TOO_LARGE):
            reasons[reason].append(path)
    return _grouped(reasons)


def _skipped(coverage: Coverage) -> tuple[Paths, ...]:
    reasons: dict[str, list[str]] = defaultdict(list)
    for path, reason in coverage.skipped.items():
        if not reason.startswith(TOO_LARGE):
            reasons[reason].append(path)
    return _grouped(reasons)


def _grouped(reasons: Mapping[str, list[str]]) -> tuple[Paths, ...]:
    return tuple(
        Paths(line(reason), tuple(sorted(paths)[:_NAMED]), max(0, len(paths) - _NAMED))
        for reason, paths in sorted(reasons.items())
    )


def _use(used: ReviewerUsage) -> ModelUse:
    cached = f", {used.cached_tokens:,} of them cached" if used.cached_tokens else ""
    return ModelUse(
        model=line(used.model),
        requests=count(used.requests, "call"),
        tokens=f"{used.input_tokens:,} tokens in{cached}, {used.output_tokens:,} out",
        cost=dollars(used.dollars) if used.dollars is not None else "price unknown",
    )


def _source(config: ConfigInForce) -> str:
    text = f"{CONFIG_FILE} of the default branch" if config.read_at_sha else f"No {CONFIG_FILE}: defaults"
    at = f", read at {short(config.read_at_sha)}" if config.read_at_sha else ""
    match config.changed_by_pull_request:
        case "":
            change = ""
        case "valid":
            change = " This pull request changes it: valid, takes effect once merged."
        case problem:
            change = f" This pull request changes it, with a problem: {sentence(line(problem))}"
    return f"{text}{at}.{change}"


def _problems(config: ConfigInForce) -> Iterable[str]:
    for problem in config.problems:
        yield f"Line {problem.line}: {line(problem.text)}" if problem.line else line(problem.text)


def _values(config: ConfigInForce) -> Iterable[Value]:
    """Every key; those that somebody set come first."""
    values = [
        Value(key, text, line(config.origins.get(key, "built-in")))
        for key, text in _flat(config.config.model_dump(mode="json"))
    ]
    return sorted(values, key=lambda value: value.origin == "built-in")


def _flat(values: Mapping[str, JsonValue], prefix: str = "") -> Iterable[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", _text(value)


def _text(value: JsonValue) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case list():
            return line(", ".join(map(str, value))) or "none"
        case _:
            return line(str(value))
