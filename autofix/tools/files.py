"""Asks the script inside the sandbox for one look at files, or one change to them."""

import json
from datetime import timedelta
from functools import cache
from importlib.resources import files

from app.sandboxes.base import Ran
from autofix.tools.base import OUTPUT_BYTES, Shown, Workplace

# Reading and writing files takes milliseconds; a search through a large tree takes seconds.
_WITHIN = timedelta(seconds=60)
# A line of output may be long before it is cut for the model.
_MOST_BYTES = 200_000
CANNOT = 3


@cache
def script() -> str:
    return files("autofix.tools").joinpath("inside.py").read_text(encoding="utf-8")


def argv() -> tuple[str, ...]:
    # Isolated: nothing that lies in the repository is imported.
    return ("python3", "-I", "-S", "-c", script())


def asked(do: str, **words: str) -> bytes:
    return json.dumps({"do": do, **words}).encode()


async def inside(workplace: Workplace, do: str, **words: str) -> Shown:
    """What it says; failed when it says why it could not."""
    ran = await workplace.room.run(
        argv(),
        exec_id=workplace.exec_id,
        stdin=asked(do, **words),
        within=min(_WITHIN, workplace.within),
        output_bytes=_MOST_BYTES,
    )
    return shown(ran)


def shown(ran: Ran) -> Shown:
    text = decoded(ran)
    if ran.passed:
        return Shown(capped(text))
    if ran.ended.exit_code == CANNOT:
        return Shown(capped(text), failed=True)
    return Shown(f"The sandbox could not do it: {ended(ran)}.\n{capped(text)[-2_000:]}".rstrip(), failed=True)


def decoded(ran: Ran) -> str:
    return ran.output.decode("utf-8", "replace")


def capped(text: str) -> str:
    if len(text) <= OUTPUT_BYTES:
        return text
    cut = text.rfind("\n", 0, OUTPUT_BYTES)
    kept = text[: cut if cut > 0 else OUTPUT_BYTES]
    return f"{kept}\n(The rest, {len(text) - len(kept)} characters, is left out: ask for less.)"


def ended(ran: Ran) -> str:
    """How a command ended, in words."""
    match ran.ended.ending:
        case "exited":
            return f"exit code {ran.ended.exit_code}"
        case "signalled":
            return "it was killed by a signal"
        case "timeout":
            return f"it was stopped after {ran.ended.seconds:.0f} s"
        case "out_of_memory":
            return "it was stopped because the sandbox's memory was full"
        case "too_many_processes":
            return "it was stopped because it started too many processes"
        case "disk_full":
            return "the sandbox's disk is full"
        case "lost":
            return "it was lost with its sandbox"
