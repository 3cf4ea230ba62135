"""Which activities the queue runs that holds nothing: programs that read or run foreign code."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.agent_making import rule_fixes
from app.checkouts.unpacked import Unpacked
from app.reviewer_making import make_plain, silent
from app.store.blobs import Blobs
from reviewers.linters.reviewer import Linters
from workflows import queues
from workflows.activities.agent_bases import AgentBases
from workflows.activities.agent_room import AgentRooms, Sandboxes
from workflows.activities.read import Reading
from workflows.activities.trying import Trying

# An activity is a bound method of any signature.
Activity = Callable[..., Any]


def sandbox_activities(
    blobs: Blobs, sandboxes: Sandboxes, bases: AgentBases, code: Unpacked
) -> Mapping[str, Sequence[Activity]]:
    """With nothing, for each queue of this machine."""
    reading = Reading(blobs=blobs, make=make_plain, watch=silent, keep=None, code=code)
    trying = Trying(blobs=blobs, look=Linters().look, code=code)
    rooms = AgentRooms(blobs=blobs, sandboxes=sandboxes, bases=bases, rule_fixes=rule_fixes)
    made = (
        reading.read_change,
        trying.try_suggestions,
        rooms.open_room,
        rooms.rule_fix,
        rooms.take_patch,
        rooms.leave_room,
    )
    return dict.fromkeys(queues.of_machine(sandboxes.host), made)
