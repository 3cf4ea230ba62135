"""Bad weather at every write: an answer that was lost, cut or refused leads to exactly one of everything."""

import pytest

from app.forges.fake.faults import Effect, Fault, Reset, Truncate, bad_gateway
from tests.harness.scripts import CALLS
from tests.harness.stage import Inside
from tests.harness.story import WRITES, route_of


class OnceAKind(Fault):
    """Strikes the first request of every kind of write; a GraphQL query looks like one and is struck as well."""

    def __init__(self, effect: Effect) -> None:
        super().__init__(effect)
        self.struck: set[str] = set()

    def strikes(self, method: str, path: str) -> bool:
        kind = f"{method} {route_of(path)}"
        if method not in WRITES or path.endswith("/git-upload-pack") or kind in self.struck:
            return False
        self.struck.add(kind)
        return True


@pytest.mark.parametrize(
    "effect",
    [
        # Not done, done without an answer, and done with half of one; how the adapters tell of the others is theirs.
        pytest.param(bad_gateway(), id="502 before"),
        pytest.param(bad_gateway(after=True), id="502 after", marks=pytest.mark.soak),
        pytest.param(Reset(), id="reset before", marks=pytest.mark.soak),
        pytest.param(Reset(after=True), id="reset after"),
        pytest.param(Truncate(), id="cut short"),
    ],
)
async def test_every_write_is_done_once_whatever_becomes_of_its_answer(shop: Inside, effect: Effect) -> None:
    weather = OnceAKind(effect)
    shop.forge.server.faults.add(weather)
    pull_request = await shop.open()
    await shop.settled(pull_request)
    assert (len(pull_request.reviews), len(pull_request.threads)) == (1, 2)
    pull_request.comment("/corrigent dismiss 3 wrong")
    pull_request.comment("/corrigent help")
    await shop.forge.wait_until(lambda: len(pull_request.comments) == 3, timeout=20)
    await shop.quiet()
    assert [thread.resolved for thread in pull_request.threads] == [False, True]
    assert shop.model_calls == CALLS
    assert len(weather.struck) >= 8, weather.struck
