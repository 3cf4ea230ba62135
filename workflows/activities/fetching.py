"""Getting a pull request's commits into the mirror, with the access of its own repository."""

from collections.abc import Mapping

from app.checkouts.mirrors import AccessDenied, Fetched, Mirrors, Wanted
from app.domain.pull_request import PullRequest
from app.forges.base import ForgeReader


class Fetching:
    def __init__(self, *, readers: Mapping[str, ForgeReader], mirrors: Mirrors) -> None:
        self.readers = readers
        self.mirrors = mirrors

    async def fetch(self, pull_request: PullRequest, *, refresh: bool) -> Fetched:
        """`refresh` reads the branches' tips anew; without it nothing goes over the network that is here already."""
        try:
            return await self._fetch(pull_request, refresh=refresh)
        except AccessDenied:
            # Renamed or transferred since it was read? git addresses repositories by name, and follows no redirect.
            now = await self.readers[pull_request.ref.connection].pull_request(pull_request.ref)
            if now.repo.full_name == pull_request.repo.full_name:
                raise
            return await self._fetch(pull_request.model_copy(update={"repo": now.repo}), refresh=refresh)

    async def _fetch(self, pull_request: PullRequest, *, refresh: bool) -> Fetched:
        access = await self.readers[pull_request.ref.connection].git_access(pull_request.repo)
        wanted = Wanted(
            head_ref=pull_request.head_git_ref,
            head_sha=pull_request.head_sha,
            base_ref=pull_request.base_ref,
            base_sha=pull_request.base_sha,
            default_branch=pull_request.repo.default_branch,
        )
        return await self.mirrors.fetch(pull_request.repo, access, wanted, refresh=refresh)
