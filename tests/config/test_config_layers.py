"""Several layers become one configuration, each key with its origin."""

import jsonschema
import pytest
from pydantic import JsonValue

from app.checkouts.config_file import read_config
from app.domain.config_layers import FileRead, config_schema, fingerprint, flattened, in_force, nested
from app.domain.repo_config import BudgetLimits, RepoConfig


def test_each_key_comes_from_the_highest_layer_that_sets_it() -> None:
    result = in_force(
        defaults={"effort": "low", "drafts": True, "comment_at": "low"},
        organisation={"effort": "high", "comment_limit": 3},
        file=read_config(b"comment_limit: 5\nfail_on: low\nreview: once"),
        command={"effort": "normal"},
        locked={"fail_on": "high"},
    )
    config = result.config
    assert (config.drafts, config.comment_limit, config.effort, config.fail_on) == (True, 5, "normal", "high")
    assert {key: layer for key, layer in result.origins.items() if layer != "built-in"} == {
        "drafts": "defaults",
        "comment_at": "defaults",
        "comment_limit": ".corrigent.yaml",
        "review": ".corrigent.yaml",
        "effort": "command",
        "fail_on": "locked",
    }


@pytest.mark.parametrize(
    ("file", "organisation", "day", "origin"),
    [
        ("budget: {day: 50}", {}, 20, "defaults"),
        ("budget: {day: 5}", {}, 5, ".corrigent.yaml"),
        ("budget: {day: 50}", {"budget": {"day": 60}}, 50, ".corrigent.yaml"),
        ("budget: {day: 70}", {"budget": {"day": 60}}, 60, "organisation"),
    ],
)
def test_an_operators_cap_is_only_tightened(
    file: str, organisation: dict[str, JsonValue], day: float, origin: str
) -> None:
    result = in_force(
        defaults={"budget": {"day": 20}}, organisation=organisation, file=read_config(f"review: once\n{file}".encode())
    )
    assert (result.config.budget.day, result.origins["budget.day"]) == (day, origin)


def test_a_value_over_the_cap_is_named_with_its_line() -> None:
    result = in_force(defaults={"budget": {"day": 20}}, file=read_config(b"review: once\nbudget: {day: 50}"))
    assert [(problem.line, problem.text) for problem in result.problems] == [
        (2, "`budget.day: 50` is over the operator's 20; 20 is used.")
    ]


def test_without_an_operators_value_a_repository_is_free() -> None:
    assert in_force(file=read_config(b"budget: {day: 500}")).config.budget == BudgetLimits(day=500)


def test_problems_of_the_file_reach_the_result() -> None:
    result = in_force(file=read_config(b"fail_on: hgih"), read_at_sha="a" * 40, changed_by_pull_request="valid")
    assert len(result.problems) == 1
    assert (result.read_at_sha, result.changed_by_pull_request) == ("a" * 40, "valid")


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"comment_at": "low"}, True),
        ({"fail_on": "high"}, True),
        ({"budget": {"day": 1}}, True),
        ({"review": "once"}, True),
        ({"ignore": ["docs/**"]}, False),
        ({"effort": "high"}, False),
        ({"limits": {"files": 10}}, False),
    ],
)
def test_the_fingerprint_follows_what_reviewers_do(change: dict[str, JsonValue], same: bool) -> None:
    changed = in_force(file=FileRead(values=flattened(change)))
    assert (changed.fingerprint == in_force().fingerprint) is same


def test_the_fingerprint_follows_the_rules_too() -> None:
    assert fingerprint(RepoConfig(), "rules") != fingerprint(RepoConfig())
    assert in_force(reviewed_with="rules").fingerprint == fingerprint(RepoConfig(), "rules")


def test_flat_and_nested_are_the_same_values() -> None:
    values = RepoConfig().model_dump(mode="json")
    assert nested(flattened(values)) == values


def test_the_schema_accepts_the_defaults_and_refuses_a_typo() -> None:
    schema = config_schema()
    jsonschema.validate(RepoConfig().model_dump(mode="json"), schema)
    jsonschema.validate({}, schema)
    with pytest.raises(jsonschema.ValidationError, match="hgih"):
        jsonschema.validate({"fail_on": "hgih"}, schema)
    with pytest.raises(jsonschema.ValidationError, match="fail_no"):
        jsonschema.validate({"fail_no": "high"}, schema)
