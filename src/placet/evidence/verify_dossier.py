"""Opening a dossier that verifies, into the documents that the rest of the code speaks of."""

import msgspec

from placet.evidence.artifact import ArtifactPayload
from placet.evidence.bundle import KeyList
from placet.evidence.dossier import ApprovalLine, DossierHeader
from placet.evidence.verify import open_dossier as open_bytes
from placet.evidence.vote import ApprovalVote
from placet.kernel.value import Value


class OpenedDossier(Value, frozen=True):
    """What a good dossier says. All but the artifact is null where an artifact is all there is.

    `contract` and `view` are JSON as it was hashed, `policy` the approval policy that was met.
    `unsigned` is what that policy asks for besides and nobody signed that it is so.
    """

    header: DossierHeader
    artifact: ArtifactPayload
    approval: ApprovalLine | None = None
    contract: bytes | None = None
    view: bytes | None = None
    policy: bytes | None = None
    votes: tuple[ApprovalVote, ...] = ()
    agent: str | None = None
    unsigned: tuple[str, ...] = ()


def open_dossier(data: bytes, pinned: KeyList | None = None) -> OpenedDossier:
    """Return what a dossier says, if all of it is good. Raises `DossierError` with the first flaw.

    `placet.evidence.verify` checks it; what it found good is read once more here.
    """
    found = open_bytes(data, pinned)
    line = found.approval
    return OpenedDossier(
        header=msgspec.json.decode(found.header, type=DossierHeader),
        artifact=msgspec.json.decode(found.artifact_payload, type=ArtifactPayload),
        approval=None if line is None else msgspec.json.decode(line, type=ApprovalLine),
        contract=found.contract,
        view=found.view,
        policy=found.policy,
        votes=tuple(
            msgspec.json.decode(envelope.payload, type=ApprovalVote)
            for envelope in found.vote_envelopes
        ),
        agent=found.agent,
        unsigned=found.unsigned,
    )
