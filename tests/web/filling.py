"""A home folder as it is after a real day: sample pull requests reviewed, a finding dismissed, another mended."""

from pathlib import Path

from pydantic import JsonValue

from app.demo import shop as samples
from app.forges.fake.scenario import FIX_PERMISSIONS, FakeForge
from app.settings import Settings, load_settings
from tests.harness.system import corrigent
from tests.harness.temporal import TemporalServer
from tests.journeys.conftest import Shop, answer_as_in_the_demo


async def fill(home: Path, temporal: TemporalServer) -> None:
    """Everything is down again when this returns; what is left is the store."""
    async with FakeForge.start() as forge:
        repo = await forge.create_repo(samples.REPOSITORY, files=samples.BASE)
        credentials = await forge.install_app(repos=[repo], permissions=FIX_PERMISSIONS)
        async with corrigent(forge, credentials, temporal, home, prepare=answer_as_in_the_demo) as system:
            await _live_a_day(Shop(forge, repo, system))


async def _live_a_day(shop: Shop) -> None:
    refunds, labels, rates = [await shop.open(sample) for sample in samples.SAMPLES[:3]]
    for pull_request in (refunds, labels, rates):
        await shop.reviewed(pull_request)
    refunds.comment("/corrigent dismiss 3 wont-fix, the provider never takes longer", by="maria")
    await shop.system.quiet()
    # The mended file, with a lock file that nobody reads.
    mended = {"billing/events.py": samples.BASE["billing/events.py"], "package-lock.json": '{"lockfileVersion": 3}\n'}
    await refunds.push({**mended, ".corrigent.yaml": "fail_on: hgih\n"})
    await shop.reviewed(refunds)


def dashboard_only(home: Path, **more: JsonValue) -> Settings:
    """Settings of a process that serves pages from this home and has neither forge nor Temporal."""
    return load_settings({"home": str(home), "listen_port": 0, **more}, environ={})
