"""What a review of ours left on a forge, read with a person's token; nothing counts but what the bot itself wrote.

Anybody can type our marks. On GitHub the bot is the App that made our check; on GitLab it is the user of an access
token who was made a member. A name that somebody gives, or the settings hold, takes the place of looking.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from app.domain.errors import UserError
from app.domain.findings import Place
from app.domain.names import NAME
from app.domain.posted_text import PostedCheck, PostedFinding, read_thread
from app.domain.pull_request import PullRequest
from app.forges.registry import Connection


@dataclass(frozen=True, kw_only=True)
class Posted:
    """`by`: whose words these are. The check's parts are empty where the forge has no check."""

    by: str
    # Threads that are not resolved, by the finding's id.
    threads: Mapping[str, PostedFinding]
    title: str = ""
    conclusion: str = ""
    check: PostedCheck = field(default_factory=PostedCheck)
    # Empty where the forge does not say which head was read last.
    reviewed_sha: str = ""
    at_work: bool = False


async def posted(connection: Connection, pull_request: PullRequest, bot: str) -> Posted:
    """By the bot of this name, else by the one that is found; UserError when there is none, or more than one."""
    # Imported here, as wherever a forge's library would be loaded for a review of local work.
    if connection.kind == "gitlab":
        from app.reviewing.posted_gitlab import posted_on_gitlab

        return await posted_on_gitlab(connection, pull_request, bot)
    from app.reviewing.posted_github import posted_on_github

    return await posted_on_github(connection, pull_request, bot)


def only(found: Iterable[str]) -> str:
    """The one account that reviews here."""
    names = sorted(set(found))
    if not names:
        raise UserError(f"{NAME} has left nothing here that is known as its own; name its account with --bot.")
    if len(names) > 1:
        raise UserError(f"More than one account has reviewed here: {', '.join(names)}. Choose one with --bot.")
    return names[0]


def open_threads(bodies: Iterable[tuple[str, str, Place]]) -> dict[str, PostedFinding]:
    """Of finding id, text and place; without those that only a sentence of ours closes."""
    read = ((finding_id, read_thread(body), place) for finding_id, body, place in bodies)
    return {
        finding_id: found.model_copy(update={"place": place})
        for finding_id, found, place in read
        if found is not None and not found.is_over
    }
