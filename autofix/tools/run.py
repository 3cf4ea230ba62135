"""run: a shell command inside the sandbox, with a time of its own; of long output, beginning and end."""

from datetime import timedelta

from pydantic import Field

from app.sandboxes.base import Ran
from autofix.tools.base import OUTPUT_BYTES, Arguments, Outcome, Shown, Tool, Workplace
from autofix.tools.files import decoded, ended

# Models write for bash; an image may have only sh.
_SHELL = 'if command -v bash >/dev/null 2>&1; then exec bash -c "$1"; else exec sh -c "$1"; fi'


class Run(Arguments):
    command: str = Field(min_length=1, max_length=20_000, description="For the shell, in the repository's root.")
    seconds: int = Field(120, ge=1, le=900, description="After this it is stopped, with all it started.")


async def run(arguments: Run, workplace: Workplace) -> Outcome:
    ran = await workplace.room.run(
        shell(arguments.command),
        exec_id=workplace.exec_id,
        within=min(timedelta(seconds=arguments.seconds), workplace.within),
        output_bytes=OUTPUT_BYTES,
        watch=workplace.watch,
    )
    return report(ran)


def shell(command: str) -> tuple[str, ...]:
    return ("sh", "-c", _SHELL, "sh", command)


def report(ran: Ran) -> Shown:
    """How it ended first, since a long output hides it."""
    output = decoded(ran).rstrip()
    # Short times are no news, and would make every run's output another.
    took = f", {ran.ended.seconds:.0f} s" if ran.ended.ending == "exited" and ran.ended.seconds >= 5 else ""
    head = f"({ended(ran)}{took})"
    return Shown(f"{head}\n{output}" if output else f"{head} no output", failed=ran.ended.ending != "exited")


TOOL = Tool(
    name="run",
    description=(
        "Run a shell command in the repository's root: tests, scripts, git, compilers. There is no network, nobody"
        " answers prompts, and each command starts afresh. The first line of the result says how it ended."
    ),
    arguments=Run,
    act=run,
)
