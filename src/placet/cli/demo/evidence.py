"""The last chapter: everything is exported, and checked by a program that asks nobody."""

from pathlib import Path

from placet.cli.demo.figures import verify
from placet.cli.demo.scene import Scene
from placet.cli.exits import CommandRefused, Exit
from placet.evidence.verify import BundleReport


async def export(scene: Scene, keep: Path | None) -> tuple[bytes, BundleReport]:
    """Return the tenant's evidence and what the verifier says of it.

    A copy with one byte changed is verified too, and must be found out. Refuses `CommandRefused`
    where anything is wrong.
    """
    auditor, timeline = scene.people.auditor, scene.timeline
    bundle = await auditor.read("/replay/bundle")
    if keep is not None:
        keep_at(keep, bundle)
    timeline.tell(auditor.name, "exported", f"{len(bundle):,} bytes of evidence")
    report = verify(bundle)
    if report.flaw is not None:
        raise CommandRefused(
            detail=f"the export is bad in line {report.flaw.line}: {report.flaw.why}",
            remedy="keep the data folder as it is, and report this as a fault of the service",
            code=Exit.FAILED,
        )
    timeline.tell(
        "verifier",
        "verified",
        f"{report.streams} chains, {report.events} events, {report.bodies} bodies; "
        f"{report.calls} grants and starts, none while a kill was in force",
    )
    flaw = verify(tampered(bundle)).flaw
    if flaw is None:
        raise CommandRefused(
            detail="the verifier found nothing wrong in an export that was changed",
            remedy="report this as a fault of the verifier",
            code=Exit.FAILED,
        )
    timeline.tell("verifier", "refused", f"a copy with one byte changed: {flaw.item}: {flaw.why}")
    return bundle, report


def tampered(bundle: bytes) -> bytes:
    """Return the export with one byte in its middle changed, as a forger or a bad disk would."""
    middle = len(bundle) // 2
    changed = b"0" if bundle[middle : middle + 1] != b"0" else b"1"
    return bundle[:middle] + changed + bundle[middle + 1 :]


def keep_at(file: Path, bundle: bytes = b"") -> None:
    """Write the export to a file, or see that one can. Refuses `CommandRefused`."""
    try:
        file.write_bytes(bundle)
    except OSError as fault:
        raise CommandRefused(
            detail=f"the export cannot be written to `{file}`: {fault.strerror}",
            remedy="name a file that this user can write with --keep-export",
        ) from fault
