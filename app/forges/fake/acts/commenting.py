"""Comments in a pull request's conversation, and reactions to anything."""

from app.forges.fake.acts.events import announce
from app.forges.fake.acts.pull_requests import BODY_LIMIT, TOO_LONG
from app.forges.fake.acts.reviewing import check_unlocked
from app.forges.fake.entities import IssueComment, PullRequest, Reaction, User
from app.forges.fake.errors import Refusal, invalid
from app.forges.fake.shapes.pulls import issue
from app.forges.fake.shapes.reviews import issue_comment
from app.forges.fake.state import FakeGitHub

Json = dict[str, object]

REACTIONS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes")


def comment(github: FakeGitHub, pull: PullRequest, user: User, body: str) -> IssueComment:
    check_unlocked(pull, user)
    _check_body(body)
    now = github.clock.now()
    made = IssueComment(github.new_id(), pull, user, body, now, now)
    pull.comments.append(made)
    pull.updated_at = now
    github.register(made)
    _tell(github, made, "created", user)
    return made


def edit(github: FakeGitHub, made: IssueComment, user: User, body: str) -> None:
    _check_body(body)
    before, made.body, made.updated_at = made.body, body, github.clock.now()
    _tell(github, made, "edited", user, {"changes": {"body": {"from": before}}})


def delete(github: FakeGitHub, made: IssueComment, user: User) -> None:
    made.pull.comments.remove(made)
    _tell(github, made, "deleted", user)


def react(github: FakeGitHub, reactions: list[Reaction], user: User, content: str) -> tuple[Reaction, bool]:
    """The reaction, and whether it is new: the same one twice is the same one."""
    if content not in REACTIONS:
        raise Refusal(
            422, "Validation Failed", errors=[{"resource": "Reaction", "code": "invalid", "field": "content"}]
        )
    for found in reactions:
        if found.user is user and found.content == content:
            return found, False
    made = Reaction(github.new_id(), user, content, github.clock.now())
    reactions.append(made)
    return made, True


def _check_body(body: str) -> None:
    if not body.strip():
        raise invalid("IssueComment", "body", code="missing_field")
    if len(body) > BODY_LIMIT:
        raise invalid("IssueComment", "data", TOO_LONG, code="unprocessable")


def _tell(github: FakeGitHub, made: IssueComment, action: str, sender: User, extra: Json | None = None) -> None:
    payload: Json = {
        "action": action,
        "issue": issue(github, made.pull),
        "comment": issue_comment(github, made),
        **(extra or {}),
    }
    announce(github, made.pull.repo, "issue_comment", sender, payload)
