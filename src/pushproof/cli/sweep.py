"""`pushproof sweep`: this machine's leftovers, or those in the sandbox account."""

from __future__ import annotations

import os

from rich.markup import escape

from pushproof.cli.outcome import FAILED, OK, UNAVAILABLE, bad_input, console


def sweep_machine(*, alone: bool) -> int:
    """Remove what crashed runs left on this machine. `alone`: no option of the account's sweep was given with it."""
    from pushproof.runhost.client import end_hosts
    from pushproof.targets.journal import Journal

    if not alone:
        return bad_input("--local always acts, and on every crashed run; give it alone")
    if ended := end_hosts():
        console.print(f"ended {ended} process(es) that waited for test runs")
    journal = Journal()
    removed = journal.clean_up(strays=True)
    for line in removed:
        console.print(f"removed {escape(line)}")
    if waiting := journal.orphans():
        if stuck := [record.directory for record in waiting if not record.engine]:
            console.print(
                f"[bold red]Kept:[/] {escape(', '.join(stuck))}: cannot be removed. Another user may own what is in there."
            )
        if waiting := [record for record in waiting if record.engine]:
            console.print(
                f"[bold red]Kept:[/] {', '.join(record.id for record in waiting)}: Docker Engine does not answer, and may hold "
                "containers and networks of theirs, or their directories cannot be removed. Start it (`systemctl start docker`, "
                "or `dockerd` as root), and sweep again."
            )
        return UNAVAILABLE
    console.print(f"{len(removed)} leftover(s) removed" if removed else "Nothing to clean up.")
    return OK


def sweep_account(*, run_id: str | None, expired: bool, act: bool) -> int:
    """Remove what runs left in the sandbox account, or list it unless `act`; returns 1 when some of it cannot be removed."""
    from pushproof.sandbox.settings import SandboxSettings
    from pushproof.sandbox.sweep import SweepScope
    from pushproof.targets.sandbox import describe_leftovers
    from pushproof.targets.sandbox import sweep_account as sweep

    outcome = sweep(
        SandboxSettings.from_environment(os.environ),
        SweepScope(run=run_id, expired_only=expired),
        act=act,
        say=lambda line: console.print(line, markup=False),
    )
    for kept in outcome.selection.kept:
        console.print(f"kept: {kept.resource} of run {kept.run}: {kept.why}", markup=False)
    for line in describe_leftovers(outcome):
        console.print(line, style="red", markup=False)
    if not act:
        for item, run in outcome.selection.removable:
            console.print(f"would remove {item} of run {run}", markup=False)
        count = len(outcome.selection.removable)
        console.print(f"{count} would be removed; --yes removes them" if count else "nothing is to be removed")
        return FAILED if outcome.unlisted else OK
    console.print(f"{len(outcome.removed)} removed" if outcome.removed else "nothing was to be removed")
    return OK if outcome.clean else FAILED
