"""A reviewer's turn: code snapshot in, report out; no forge token and no mirror is near."""

from collections.abc import Awaitable, Callable

from temporalio import activity

from app.checkouts.unpacked import Unpacked
from app.domain.diff import Diff
from app.domain.errors import RateLimited, UserError
from app.domain.findings import Finding
from app.domain.pull_request import PullRequest
from app.domain.repo_config import ConfigInForce
from app.domain.review import ReviewerReport
from app.domain.rules import rules_for, rules_text
from app.llm.chat import ModelUnavailable
from app.store.blobs import Blobs
from reviewers.base import Change, Reviewer
from reviewers.pipeline import failed_report
from workflows import timing
from workflows.activities.uploaded import Uploaded
from workflows.messages import ReviewerStep, StepDone

MakeReviewer = Callable[[ReviewerStep, PullRequest, ConfigInForce], Awaitable[Reviewer]]
Progress = Callable[[str], None]
Keep = Callable[[ReviewerStep, PullRequest, ReviewerReport, str], Awaitable[None]]


class Reading:
    """`read_change` of one queue: `make` knows which reviewers may be had there, `watch` who is told of progress."""

    def __init__(
        self,
        *,
        blobs: Blobs,
        make: MakeReviewer,
        watch: Callable[[ReviewerStep], Progress],
        keep: Keep | None,
        code: Unpacked,
        uploaded: Uploaded | None = None,
    ) -> None:
        self.blobs = blobs
        self.make = make
        self.watch = watch
        # Writes down what a report cost, where there is a database.
        self.keep = keep
        self.code = code
        # What came from the repository's own CI, where there is a database.
        self.uploaded = uploaded

    @activity.defn(name="read_change")
    async def read_change(self, step: ReviewerStep) -> StepDone:
        diff = await self.blobs.get_model(step.diff_key, Diff)
        try:
            return await self._review(step, diff)
        except RateLimited as limit:
            return StepDone(wait_until=limit.until, wait_kind=limit.kind)
        except UserError as error:
            return await self._unread(step, diff, str(error), final=True)
        except ModelUnavailable as error:
            if activity.info().attempt < timing.REVIEWER_TRIES:
                raise
            return await self._unread(step, diff, str(error), final=False)

    async def _review(self, step: ReviewerStep, diff: Diff) -> StepDone:
        pull_request = await self.blobs.get_model(step.pull_request_key, PullRequest)
        config = await self.blobs.get_model(step.config_key, ConfigInForce)
        reviewer = await self.make(step, pull_request, config)
        rules = rules_for(config.rules, [file.path for file in diff.reviewable])
        async with self.code.of(step.snapshot_key) as unpacked:
            change = Change(
                diff=diff,
                head_root=unpacked.head_root,
                base_root=unpacked.base_root,
                title=pull_request.title,
                body=pull_request.body,
                rules=rules_text(rules),
                rule_names=tuple(rule.name for rule in rules),
                effort=config.config.effort,
                hits=(*await hits_of(step, self.blobs), *await self._sent(pull_request, diff)),
                progress=self.watch(step),
            )
            report = await reviewer.review(change)
        report_key = await self.blobs.put_model(report)
        if self.keep is not None:
            await self.keep(step, pull_request, report, report_key)
        untried = any(one.proposed is not None for one in report.findings)
        return StepDone(report_key=report_key, untried=untried)

    async def _sent(self, pull_request: PullRequest, diff: Diff) -> tuple[Finding, ...]:
        return (await self.uploaded.of(pull_request.ref, diff)).findings if self.uploaded else ()

    async def _unread(self, step: ReviewerStep, diff: Diff, reason: str, *, final: bool) -> StepDone:
        """The others' findings still count; what this one did not read is said."""
        report = failed_report(step.reviewer, diff, reason)
        return StepDone(report_key=await self.blobs.put_model(report), failure=reason if final else "")


async def hits_of(step: ReviewerStep, blobs: Blobs) -> tuple[Finding, ...]:
    """What the analysers that read before said of the change."""
    reports = [await blobs.get_model(key, ReviewerReport) for key in step.hits_keys]
    return tuple(finding for report in reports for finding in report.findings)
