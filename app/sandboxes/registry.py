"""Which kinds of sandbox there are, and which of them is used here: the first that holds against every attack."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

from app.domain.errors import UserError
from app.sandboxes.base import Backend, ProbeReport
from app.sandboxes.bubblewrap import Bubblewrap
from app.sandboxes.egress_ways import Ways

# Other packages add kinds by this group: a name, and a function like those below.
ENTRY_POINTS = "corrigent.sandbox_backends"


@dataclass(frozen=True, kw_only=True)
class Means:
    """What a sandbox may be made with: the operator's settings."""

    # For this machine alone, and for nobody's eyes but ours.
    folder: Path
    ways: Ways
    docker_socket: Path = Path("/var/run/docker.sock")
    # Empty: there is no image, and so no Docker.
    docker_image: str = ""
    docker_runtime: str = ""


Making = Callable[[Means], Backend]


def bubblewrap(means: Means) -> Backend:
    return Bubblewrap(means.folder / "bubblewrap", ways=means.ways)


def docker(means: Means) -> Backend:
    # An HTTP client is loaded only where there is something to talk to.
    from app.sandboxes.docker import Docker

    return Docker(
        means.folder / "docker",
        socket=means.docker_socket,
        image=means.docker_image,
        runtime=means.docker_runtime,
        ways=means.ways,
    )


BACKENDS: dict[str, Making] = {"bubblewrap": bubblewrap, "docker": docker}


@dataclass(frozen=True)
class Choice:
    """The backend to use, None when none held, and what was found out about each that was tried."""

    backend: Backend | None
    reports: tuple[ProbeReport, ...]

    @property
    def reason(self) -> str:
        """Why there is none: what each lacks, and what can be done."""
        return "No sandbox can be used on this machine. " + " ".join(map(_lack, self.reports))


async def choose(names: Sequence[str], means: Means) -> Choice:
    """Try them in that order. UserError for a name nobody knows."""
    reports = list[ProbeReport]()
    for making in [_making(name) for name in names]:
        backend = making(means)
        reports.append(await backend.doctor())
        if reports[-1].passed:
            return Choice(backend, tuple(reports))
    return Choice(None, tuple(reports))


def _making(name: str) -> Making:
    if name in BACKENDS:
        return BACKENDS[name]
    for entry in entry_points(group=ENTRY_POINTS, name=name):
        return entry.load()
    raise UserError(f"Unknown sandbox {name!r}; use {', '.join(BACKENDS)}, or install the package that brings it.")


def _lack(report: ProbeReport) -> str:
    if report.unusable:
        return f"{report.backend}: {report.unusable}"
    broken = ", ".join(probe.name for probe in report.probes if not probe.held)
    return f"{report.backend}: it does not hold against {broken or 'anything, as nothing could be tried'}."
