"""Opening a pull request, or saying why not as GitHub does."""

from dataclasses import dataclass

from app.forges.fake.acts.pull_requests import BODY_LIMIT, TOO_LONG, tell
from app.forges.fake.acts.suites import request_suites
from app.forges.fake.entities import PullRequest, Repository, User
from app.forges.fake.errors import invalid
from app.forges.fake.state import FakeGitHub


@dataclass(frozen=True)
class NewPullRequest:
    """What somebody wants to open; the head may be in a fork."""

    title: str
    body: str | None
    head_repo: Repository
    head_ref: str
    base_ref: str
    draft: bool = False
    maintainer_can_modify: bool = False


async def open_pull_request(github: FakeGitHub, repo: Repository, author: User, wanted: NewPullRequest) -> PullRequest:
    _check(repo, wanted)
    head_sha, base_sha = await _ends(repo, wanted)
    now = github.clock.now()
    pull = PullRequest(
        pull_id=github.new_id(),
        number=repo.new_number(),
        repo=repo,
        author=author,
        title=wanted.title,
        body=wanted.body,
        head_repo=wanted.head_repo,
        head_ref=wanted.head_ref,
        head_sha=head_sha,
        head_owner=wanted.head_repo.owner,
        base_ref=wanted.base_ref,
        base_sha=base_sha,
        created_at=now,
        updated_at=now,
        draft=wanted.draft,
        maintainer_can_modify=wanted.maintainer_can_modify,
    )
    await repo.git.take(wanted.head_repo.git, head_sha, f"refs/pull/{pull.number}/head")
    repo.pulls[pull.number] = pull
    github.register(pull)
    await tell(github, pull, "opened", author)
    if wanted.head_repo is repo:
        request_suites(github, repo, head_sha, author)
    return pull


def _check(repo: Repository, wanted: NewPullRequest) -> None:
    if wanted.body is not None and len(wanted.body) > BODY_LIMIT:
        raise invalid("PullRequest", "body", TOO_LONG)
    ends = (wanted.head_repo, wanted.head_ref, wanted.base_ref)
    for other in repo.pulls.values():
        if other.state == "open" and (other.head_repo, other.head_ref, other.base_ref) == ends:
            label = f"{wanted.head_repo.owner.login}:{wanted.head_ref}"
            raise invalid("PullRequest", "head", f"A pull request already exists for {label}.")


async def _ends(repo: Repository, wanted: NewPullRequest) -> tuple[str, str]:
    """Head and base, which must differ."""
    head_sha = await wanted.head_repo.git.resolve(wanted.head_ref)
    base_sha = await repo.git.resolve(wanted.base_ref)
    if head_sha is None:
        raise invalid("PullRequest", "head", code="invalid")
    if base_sha is None:
        raise invalid("PullRequest", "base", code="invalid")
    if wanted.head_repo is repo and not await repo.git.commits(base_sha, head_sha):
        raise invalid("PullRequest", "", f"No commits between {wanted.base_ref} and {wanted.head_ref}")
    return head_sha, base_sha
