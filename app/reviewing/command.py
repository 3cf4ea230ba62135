"""`corrigent review`: local work, or any pull request by its address, read on this machine and told in a terminal."""

import asyncio
from dataclasses import dataclass
from typing import Literal

from app.checkouts.git import GitError
from app.checkouts.local import NothingChanged
from app.checkouts.mirrors import HeadGone
from app.domain.errors import ForgeRefused, ForgeUnavailable, RateLimited, UserError
from app.domain.outcomes import Outcome
from app.domain.phrases import count, sentence
from app.domain.repo_config import FailOn
from app.domain.review import ReviewerReport
from app.domain.secrets import Redactor
from app.output.report import Report, Target, failed
from app.output.terminal import Terminal
from app.output.text import closing, ending, finding_lines, header, plain
from app.reviewing.address import PullRequestAddress, is_address, parse_address
from app.reviewing.failures import in_words
from app.reviewing.local import local_work
from app.reviewing.model import offers, readers_for
from app.reviewing.result import Result, own_run_id, result_of, told_now
from app.reviewing.work import OpenReaders, Work, read
from app.settings import Settings, load_settings
from reviewers.pipeline import reviewers_for

Format = Literal["text", "json", "sarif", "markdown"]


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What was typed."""

    target: str
    base: str
    post: bool
    model: str
    output: Format
    fail_on: FailOn


def review_here(target: str, *, base: str, post: bool, model: str, output: Format, fail_on: FailOn) -> int:
    """The exit code: 0 done, 1 findings at or above `fail_on`, 3 incomplete. UserError is wrong use."""
    wish = Wish(target=target, base=base, post=post, model=model, output=output, fail_on=fail_on)
    address = _address(wish)
    settings = load_settings()
    return asyncio.run(_Review(wish, settings, readers_for(settings, model)).run(address))


def _address(wish: Wish) -> PullRequestAddress | None:
    if is_address(wish.target):
        if wish.base:
            raise UserError(f"--base {wish.base!r} is for local work; a pull request has its own base.")
        return parse_address(wish.target)
    if wish.post:
        raise UserError(f"--post needs the address of a pull request; {wish.target!r} is a folder.")
    return None


class _Review:
    """One call of the command."""

    def __init__(self, wish: Wish, settings: Settings, open_readers: OpenReaders | None) -> None:
        self.wish = wish
        self.settings = settings
        self.open_readers = open_readers
        self.terminal = Terminal()
        self.redactor = Redactor(settings.secret_values())
        # Findings that a person has on screen already.
        self.shown: set[str] = set()

    async def run(self, address: PullRequestAddress | None) -> int:
        try:
            with self.terminal.at_work():
                report = await (self._pull_request(address) if address else self._local())
        except NothingChanged as nothing:
            report = self._nothing(str(nothing))
        except (ForgeUnavailable, ForgeRefused, RateLimited, GitError, HeadGone) as error:
            kind = "pull_request" if address else "local"
            report = failed(Target(kind=kind, name=self.wish.target), in_words(error))
            self.terminal.complain(plain(self.redactor.redact(sentence(report.title))))
        if self.wish.output != "text":
            self.terminal.write(_render(report, self.wish.output))
        return report.exit_code

    async def _local(self) -> Report:
        self.terminal.progress("comparing")
        async with local_work(self.wish.target, self.wish.base, self.settings) as work:
            result = await self._read(work, "", own_run_id(work.target.name))
            return await self._finished(work, result.report)

    async def _pull_request(self, address: PullRequestAddress) -> Report:
        # Imported here: a review of local work needs no forge.
        from app.reviewing.post import check_may_post, with_post
        from app.reviewing.remote import remote_work

        self.terminal.progress(f"fetching {address.full_name} {address.number}")
        async with remote_work(address, self.settings, in_person=self.wish.post) as remote:
            me, run_id = "", own_run_id(remote.pull_request.url)
            if self.wish.post:
                check_may_post(remote.pull_request)
                person = await remote.forge.reader.me()
                me, pull_request = person.login, remote.pull_request
                run_id = own_run_id(person.user_id, str(pull_request.ref), pull_request.head_sha)
            future = f"will be posted as {me}" if me else "nothing will be posted"
            result = await self._read(remote.work, f"read {remote.how} · {future}", run_id)
            report = await with_post(remote, result, run_id) if me else result.report
            report = await self._finished(remote.work, report)
            if self.wish.output == "text" and (report.posted or not me):
                self.terminal.say(ending(report))
            return report

    async def _read(self, work: Work, access: str, run_id: str) -> Result:
        diff = work.change.diff
        if self.wish.output == "text":
            size = f"{count(len(diff.reviewable), 'file')}, {count(diff.hunk_count, 'hunk')}"
            self.terminal.say(header(work.target, size, access))
        reports = await read(
            work,
            open_readers=self.open_readers,
            progress=self.terminal.progress,
            secrets=self.settings.secret_values(),
            linters_done=lambda linted: self._show_early(work, linted),
        )
        return await asyncio.to_thread(
            result_of,
            work,
            reports,
            reviewers=reviewers_for(self.wish.model or self.settings.model),
            fail_on=self.wish.fail_on,
            run_id=run_id,
            redactor=self.redactor,
        )

    def _show_early(self, work: Work, linted: ReviewerReport) -> None:
        if self.wish.output == "text":
            told = told_now(work, [linted], self.redactor)
            self.shown = {_name(one.path, one.line, one.title) for one in told}
            self.terminal.show(finding_lines(told))

    async def _finished(self, work: Work, report: Report) -> Report:
        """What was not on screen yet, and what to do next."""
        if self.wish.output == "text":
            new = [one for one in report.findings if _name(one.path, one.line, one.title) not in self.shown]
            self.terminal.show(finding_lines(new))
            wanted = not report.with_model and report.outcome is not Outcome.SKIPPED
            ways = await offers(self.settings, work.change, self.wish.target) if wanted else []
            self.terminal.say(*closing(report, ways))
        return report

    def _nothing(self, why: str) -> Report:
        if self.wish.output == "text":
            self.terminal.say(why)
        target = Target(kind="local", name=self.wish.target, base=self.wish.base)
        return Report(target=target, outcome=Outcome.SKIPPED, title=why.rstrip("."), exit_code=0)


def _name(path: str, line: int, title: str) -> str:
    return f"{path}:{line} {title}"


def _render(report: Report, output: Format) -> str:
    """Imported when asked for."""
    match output:
        case "json":
            from app.output import json as document
        case "sarif":
            from app.output import sarif as document
        case _:
            from app.output import markdown as document
    return document.render(report)
