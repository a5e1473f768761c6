"""Approvals, what they compiled to, and what proves both."""

from uuid import UUID

import msgspec

from placet.evidence.dsse import Envelope
from placet.sdk.caller import path_of
from placet.sdk.studio.door import Door
from placet.sdk.studio.dossiers import approval_dossier, artifact_dossier
from placet.sdk.studio.keys import Keys
from placet.sdk.studio.people import People
from placet.sdk.studio.requests import Requests
from placet.sdk.studio.snapshots import Snapshots
from placet.studio.approvals.model import ApprovalAnswer, ApprovalProof


class Approvals:
    """What was assented to, with the votes and keys that prove it."""

    def __init__(self, door: Door) -> None:
        """Ask through a door."""
        self._door = door

    async def get(self, approval_id: UUID) -> ApprovalAnswer:
        """Return one approval with its proof."""
        return await self._door.get(
            path_of("/studio/approvals/{id}", id=approval_id), ApprovalAnswer
        )

    async def artifact(self, compiled_hash: str) -> Envelope:
        """Return a compiled artifact in its envelope, whose signature is still to be checked."""
        path = path_of("/authority/artifacts/{hash}", hash=compiled_hash)
        return await self._door.get(path, Envelope)

    async def export(self, approval_id: UUID) -> bytes:
        """Return the dossier of an approval: everything that proves it, still to be verified.

        Verify it with `placet.evidence.verify_dossier` and keys that were pinned.
        """
        approval = await self.get(approval_id)
        proof = msgspec.json.decode(approval.approval_proof, type=ApprovalProof)
        return approval_dossier(
            approval,
            await Snapshots(self._door).get(approval.draft_snapshot_id),
            await Requests(self._door).get(approval.request_id),
            await self.artifact(proof.artifact_hash),
            await Keys(self._door).known(),
        )

    async def export_artifact(self, compiled_hash: str) -> bytes:
        """Return the dossier of an artifact, still to be verified."""
        me = await People(self._door).me()
        known = await Keys(self._door).known()
        return artifact_dossier(me.tenant_id, await self.artifact(compiled_hash), known)
