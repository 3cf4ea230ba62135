"""A merge request told as text: all that a visitor sees, for snapshots and for tests that waited in vain."""

from collections.abc import Iterator
from textwrap import indent

from app.forges.fake.gitlab.entities import Award, Discussion, MergeRequest, Status
from app.forges.fake.gitlab.shapes.merge_requests import head_pipeline, pipelines_of


def tell_story(item: MergeRequest) -> str:
    return "\n".join(_lines(item))


def statuses(item: MergeRequest) -> list[Status]:
    """The newest of each name on the head, in the target's project and in the fork."""
    return list({status.name: status for pipeline in pipelines_of(item) for status in pipeline.statuses}.values())


def _lines(item: MergeRequest) -> Iterator[str]:
    state = "draft" if item.draft and item.state == "opened" else item.state
    yield f"!{item.iid} {item.title} ({state}) by {item.author.username}"
    fork = f"{item.source_project.full_path}:" if item.from_fork and item.source_project else ""
    yield f"{fork}{item.source_branch} at {item.head_sha[:7]} into {item.target_branch}"
    if item.labels:
        yield "labels: " + ", ".join(label.name for label in item.labels)
    if item.reactions:
        yield _reactions(item.reactions).strip()
    pipeline = head_pipeline(item)
    if pipeline is not None:
        yield f"pipeline: {pipeline.status}"
    for status in statuses(item):
        yield f"\nstatus {status.name}: {status.state}" + (f", {status.description}" if status.description else "")
    for action in item.quick_actions:
        yield f"\nquick action by {action.user.username} in a {action.where}: /{action.word} {action.argument}".rstrip()
    for discussion in item.discussions:
        yield from _discussion(discussion)


def _discussion(item: Discussion) -> Iterator[str]:
    notes = [note for note in item.notes if not note.system]
    if not notes:
        return
    if item.individual:
        yield f"\ncomment by {notes[0].user.username}{_reactions(notes[0].reactions)}"
        yield indent(notes[0].body, "  ")
        return
    marks = [f"resolved by {item.resolved_by.username}"] if item.resolved_by else []
    marks += ["outdated"] if item.outdated else []
    place = (
        "" if item.position is None else f" on {item.position.path}:{item.position.new_line or item.position.old_line}"
    )
    yield f"\nthread{place}" + (f" ({', '.join(marks)})" if marks else "")
    for note in notes:
        yield f"  {note.user.username}{_reactions(note.reactions)}"
        yield indent(note.body, "    ")


def _reactions(reactions: list[Award]) -> str:
    return "".join(f" [{one.name} {one.user.username}]" for one in reactions)
