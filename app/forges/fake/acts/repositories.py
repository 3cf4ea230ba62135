"""Repositories: created and forked, each with a bare git repository behind it."""

from app.forges.fake.entities import Repository, User
from app.forges.fake.git import GitRepository
from app.forges.fake.state import FakeGitHub


async def create_repository(
    github: FakeGitHub,
    owner: User,
    name: str,
    *,
    private: bool,
    default_branch: str,
    fork_of: Repository | None = None,
) -> Repository:
    """An empty repository."""
    repo_id = github.new_small_id()
    repo = Repository(
        repo_id=repo_id,
        owner=owner,
        name=name,
        git=GitRepository(github.folder / f"{repo_id}.git"),
        private=private,
        default_branch=default_branch,
        created_at=github.clock.now(),
        fork_of=fork_of,
    )
    repo.git.create(default_branch)
    github.repositories[repo_id] = repo
    github.register(repo)
    return repo


async def fork_repository(github: FakeGitHub, parent: Repository, owner: User) -> Repository:
    """Somebody's copy, as public or private as its parent."""
    repo = await create_repository(
        github,
        owner,
        parent.name,
        private=parent.private,
        default_branch=parent.default_branch,
        fork_of=parent,
    )
    await repo.git.copy_from(parent.git)
    return repo
