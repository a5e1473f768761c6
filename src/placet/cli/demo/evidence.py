"""The last chapter: everything is exported, and checked by a program that asks nobody."""

from pathlib import Path

from placet.authority.model import KeyList as KnownKeys
from placet.cli.demo.figures import verify
from placet.cli.demo.people import People
from placet.cli.demo.scene import Scene
from placet.cli.exits import CommandRefused, Exit
from placet.evidence.bundle import KeyList, KeyPurpose, NamedKey


async def pin_keys(people: People) -> KeyList:
    """Return the keys to verify with, learned before there is anything to verify.

    The approver's key is taken from her own hand and not from the service.
    """
    known = await people.auditor.get("/authority/keys", KnownKeys)
    server = [
        NamedKey(
            key_id=key.key_id, public_key=key.public_key, purpose=KeyPurpose(key.purpose.value)
        )
        for key in known.server_keys
    ]
    hers = NamedKey(
        key_id=people.signing.key_id,
        public_key=people.signing.public.raw,
        purpose=KeyPurpose.PERSON,
        actor_id=people.approver.actor_id,
    )
    return KeyList(version=1, keys=(*server, hers))


async def export(scene: Scene, pinned: KeyList, keep: Path | None) -> bytes:
    """Return the tenant's evidence, verified. Refuses `CommandRefused` if anything is wrong.

    A copy with one byte changed is verified too, and must be found out.
    """
    auditor, timeline = scene.people.auditor, scene.timeline
    bundle = await auditor.read("/replay/bundle")
    if keep is not None:
        _write(keep, bundle)
    timeline.tell(auditor.name, "exported", f"{len(bundle):,} bytes of evidence")
    report = verify(bundle, pinned)
    if report.flaw is not None:
        raise CommandRefused(
            detail=f"the export is bad in line {report.flaw.line}: {report.flaw.why}",
            remedy="keep the data folder as it is, and report this as a fault of the service",
            code=Exit.FAILED,
        )
    timeline.tell(
        "verifier",
        "verified",
        f"{report.streams} chains, {report.events} events, {report.bodies} bodies, "
        f"with keys pinned before the first call",
    )
    flaw = verify(tampered(bundle), pinned).flaw
    if flaw is None:
        raise CommandRefused(
            detail="the verifier found nothing wrong in an export that was changed",
            remedy="report this as a fault of the verifier",
            code=Exit.FAILED,
        )
    timeline.tell("verifier", "refused", f"a copy with one byte changed: {flaw.item}: {flaw.why}")
    return bundle


def tampered(bundle: bytes) -> bytes:
    """Return the export with one byte in its middle changed, as a forger or a bad disk would."""
    middle = len(bundle) // 2
    changed = b"0" if bundle[middle : middle + 1] != b"0" else b"1"
    return bundle[:middle] + changed + bundle[middle + 1 :]


def _write(file: Path, bundle: bytes) -> None:
    try:
        file.write_bytes(bundle)
    except OSError as fault:
        raise CommandRefused(
            detail=f"the export cannot be written to `{file}`: {fault.strerror}",
            remedy="name a file that this user can write with --keep-export",
        ) from fault
