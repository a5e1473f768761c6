"""The dossiers that go with a bundle: of the approvals that its sessions run under."""

from collections.abc import Iterable
from uuid import UUID

from placet.authority import store as authority
from placet.authority.model import KeyList
from placet.evidence.dsse import parse_envelope
from placet.storage.database import Reading
from placet.studio.dossiers.rules import approval_dossier
from placet.studio.endings.service import show_approval
from placet.studio.requests.service import show_request
from placet.studio.snapshots import store as snapshots
from placet.studio.snapshots.rules import shown


async def known_keys(tx: Reading) -> KeyList:
    """Return every key of ours and of people that was ever listed."""
    return KeyList(
        server_keys=await authority.list_server_keys(tx),
        person_keys=await authority.list_person_keys(tx),
        revocations=await authority.list_revocations(tx),
    )


async def dossier_of(tx: Reading, artifact_id: UUID, known: KeyList) -> bytes:
    """Return the dossier of the approval that an artifact was compiled for.

    Refuses `artifact_not_found`, and `approval_not_found` for an artifact that stands alone: none
    is made without an approval.
    """
    artifact = await authority.get_artifact(tx, artifact_id)
    approval = await show_approval(tx, artifact.approval_id)
    snapshot = await snapshots.get_snapshot(tx, approval.draft_snapshot_id)
    request = await show_request(tx, approval.request_id)
    envelope = parse_envelope(artifact.envelope)
    return approval_dossier(approval, shown(snapshot), request, envelope, known)


def once_each(artifacts: Iterable[UUID]) -> list[UUID]:
    """Return the artifacts in their order, each once."""
    return list(dict.fromkeys(artifacts))
