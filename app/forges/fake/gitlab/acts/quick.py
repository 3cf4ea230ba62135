"""Carries out the slash commands of a text, and remembers each: a test looks there to see that none ran."""

import shlex
from collections.abc import Coroutine

from app.forges.fake.errors import Refusal
from app.forges.fake.gitlab.acts import merge_requests
from app.forges.fake.gitlab.entities import Access, MergeRequest, QuickAction, User
from app.forges.fake.gitlab.quick_actions import extract
from app.forges.fake.gitlab.state import GitLabState


def carry_out(gitlab: GitLabState, item: MergeRequest, user: User, text: str, where: str) -> str:
    """The text without its commands; those that its author may give have been carried out."""
    content, commands = extract(text)
    for word, argument in commands:
        item.quick_actions.append(QuickAction(user, word, argument, where, item))
        if item.project.role_of(user) >= Access.DEVELOPER:
            _act(gitlab, item, user, word, argument)
    return content if commands else text


def _act(gitlab: GitLabState, item: MergeRequest, user: User, word: str, argument: str) -> None:
    match word:
        case "merge" | "ship":
            gitlab.hooks.start(_later(merge_requests.merge(gitlab, item, user)))
        case "close":
            merge_requests.close(gitlab, item, user)
        case "reopen":
            gitlab.hooks.start(_later(merge_requests.reopen(gitlab, item, user)))
        case "approve" | "unapprove":
            merge_requests.approve(gitlab, item, user, approved=word == "approve")
        case "draft" | "wip" | "ready":
            merge_requests.set_draft(gitlab, item, word != "ready" and not item.draft, user)
        case "title":
            merge_requests.edit(gitlab, item, user, title=argument)
        case "lock" | "unlock":
            item.locked = word == "lock"
        case _:
            _change_lists(gitlab, item, user, word, argument)


async def _later(work: Coroutine[None, None, None]) -> None:
    """GitLab merges in the background, and nobody is told when it cannot."""
    try:
        await work
    except Refusal:
        return


def _change_lists(gitlab: GitLabState, item: MergeRequest, user: User, word: str, argument: str) -> None:
    names = _names(argument)
    people = [gitlab.users[name.lower()] for name in names if name.lower() in gitlab.users]
    labels = [label.name for label in item.labels]
    match word:
        case "label" | "labels":
            merge_requests.set_labels(gitlab, item, [*labels, *names], user)
        case "unlabel" | "remove_label":
            kept = [label for label in labels if names and label not in names]
            merge_requests.set_labels(gitlab, item, kept, user)
        case "relabel":
            merge_requests.set_labels(gitlab, item, names, user)
        case "assign" | "reassign":
            merge_requests.set_assignees(gitlab, item, people, user)
        case "assign_reviewer" | "reviewer" | "request_review" | "reassign_reviewer":
            merge_requests.set_reviewers(gitlab, item, people, user)
        case _:
            # Carried out on GitLab, and without a trace in what is remembered here.
            return


def _names(argument: str) -> list[str]:
    try:
        words = shlex.split(argument)
    except ValueError:
        words = argument.split()
    return [word.lstrip("~@") for word in words]
