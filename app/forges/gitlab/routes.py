"""Every address of GitLab's API that we use: one table, so that what we may do there can be read and tested."""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

Method = Literal["GET", "POST", "PUT", "DELETE"]


@dataclass(frozen=True)
class Route:
    """A method with a path template below /api/v4."""

    method: Method
    template: str
    # Counts against the limit on notes, 300 a minute by default: whatever shows people something new.
    creates_content: bool = False
    # The field that people will read and GitLab will interpret. It is neutralised wherever this route is used.
    text: str = ""

    def path(self, **parts: str | int) -> str:
        """The path with its parts quoted; ValueError for a part that could lead to another address."""
        return self.template.format(**{name: _segment(name, str(value)) for name, value in parts.items()})

    def __str__(self) -> str:
        return f"{self.method} {self.template}"


def _segment(name: str, value: str) -> str:
    if not value or value == "." or ".." in value or not value.isprintable():
        raise ValueError(f"{value!r} cannot be the {name} of an address")
    return quote(value, safe="")


# By numeric id: a project may be renamed or transferred at any moment, its id stays.
_PROJECT = "/projects/{repo}"
_MERGE = _PROJECT + "/merge_requests/{number}"
_DRAFTS = _MERGE + "/draft_notes"
_DISCUSSION = _MERGE + "/discussions/{discussion}"

# Reading.
ME = Route("GET", "/user")
USER = Route("GET", "/users/{user}")
PROJECTS = Route("GET", "/projects")
PROJECT = Route("GET", _PROJECT)
BRANCH = Route("GET", _PROJECT + "/repository/branches/{branch}")
MEMBER = Route("GET", _PROJECT + "/members/all/{user}")
MERGE_REQUESTS = Route("GET", _PROJECT + "/merge_requests")
MERGE_REQUEST = Route("GET", _MERGE)
DIFFS = Route("GET", _MERGE + "/diffs")
PIPELINES = Route("GET", _MERGE + "/pipelines")
DISCUSSIONS = Route("GET", _MERGE + "/discussions")
DISCUSSION = Route("GET", _DISCUSSION)
NOTES = Route("GET", _MERGE + "/notes")
DRAFTS = Route("GET", _DRAFTS)
AWARDS = Route("GET", _MERGE + "/award_emoji")
STATUSES = Route("GET", _PROJECT + "/repository/commits/{head}/statuses")

# Writing.
CREATE_DRAFT = Route("POST", _DRAFTS, text="note")
DELETE_DRAFT = Route("DELETE", _DRAFTS + "/{draft}")
PUBLISH_DRAFT = Route("PUT", _DRAFTS + "/{draft}/publish", creates_content=True)
PUBLISH_DRAFTS = Route("POST", _DRAFTS + "/bulk_publish", creates_content=True)
CREATE_NOTE = Route("POST", _MERGE + "/notes", creates_content=True, text="body")
CREATE_DISCUSSION = Route("POST", _MERGE + "/discussions", creates_content=True, text="body")
REPLY = Route("POST", _DISCUSSION + "/notes", creates_content=True, text="body")
UPDATE_NOTE = Route("PUT", _DISCUSSION + "/notes/{note}", text="body")
RESOLVE = Route("PUT", _DISCUSSION)
AWARD = Route("POST", _MERGE + "/award_emoji")
TAKE_BACK_AWARD = Route("DELETE", _MERGE + "/award_emoji/{award}")
AWARD_NOTE = Route("POST", _MERGE + "/notes/{note}/award_emoji")
SET_STATUS = Route("POST", _PROJECT + "/statuses/{head}")

# The token itself. A bot's membership ends with its token, and only the owner's own route prolongs both.
TOKEN = Route("GET", "/personal_access_tokens/self")
ROTATE_OF_PROJECT = Route("POST", "/projects/{owner}/access_tokens/self/rotate")
ROTATE_OF_GROUP = Route("POST", "/groups/{owner}/access_tokens/self/rotate")
ROTATE_OF_USER = Route("POST", "/personal_access_tokens/self/rotate")

# Webhooks: a maintainer's business, and for a group an owner's.
GROUP = Route("GET", "/groups/{group}")
GROUP_PROJECTS = Route("GET", "/groups/{group}/projects")
PROJECT_HOOKS = Route("GET", "/projects/{owner}/hooks")
ADD_PROJECT_HOOK = Route("POST", "/projects/{owner}/hooks")
CHANGE_PROJECT_HOOK = Route("PUT", "/projects/{owner}/hooks/{hook}")
PROJECT_HOOK_EVENTS = Route("GET", "/projects/{owner}/hooks/{hook}/events")
GROUP_HOOKS = Route("GET", "/groups/{owner}/hooks")
ADD_GROUP_HOOK = Route("POST", "/groups/{owner}/hooks")
CHANGE_GROUP_HOOK = Route("PUT", "/groups/{owner}/hooks/{hook}")
GROUP_HOOK_EVENTS = Route("GET", "/groups/{owner}/hooks/{hook}/events")

# What the reader may ask. Nothing here changes anything.
READER_ROUTES = frozenset(
    {ME, USER, PROJECTS, PROJECT, BRANCH, MEMBER, MERGE_REQUESTS, MERGE_REQUEST, DISCUSSIONS},
)

# What the poster may do: everything it can ever send, and none of it approves, merges, pushes or closes.
WRITER_ROUTES = frozenset(
    {
        CREATE_DRAFT,
        DELETE_DRAFT,
        PUBLISH_DRAFT,
        PUBLISH_DRAFTS,
        CREATE_NOTE,
        CREATE_DISCUSSION,
        REPLY,
        UPDATE_NOTE,
        RESOLVE,
        AWARD,
        TAKE_BACK_AWARD,
        AWARD_NOTE,
        SET_STATUS,
        # Looking for an earlier try, for places on the change, and for what GitLab made of ours.
        MERGE_REQUEST,
        DIFFS,
        PIPELINES,
        DISCUSSIONS,
        DISCUSSION,
        NOTES,
        DRAFTS,
        AWARDS,
        STATUSES,
    }
)

# What rotating a token takes.
TOKEN_ROUTES = frozenset({TOKEN, ROTATE_OF_PROJECT, ROTATE_OF_GROUP, ROTATE_OF_USER})

# What giving projects their webhook takes, and looking after it.
HOOK_ROUTES = frozenset(
    {
        GROUP,
        GROUP_PROJECTS,
        PROJECT,
        PROJECTS,
        MEMBER,
        PROJECT_HOOKS,
        ADD_PROJECT_HOOK,
        CHANGE_PROJECT_HOOK,
        PROJECT_HOOK_EVENTS,
        GROUP_HOOKS,
        ADD_GROUP_HOOK,
        CHANGE_GROUP_HOOK,
        GROUP_HOOK_EVENTS,
    }
)
