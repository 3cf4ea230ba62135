"""The attacks on every kind of sandbox this machine can make without a daemon."""

from pathlib import Path

from app.sandboxes import cgroups, registry
from app.sandboxes.bubblewrap import Bubblewrap
from app.sandboxes.egress_ways import Ways
from tests.sandboxes.conformance import assert_holds


async def test_bubblewrap_holds_against_every_attack(sandboxes: Path) -> None:
    choice = await registry.choose(["bubblewrap"], registry.Means(folder=sandboxes, ways=Ways()))
    assert_holds(choice.reports[0])
    assert choice.backend is not None


async def test_it_holds_with_limits_of_processes_where_there_are_no_control_groups(sandboxes: Path) -> None:
    report = await Bubblewrap(sandboxes / "plain", ways=Ways(), groups=cgroups.Parents()).doctor()
    assert_holds(report)
    assert not report.capabilities.memory
    assert not report.capabilities.pids


async def test_a_machine_without_any_says_what_each_lacks(tmp_path: Path) -> None:
    means = registry.Means(folder=tmp_path, ways=Ways(), docker_socket=tmp_path / "nobody.sock", docker_image="any:1")
    choice = await registry.choose(["docker"], means)
    assert choice.backend is None
    assert choice.reason.startswith("No sandbox can be used on this machine. docker: ")
    assert not choice.reports[0].passed
