"""What every kind of sandbox must hold against, whoever makes it."""

from app.sandboxes.base import ProbeReport
from app.sandboxes.probe_attacks import ATTACKS

# Tried from outside: what is done with a sandbox's limits, and with what comes out of it.
FROM_OUTSIDE = {
    "fork_bomb",
    "memory_hog",
    "disk_fill",
    "output_flood",
    "endless_command",
    "links_to_the_host",
    "paths_out_of_the_folder",
    "files_without_end",
    "all_attacks_were_tried",
}


def assert_holds(report: ProbeReport) -> None:
    """Every attack was tried, and none got anywhere."""
    assert report.unusable == ""
    assert [(probe.name, probe.detail) for probe in report.probes if not probe.held] == []
    assert {probe.name for probe in report.probes} == FROM_OUTSIDE | {attack.__name__ for attack in ATTACKS}
    assert report.passed
