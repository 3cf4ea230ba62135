"""What people made of earlier findings of a repository: dismissals as wrong, and thumbs of those who may write."""

import asyncio
from collections.abc import Mapping

from app.domain.past_verdicts import MOST_VERDICTS, MOST_VOTERS, PastVerdict, VotedFinding
from app.domain.pull_request import Person, PullRequestRef
from app.forges.base import ForgeReader
from app.store.feedback import Votes
from app.store.findings import Findings
from app.store.repositories import Repositories
from workflows.activities.writers import may_write


class Precedents:
    def __init__(
        self,
        *,
        readers: Mapping[str, ForgeReader],
        findings: Findings,
        votes: Votes,
        repositories: Repositories,
    ) -> None:
        self.readers = readers
        self.findings = findings
        self.votes = votes
        self.repositories = repositories

    async def of(self, ref: PullRequestRef) -> tuple[PastVerdict, ...]:
        """Of the other pull requests; a finding counts once, however many people say the same of it."""
        rejected = await self.findings.verdicts(ref, limit=MOST_VERDICTS)
        voted = await self.votes.elsewhere(ref, limit=MOST_VERDICTS)
        writers = await self._writers(ref, voted)
        thought = [verdict for one in voted if (verdict := one.verdict(writers))]
        return tuple([*rejected, *thought][:MOST_VERDICTS])

    async def _writers(self, ref: PullRequestRef, voted: list[VotedFinding]) -> set[str]:
        """By user id; asked of the forge now, since the right may be younger than the thumb, or gone."""
        repo = await self.repositories.get(ref.connection, ref.repo_id)
        if repo is None or not voted:
            return set()
        people: dict[str, Person] = {}
        for one in voted:
            for given in one.feedback:
                people.setdefault(given.person.user_id, given.person)
        asked, reader = list(people.values())[:MOST_VOTERS], self.readers[ref.connection]
        answers = await asyncio.gather(*(may_write(reader, repo, person) for person in asked))
        return {person.user_id for person, writes in zip(asked, answers, strict=True) if writes}
