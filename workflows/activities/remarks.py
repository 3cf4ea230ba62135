"""What people had to say where we said nothing: proposed as rules when their pull request was merged."""

from collections.abc import Mapping

from app.checkouts.git import GitError
from app.checkouts.mirrors import Mirrors
from app.domain.line_map import Moves
from app.domain.measures import was_changed
from app.domain.pull_request import Permission, PullRequest
from app.domain.remarks import Remark, missed, rule_in
from app.forges.base import ForgeReader, ForgeRemarks
from app.store.findings import Findings
from workflows.activities.conclude import UNLIMITED
from workflows.activities.learning import Learning


class MissedRemarks:
    """Safe to repeat: a rule is claimed by the comment that it comes from."""

    def __init__(
        self,
        *,
        readers: Mapping[str, ForgeReader],
        remarks: Mapping[str, ForgeRemarks],
        findings: Findings,
        mirrors: Mirrors,
        learning: Learning,
    ) -> None:
        self.readers = readers
        self.remarks = remarks
        self.findings = findings
        self.mirrors = mirrors
        self.learning = learning

    async def take_in(self, pull_request: PullRequest) -> None:
        """Only of people who may write, asked now: whose words they are decides whether they can ever be a rule."""
        ref = pull_request.ref
        ours = [one.finding.place for one in await self.findings.of(ref)]
        found = await self.remarks[ref.connection].remarks(ref)
        for remark in missed(found, ours, pull_request.author):
            permission = await self.readers[ref.connection].permission(pull_request.repo, remark.author)
            if permission.allows(Permission.WRITE):
                await self._propose(pull_request, remark)

    async def _propose(self, pull_request: PullRequest, remark: Remark) -> None:
        ref, by = pull_request.ref, remark.author.login
        source = f"remark/{ref.connection}/{remark.comment_id}"
        rule = await self.learning.propose(ref, rule_in(remark.body), by=by, source=source)
        if await self._was_followed(pull_request, remark):
            await self.learning.weigh(ref, rule.name, "acted_on", source=source, by=by)

    async def _was_followed(self, pull_request: PullRequest, remark: Remark) -> bool:
        if remark.commit_sha == pull_request.head_sha:
            return False
        try:
            heads = await self.mirrors.diff(
                pull_request.ref, remark.commit_sha, pull_request.head_sha, limits=UNLIMITED
            )
        except GitError:
            return False
        return bool(was_changed(remark.place, Moves(heads=heads)))
