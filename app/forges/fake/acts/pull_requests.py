"""The life of a pull request: pushed to, retargeted, closed, merged; each change is announced."""

from app.forges.fake.acts.anchors import diff_of, move_threads
from app.forges.fake.acts.events import announce
from app.forges.fake.acts.suites import request_suites
from app.forges.fake.entities import Label, PullRequest, Repository, User
from app.forges.fake.errors import Refusal, invalid
from app.forges.fake.git import GitError
from app.forges.fake.shapes.people import label as label_shape
from app.forges.fake.shapes.pulls import Size, pull_request
from app.forges.fake.state import FakeGitHub

Json = dict[str, object]

BODY_LIMIT = 65_536
TOO_LONG = f"Body is too long (maximum is {BODY_LIMIT} characters)"


async def size_of(pull: PullRequest) -> Size:
    diff = await diff_of(pull, pull.head_sha)
    commits = await pull.repo.git.commits(pull.base_sha, pull.head_sha)
    return Size(len(commits), diff.additions, diff.deletions, len(diff.files))


async def describe(github: FakeGitHub, pull: PullRequest) -> Json:
    return pull_request(github, pull, await size_of(pull))


async def tell(github: FakeGitHub, pull: PullRequest, action: str, sender: User, extra: Json | None = None) -> None:
    """Announce a change of the pull request."""
    pull.updated_at = github.clock.now()
    described = await describe(github, pull)
    payload: Json = {"action": action, "number": pull.number, "pull_request": described, **(extra or {})}
    announce(github, pull.repo, "pull_request", sender, payload)


async def branch_moved(
    github: FakeGitHub, repo: Repository, branch: str, before: str | None, after: str | None, sender: User
) -> None:
    """A branch was pushed to, created or deleted: pull requests from it follow, or close."""
    if before == after:
        return
    announce(github, repo, "push", sender, _push_payload(branch, before, after, sender))
    # One push after the other: a pull request ends on the commit that came last.
    async with repo.moving:
        for pull in _from_branch(github, repo, branch):
            if after is None:
                await close(github, pull, sender)
            else:
                await _follow(github, pull, repo, after, sender)
        for pull in [pull for pull in repo.pulls.values() if pull.base_ref == branch and pull.state == "open"]:
            if after is None:
                await close(github, pull, sender)


async def retarget(github: FakeGitHub, pull: PullRequest, base_ref: str, sender: User) -> None:
    """Change the base branch."""
    base_sha = await pull.repo.git.resolve(base_ref)
    if base_sha is None:
        raise invalid("PullRequest", "base", code="invalid")
    changes = {"base": {"ref": {"from": pull.base_ref}, "sha": {"from": pull.base_sha}}}
    old_base, pull.base_ref, pull.base_sha = pull.base_sha, base_ref, base_sha
    _forget_merge(pull)
    await move_threads(pull, pull.head_sha, old_base)
    await tell(github, pull, "edited", sender, {"changes": changes})


async def edit(github: FakeGitHub, pull: PullRequest, sender: User, *, title: str | None, body: str | None) -> None:
    if body is not None and len(body) > BODY_LIMIT:
        raise invalid("PullRequest", "body", TOO_LONG)
    changes: Json = {}
    if title is not None and title != pull.title:
        changes["title"], pull.title = {"from": pull.title}, title
    if body is not None and body != pull.body:
        changes["body"], pull.body = {"from": pull.body or ""}, body
    if changes:
        await tell(github, pull, "edited", sender, {"changes": changes})


async def close(github: FakeGitHub, pull: PullRequest, sender: User) -> None:
    pull.state, pull.closed_at = "closed", github.clock.now()
    await tell(github, pull, "closed", sender)


async def reopen(github: FakeGitHub, pull: PullRequest, sender: User) -> None:
    head = await pull.head_repo.git.resolve(pull.head_ref) if pull.head_repo and not pull.head_repo.deleted else None
    if head is None or pull.merged_at is not None:
        raise invalid("PullRequest", "state", f"state cannot be changed. The {pull.head_ref} branch has been deleted.")
    if head != pull.head_sha:
        raise invalid(
            "PullRequest",
            "state",
            f"state cannot be changed. The {pull.head_ref} branch was force-pushed or recreated.",
        )
    pull.state, pull.closed_at = "open", None
    await tell(github, pull, "reopened", sender)


