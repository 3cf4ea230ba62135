"""A pull request told as text: all that a visitor sees, for snapshots and for tests that waited in vain."""

from collections.abc import Iterator
from textwrap import indent

from app.forges.fake.entities import CheckRun, PullRequest, Reaction, Review, Thread


def tell_story(pull: PullRequest) -> str:
    return "\n".join(_lines(pull))


def _lines(pull: PullRequest) -> Iterator[str]:
    state = "merged" if pull.merged_at else "draft" if pull.draft and pull.state == "open" else pull.state
    yield f"#{pull.number} {pull.title} ({state}) by {pull.author.login}"
    source = pull.head_ref if pull.head_repo is pull.repo else f"{pull.head_owner.login}:{pull.head_ref}"
    yield f"{source} at {pull.head_sha[:7]} into {pull.base_ref}"
    if pull.labels:
        yield "labels: " + ", ".join(label.name for label in pull.labels)
    if pull.reactions:
        yield _reactions(pull.reactions)
    for run in pull.repo.check_runs.values():
        if run.head_sha == pull.head_sha:
            yield from _check(run)
    for comment in pull.comments:
        hidden = f" (hidden: {comment.minimized.lower()})" if comment.minimized else ""
        yield f"\ncomment by {comment.user.login}{hidden}{_reactions(comment.reactions)}"
        yield indent(comment.body, "  ")
    for review in pull.reviews:
        if review.body or review.state != "COMMENTED":
            yield from _review(pull, review)
    for thread in pull.threads:
        if not thread.pending:
            yield from _thread(thread)


def _check(run: CheckRun) -> Iterator[str]:
    yield f"\ncheck {run.name}: {run.conclusion or run.status}" + (f", {run.title}" if run.title else "")
    if run.summary:
        yield indent(run.summary, "  ")
    if run.actions:
        yield "  " + " ".join(f"[{action['label']}]" for action in run.actions)


def _review(pull: PullRequest, review: Review) -> Iterator[str]:
    threads = sum(1 for comment in pull.comments_of(review) if comment.in_reply_to_id is None)
    count = f", {threads} thread{'' if threads == 1 else 's'}" if threads else ""
    yield f"\nreview by {review.user.login}: {review.state.lower()}{count}"
    if review.body:
        yield indent(review.body, "  ")


def _thread(thread: Thread) -> Iterator[str]:
    anchor = thread.anchor
    marks = [f"resolved by {thread.resolved_by.login}"] if thread.resolved_by else []
    marks += ["outdated"] if anchor.outdated else []
    line = anchor.line or anchor.original_line
    place = anchor.path if line is None else f"{anchor.path}:{line}"
    yield f"\nthread on {place}" + (f" ({', '.join(marks)})" if marks else "")
    for comment in thread.comments:
        yield f"  {comment.user.login}{_reactions(comment.reactions)}"
        yield indent(comment.body, "    ")


def _reactions(reactions: list[Reaction]) -> str:
    return "".join(f" [{one.content} {one.user.login}]" for one in reactions)
