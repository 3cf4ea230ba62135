"""Right fixes that do one thing more: none of them goes without a person, and most never."""

import pytest

from autofix import patches, verify_tests
from autofix.push_policy import judge
from autofix.verify_files import parted
from tests.autofix.greeting import GOOD, POISONED


@pytest.mark.parametrize("name", POISONED)
def test_poison_is_never_pushed_by_itself(name: str) -> None:
    patch = patches.parse(POISONED[name])
    verdict, said = judge(patch), verify_tests.objection(patch, parted(patch, {"greet.sh"}))
    assert not verdict.automatic or said
    assert verdict.reason or said


def test_the_fix_alone_is() -> None:
    patch = patches.parse(GOOD)
    assert judge(patch).automatic
    assert verify_tests.objection(patch, parted(patch, {"greet.sh"})) == ""