async def merge(github: FakeGitHub, pull: PullRequest, sender: User, *, method: str = "merge") -> None:
    """Merge, squash or rebase into the base branch."""
    git = pull.repo.git
    base = await git.resolve(pull.base_ref)
    tree = await git.merge_trees(base, pull.head_sha) if base else None
    if base is None or tree is None or pull.state == "closed":
        raise Refusal(405, "Pull Request is not mergeable")
    title = f"Merge pull request #{pull.number} from {pull.head_owner.login}/{pull.head_ref}\n\n{pull.title}"
    match method:
        case "rebase":
            start = await git.merge_base(base, pull.head_sha)
            merged = await git.rebase(start, pull.head_sha, base, author=sender.login)
        case "squash":
            merged = await git.commit_tree(tree, [base], message=pull.title, author=sender.login)
        case _:
            merged = await git.commit_tree(tree, [base, pull.head_sha], message=title, author=sender.login)
    await git.set_ref(f"refs/heads/{pull.base_ref}", merged)
    pull.merged_at = pull.closed_at = github.clock.now()
    pull.merged_by, pull.merge_commit_sha, pull.state = sender, merged, "closed"
    await tell(github, pull, "closed", sender)
    await branch_moved(github, pull.repo, pull.base_ref, base, merged, sender)


async def set_draft(github: FakeGitHub, pull: PullRequest, draft: bool, sender: User) -> None:
    pull.draft = draft
    await tell(github, pull, "converted_to_draft" if draft else "ready_for_review", sender)


async def add_labels(github: FakeGitHub, pull: PullRequest, names: list[str], sender: User) -> None:
    for name in names:
        label = pull.repo.labels.setdefault(name, Label(github.new_id(), name))
        if label not in pull.labels:
            pull.labels.append(label)
            await tell(github, pull, "labeled", sender, {"label": label_shape(github, pull.repo, label)})


async def remove_label(github: FakeGitHub, pull: PullRequest, name: str, sender: User) -> None:
    for label in [label for label in pull.labels if label.name == name]:
        pull.labels.remove(label)
        await tell(github, pull, "unlabeled", sender, {"label": label_shape(github, pull.repo, label)})


async def check_mergeable(pull: PullRequest) -> None:
    """Compute `mergeable` and refs/pull/N/merge; the first question after a change only starts it."""
    if pull.mergeable is not None or pull.state == "closed":
        return
    if not pull.mergeable_asked:
        pull.mergeable_asked = True
        return
    git = pull.repo.git
    base = await git.resolve(pull.base_ref) or pull.base_sha
    try:
        tree = await git.merge_trees(base, pull.head_sha)
    except GitError:
        tree = None
    pull.mergeable = tree is not None
    if tree is not None:
        message = f"Merge {pull.head_sha} into {base}"
        pull.merge_commit_sha = await git.commit_tree(tree, [base, pull.head_sha], message=message, author="GitHub")
        await git.set_ref(f"refs/pull/{pull.number}/merge", pull.merge_commit_sha)


def _from_branch(github: FakeGitHub, repo: Repository, branch: str) -> list[PullRequest]:
    """Open pull requests whose head this branch is."""
    return [
        pull
        for other in github.live_repositories()
        for pull in other.pulls.values()
        if pull.state == "open" and pull.head_repo is repo and pull.head_ref == branch
    ]


async def _follow(github: FakeGitHub, pull: PullRequest, source: Repository, head_sha: str, sender: User) -> None:
    """The head branch moved."""
    await pull.repo.git.take(source.git, head_sha, f"refs/pull/{pull.number}/head")
    before, old_base = pull.head_sha, pull.base_sha
    pull.head_sha = head_sha
    pull.base_sha = await pull.repo.git.resolve(pull.base_ref) or pull.base_sha
    _forget_merge(pull)
    await move_threads(pull, before, old_base)
    await tell(github, pull, "synchronize", sender, {"before": before, "after": head_sha})
    if source is pull.repo:
        request_suites(github, pull.repo, head_sha, sender)


def _forget_merge(pull: PullRequest) -> None:
    pull.mergeable, pull.mergeable_asked, pull.merge_commit_sha = None, False, None


def _push_payload(branch: str, before: str | None, after: str | None, sender: User) -> Json:
    return {
        "ref": f"refs/heads/{branch}",
        "before": before or "0" * 40,
        "after": after or "0" * 40,
        "created": before is None,
        "deleted": after is None,
        "forced": False,
        "base_ref": None,
        "compare": "",
        "commits": [],
        "head_commit": None,
        "pusher": {"name": sender.login, "email": None},
    }
