"""Checking a dossier with nothing but the file and, better, keys that were pinned beforehand.

First every line is held against the manifest, so that a byte that was changed is found where it
stands. Then, whoever wrote the file and its manifest: every signature, every hash, and that all of
it speaks of the same thing. No database, no network, no clock, and no compiler: that the artifact
is what the contract compiles to is for `placet policy rebuild`.
"""

from collections.abc import Iterator
from uuid import UUID

from placet.evidence.artifact import ArtifactPayload
from placet.evidence.bundle import KeyList
from placet.evidence.dossier import ApprovalLine, DossierHeader, DossierSubject
from placet.evidence.dossier_checks import (
    check_approval,
    check_proof,
    check_quorum,
    check_view,
    read_artifact,
    read_content,
    read_policy,
    read_votes,
)
from placet.evidence.dossier_lines import (
    PROOF,
    UNCOUNTED,
    DossierError,
    bad,
    line_name,
    read_lines,
    read_text,
    split_lines,
    uncounted_line,
)
from placet.evidence.dossier_texts import PolicyText, ProofText
from placet.evidence.fields import HexDigest
from placet.evidence.verify import Flaw
from placet.evidence.vote import ApprovalVote, VotePurpose
from placet.kernel.principal import Environment
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


class DossierReport(Value, frozen=True):
    """What a verifier found. `proved` is empty if there is a flaw, and so is what was opened."""

    flaw: Flaw | None
    keys_pinned: bool
    subject: DossierSubject | None = None
    tenant_id: UUID | None = None
    approval_id: UUID | None = None
    compiled_hash: HexDigest | None = None
    approvers: tuple[UUID, ...] = ()
    purpose: VotePurpose | None = None
    workspace_id: UUID | None = None
    request_id: UUID | None = None
    agent: str | None = None
    environment: Environment | None = None
    proved: tuple[str, ...] = ()
    not_proved: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        """Tell whether nothing bad was found."""
        return self.flaw is None


def verify_dossier(data: bytes, pinned: KeyList | None = None) -> DossierReport:
    """Check a dossier, and report. Never raises for what is in it.

    With `pinned`, only those keys count; without, the keys that the dossier brings, and the report
    says so.
    """
    is_pinned = pinned is not None
    try:
        opened = open_dossier(data, pinned)
    except DossierError as fault:
        return DossierReport(flaw=fault.flaw, keys_pinned=is_pinned)
    vote = opened.votes[0] if opened.votes else None
    return DossierReport(
        flaw=None,
        keys_pinned=is_pinned,
        subject=opened.header.subject,
        tenant_id=opened.header.tenant_id,
        approval_id=opened.artifact.approval_id,
        compiled_hash=opened.artifact.compiled_hash,
        approvers=tuple(vote.voter_id for vote in opened.votes),
        purpose=None if vote is None else vote.purpose,
        workspace_id=None if vote is None else vote.workspace_id,
        request_id=None if vote is None else vote.request_id,
        agent=opened.agent,
        environment=None if vote is None else vote.environment,
        proved=tuple(_proved(opened)),
        not_proved=tuple(_not_proved(opened, is_pinned=is_pinned)),
    )


def open_dossier(data: bytes, pinned: KeyList | None = None) -> OpenedDossier:
    """Return what a dossier says, if all of it is good. Raises `DossierError` with the first flaw.

    A line that was changed after the dossier was sealed is named, whatever else is wrong.
    """
    lines = split_lines(data)
    changed = uncounted_line(lines)
    try:
        opened = _opened(lines, pinned)
    except DossierError as fault:
        if changed in {None, fault.flaw.line}:
            raise
    if changed is not None:
        name = "the manifest" if changed == len(lines) else line_name(changed)
        bad(changed, name, UNCOUNTED)
    return opened


def _opened(lines: list[bytes], pinned: KeyList | None) -> OpenedDossier:
    file = read_lines(lines)
    listed = file.header.keys if pinned is None else pinned.keys
    keys = {(key.purpose, key.key_id): key for key in listed}
    artifact = read_artifact(file.artifact, keys)
    if file.record is None:
        return OpenedDossier(header=file.header, artifact=artifact)
    record = file.record
    content = read_content(record.snapshot, artifact, file.header.tenant_id)
    proof = read_text(record.proof.proof, ProofText, PROOF)
    check_proof(proof, content, artifact)
    agent = check_view(record.view, proof, artifact)
    votes = read_votes(proof, content, agent, keys)
    policy = read_policy(proof)
    check_quorum(policy, proof)
    check_approval(record.approval, artifact, proof, policy)
    return OpenedDossier(
        header=file.header,
        artifact=artifact,
        approval=record.approval,
        contract=record.snapshot.contract.encode(),
        view=record.view.view.encode(),
        policy=bytes(proof.approval_policy),
        votes=votes,
        agent=agent,
        unsigned=tuple(_unsigned(policy, proof)),
    )


def _unsigned(policy: PolicyText, proof: ProofText) -> Iterator[str]:
    if any(voter.first is None for voter in proof.voters):
        yield "who let in those voters that are no first approvers: that is for a bundle"
    if policy.groups:
        names = ", ".join(f"`{group.name}`" for group in policy.groups)
        yield f"that the voters are of {names}: the file says so, and nobody signed it"
    if policy.four_eyes:
        yield "that somebody else approved than wrote the draft: no dossier says who wrote it"


def _proved(opened: OpenedDossier) -> Iterator[str]:
    yield "the artifact is signed by an artifact key, and its hash is that of its projections"
    if opened.approval is None:
        return
    yield "the snapshot, its contract and the view have the hashes that were signed"
    people = len(opened.votes)
    yield (
        f"{people} {'person' if people == 1 else 'people'} signed this view of this contract, each "
        "with a key that they proved to hold: as many as the policy that they signed asks for"
    )
    yield f"the purpose that they signed is `{opened.votes[0].purpose}`"


def _not_proved(opened: OpenedDossier, *, is_pinned: bool) -> Iterator[str]:
    if not is_pinned:
        yield "whose the keys are: none were pinned, the dossier brought its own"
    yield "that it is in force: what was revoked or replaced later stands in no dossier"
    if opened.approval is None:
        yield "that anybody approved it"
        return
    yield "when it was approved, and that the voters' keys counted then: that is for a bundle"
    yield from opened.unsigned
    yield "that the artifact is what the contract compiles to: `placet policy rebuild` tells"
