"""A shadow fortnight: Corrigent reviews, and nobody on the forge notices."""

from pathlib import Path

from pydantic import JsonValue

from app.demo import shop as samples
from app.forges.fake.scenario import FakeForge
from tests.harness.system import corrigent
from tests.harness.temporal import TemporalServer
from tests.journeys.conftest import Shop, answer_as_in_the_demo


async def review_in(forge: FakeForge, temporal: TemporalServer, home: Path, **settings: JsonValue) -> list[str]:
    """What was written on the forge, and the titles of the runs in the store."""
    repo = await forge.create_repo(samples.REPOSITORY, files=samples.BASE)
    credentials = await forge.install_app(repos=[repo])
    async with corrigent(
        forge, credentials, temporal, home, with_model=True, prepare=answer_as_in_the_demo, **settings
    ) as system:
        shop = Shop(forge, repo, system)
        pull_request = await shop.open()
        store = system.running.store

        titles: list[str] = []
        while not titles:
            await system.quiet()
            titles = [row.run.title for row in await store.runs.page(repos=None) if row.run.outcome]
        assert not pull_request.reviews
        assert not pull_request.checks
        writes = [seen for seen in forge.requests if seen.method != "GET" and "/repos/" in seen.path]
        assert writes == []
        return titles


async def test_nothing_is_written_where_the_operator_said_nowhere(
    forge: FakeForge, temporal: TemporalServer, tmp_path: Path
) -> None:
    assert await review_in(forge, temporal, tmp_path / "home", post="nowhere") == [
        "1 high, 1 medium · 4 files reviewed"
    ]


async def test_nothing_is_written_for_an_organisation_in_its_silent_time(
    forge: FakeForge, temporal: TemporalServer, tmp_path: Path
) -> None:
    organisations: JsonValue = {"acme": {"post": "nowhere"}}
    assert await review_in(forge, temporal, tmp_path / "home", organisations=organisations) == [
        "1 high, 1 medium · 4 files reviewed"
    ]
