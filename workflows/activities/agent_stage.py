"""A change on the trusted mirror, on no branch: held against policy, and made readable for its second review."""

from datetime import datetime

from temporalio import activity

from app.checkouts.mirrors import Mirrors
from app.checkouts.patching import Patching, PatchRefused, Signature
from app.checkouts.snapshot import make
from app.domain.agents import AgentTask
from app.domain.findings import TrackedFinding
from app.domain.fixes import Fix, Proof, ProofStep
from app.domain.model import Frozen
from app.domain.pull_request import PullRequest
from app.domain.repo_config import ConfigInForce
from app.domain.secrets import Redactor
from app.store.blobs import Blobs
from app.store.findings import Findings
from autofix.patches import ParsedPatch, UnreadablePatch, parse
from autofix.push_policy import judge
from workflows.activities.conclude import UNLIMITED
from workflows.activities.fetching import Fetching
from workflows.agent_messages import StagedFix, StageFix

# Of a commit that no branch ever names.
_NOBODY = Signature(name="staged", email="staged@localhost", at=datetime.fromisoformat("2000-01-01T00:00:00+00:00"))


class StagedCode(Frozen):
    """The pull request as it would be with the fix. Blob keys: Diff against the merge base, Diff against the head."""

    diff_key: str
    moves_key: str
    snapshot_key: str
    # What is known of the pull request, to tell old findings from new ones.
    known: tuple[TrackedFinding, ...]


class Staging:
    def __init__(
        self,
        *,
        blobs: Blobs,
        findings: Findings,
        mirrors: Mirrors,
        patching: Patching,
        fetching: Fetching,
        redactor: Redactor,
    ) -> None:
        self.blobs = blobs
        self.findings = findings
        self.mirrors = mirrors
        self.patching = patching
        self.fetching = fetching
        self.redactor = redactor

    @activity.defn(name="stage_fix")
    async def stage_fix(self, wanted: StageFix) -> StagedFix:
        task = await self.blobs.get_model(wanted.task_key, AgentTask)
        data = await self.blobs.get(wanted.patch_key)
        try:
            patch = parse(data)
        except UnreadablePatch as unreadable:
            return await self._refused(wanted, task, "patch", str(unreadable))
        verdict = judge(patch, redactor=self.redactor)
        if not verdict.allowed:
            return await self._refused(wanted, task, "policy", verdict.reason)
        try:
            return await self._stage(task, data, patch)
        except PatchRefused as refused:
            return await self._refused(wanted, task, "patch", str(refused))

    async def _stage(self, task: AgentTask, data: bytes, patch: ParsedPatch) -> StagedFix:
        pull_request = await self.blobs.get_model(task.pull_request_key, PullRequest)
        config = (await self.blobs.get_model(task.config_key, ConfigInForce)).config
        # The mirror may have been removed since, or be another machine's.
        await self.fetching.fetch(pull_request, refresh=False)
        made = await self.patching.commit(
            task.ref, head_sha=task.head_sha, patch=data, paths=patch.paths, message="staged\n", signature=_NOBODY
        )
        diff = await self.mirrors.diff(
            task.ref, task.merge_base_sha, made.commit_sha, limits=config.limits, ignore=config.ignore
        )
        moves = await self.mirrors.diff(task.ref, task.head_sha, made.commit_sha, limits=UNLIMITED)
        staged = StagedCode(
            diff_key=await self.blobs.put_model(diff),
            moves_key=await self.blobs.put_model(moves),
            snapshot_key=await self.blobs.put(await make(self.mirrors.git(task.ref), made.tree_id, diff)),
            known=tuple(await self.findings.of(task.ref)),
        )
        return StagedFix(
            staged_key=await self.blobs.put_model(staged),
            pull_request_key=task.pull_request_key,
            diff_key=staged.diff_key,
            snapshot_key=staged.snapshot_key,
            config_key=task.config_key,
        )

    async def _refused(self, wanted: StageFix, task: AgentTask, step: ProofStep, reason: str) -> StagedFix:
        fix = Fix(
            agent_id=wanted.agent_id,
            numbers=wanted.numbers or tuple(one.number for one in task.findings),
            proof=Proof(grade="none", failed_step=step, reason=reason.rstrip(".")),
            made_by=wanted.made_by,
        )
        return StagedFix(refused_fix_key=await self.blobs.put_model(fix))
