"""Pull requests that were open before Corrigent came: nobody should wonder why they stay unreviewed."""

from app.doctor.base import Ground, Line
from app.domain.phrases import count
from app.one_process_limits import OneProcessLimits
from app.store.database import Database
from app.store.pull_requests import PullRequests
from app.store.repositories import Repositories
from app.store.runs import Runs
from app.store.schema import check
from app.unreviewed import unreviewed
from app.wiring import database_is_there, open_forges

PART = "first day"
# One request each; whoever has more wants a number, not an hour's budget spent on it.
MOST_REPOSITORIES = 25


async def check_first_day(ground: Ground) -> Line:
    settings = ground.settings
    if not database_is_there(settings):
        return Line("wait", PART, "not yet: begins with `corrigent up`")
    db = await Database.open(settings.database_url.get_secret_value())
    try:
        await check(db)
        known = {one.key for one in settings.connections}
        repos = [repo for repo in await Repositories(db).all() if repo.connection in known]
        async with open_forges(settings, OneProcessLimits(), db=db) as forges:
            left_alone = 0
            for repo in repos[:MOST_REPOSITORIES]:
                reader = forges.all[repo.connection].reader
                found = await unreviewed(reader, [repo], PullRequests(db), Runs(db))
                left_alone += sum(one.left_alone for one in found)
    finally:
        await db.close()
    return _line(left_alone, more=len(repos) > MOST_REPOSITORIES)


def _line(left_alone: int, *, more: bool) -> Line:
    if not left_alone:
        return Line("ok", PART, "no pull request was left unreviewed")
    verb = "was open before Corrigent came and stays" if left_alone == 1 else "were open before Corrigent came and stay"
    text = f"{'at least ' if more else ''}{count(left_alone, 'pull request')} {verb} unreviewed"
    return Line("ok", PART, f"{text}. `corrigent backfill --last 10` reviews some")
