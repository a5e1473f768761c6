"""What must hold between the lines of a dossier. Each check names the line and the item."""

from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from placet.evidence import dsse
from placet.evidence.artifact import ARTIFACT_TYPE, ArtifactPayload
from placet.evidence.bundle import KeyPurpose, NamedKey
from placet.evidence.dossier import ApprovalLine, ArtifactLine, SnapshotLine, ViewLine
from placet.evidence.dossier_lines import APPROVAL, ARTIFACT, PROOF, SNAPSHOT, VIEW, bad, read_text
from placet.evidence.dossier_texts import (
    ContentText,
    PolicyText,
    ProofText,
    ViewText,
    VoterText,
)
from placet.evidence.dsse import Envelope, EnvelopeRefused
from placet.evidence.first_approver import first_challenge, first_naming
from placet.evidence.vote import (
    APPROVAL_VOTE_TYPE,
    ApprovalVote,
    ProofOfPossession,
    VoteDecision,
    verify_proof,
)
from placet.kernel import foreign
from placet.kernel.hashing import digest
from placet.kernel.value import Input

T = TypeVar("T", bound=Input)
Keys = dict[tuple[KeyPurpose, str], NamedKey]
"""The keys that count, by what they are for and their ids."""


def read_artifact(line: ArtifactLine, keys: Keys) -> ArtifactPayload:
    """Return the artifact: signed by an artifact key, and known by the hash of what it holds."""
    where = (ARTIFACT, "the artifact")
    key = _signer(line.envelope, KeyPurpose.ARTIFACT, keys, where)
    artifact = _read(line.envelope, ARTIFACT_TYPE, ArtifactPayload, key, where)
    whole = {
        "compat": artifact.compat,
        "compiler_version": artifact.compiler_version,
        "review": artifact.review,
        "runtime": artifact.runtime,
    }
    if digest("compiled", foreign.encode(dict(whole))).hex() != artifact.compiled_hash:
        bad(ARTIFACT, "the artifact", "its compiled hash is not that of its projections")
    return artifact


def read_content(line: SnapshotLine, artifact: ArtifactPayload, tenant: UUID) -> ContentText:
    """Return what the snapshot says: the one that the artifact was made from, with its contract."""
    content = read_text(line.content, ContentText, SNAPSHOT)
    found = digest("draft_snapshot", line.content.encode()).hex()
    if found != artifact.snapshot_hash or content.snapshot_id != artifact.snapshot_id:
        bad(SNAPSHOT, "the snapshot", "it is not the one that the artifact was made from")
    if digest("draft_document", line.contract.encode()).hex() != content.memory_hash:
        bad(SNAPSHOT, "the contract", "it is not the one that was frozen in the snapshot")
    if content.compiler_version != artifact.compiler_version:
        bad(SNAPSHOT, "the snapshot", "it names another compiler version than the artifact")
    if content.tenant_id != tenant:
        bad(SNAPSHOT, "the snapshot", "it belongs to another tenant")
    return content


def check_proof(proof: ProofText, content: ContentText, artifact: ArtifactPayload) -> None:
    """Hold the proof against snapshot and artifact, and its policy against the policy's hash."""
    pairs = {
        "tenant": (proof.tenant_id, content.tenant_id),
        "workspace": (proof.workspace_id, content.workspace_id),
        "environment": (proof.environment, content.environment),
        "snapshot": (proof.snapshot_id, content.snapshot_id),
        "snapshot hash": (proof.snapshot_hash, artifact.snapshot_hash),
        "artifact": (proof.artifact_hash, artifact.compiled_hash),
    }
    if wrong := [name for name, (is_, must) in pairs.items() if is_ != must]:
        bad(PROOF, "the proof", f"it is of another {wrong[0]}")
    found = digest("approval_policy", bytes(proof.approval_policy)).hex()
    if found != proof.approval_policy_hash:
        bad(PROOF, "the approval policy", "it is not the one that the voters signed")


def check_view(line: ViewLine, proof: ProofText, artifact: ArtifactPayload) -> str:
    """Return the agent that the view names.

    Holds the view against the hash that was signed, and what it shows against what it is of.
    """
    if digest("approval_view", line.view.encode()).hex() != proof.view_hash:
        bad(VIEW, "the view", "it is not the one that the voters signed")
    view = read_text(line.view, ViewText, VIEW)
    shown = (
        (view.workspace_id, view.environment, view.snapshot_id, view.snapshot_hash),
        (view.artifact_hash, bytes(view.policy_change)),
        bytes(view.review),
    )
    signed = (
        (proof.workspace_id, proof.environment, proof.snapshot_id, proof.snapshot_hash),
        (proof.artifact_hash, bytes(proof.policy_change)),
        artifact.review.encode(),
    )
    if shown != signed:
        bad(VIEW, "the view", "the voters were shown something else than they signed")
    return view.agent


def read_votes(
    proof: ProofText, content: ContentText, agent: str, keys: Keys
) -> tuple[ApprovalVote, ...]:
    """Return the votes: each by its own voter's key, and over exactly this approval.

    A first approver's proof of possession must be over the workspace of this agent.
    """
    if len(proof.votes) != len(proof.voters):
        bad(PROOF, "the proof", "it does not have a voter for each vote")
    votes: list[ApprovalVote] = []
    for number, (envelope, voter) in enumerate(zip(proof.votes, proof.voters, strict=True), 1):
        item = f"vote {number}"
        key = _signer(envelope, KeyPurpose.PERSON, keys, (PROOF, item))
        vote = _read(envelope, APPROVAL_VOTE_TYPE, ApprovalVote, key, (PROOF, item))
        shown = _check_voter(voter, vote, key, item)
        expected = _expected(proof, content) | {"purpose": (votes or [vote])[0].purpose}
        said = {name: getattr(vote, name) for name in vote.__struct_fields__}
        if wrong := [name for name, value in expected.items() if said[name] != value]:
            bad(PROOF, item, f"it was cast on another {wrong[0]}")
        _check_first(voter, vote, shown, agent)
        votes.append(vote)
    return tuple(votes)


def _expected(proof: ProofText, content: ContentText) -> dict[str, object]:
    return {
        "tenant_id": proof.tenant_id,
        "workspace_id": proof.workspace_id,
        "environment": proof.environment,
        "request_id": proof.request_id,
        "decision": VoteDecision.APPROVE,
        "snapshot_id": proof.snapshot_id,
        "snapshot_hash": proof.snapshot_hash,
        "view_hash": proof.view_hash,
        "source_hash": content.source_snapshot_hash,
        "command_history_hash": content.command_history_hash,
        "compiler_version": content.compiler_version,
        "artifact_hash": proof.artifact_hash,
        "approval_policy_hash": proof.approval_policy_hash,
    }


def _check_voter(
    voter: VoterText, vote: ApprovalVote, key: NamedKey, item: str
) -> ProofOfPossession:
    """Hold a vote against the voter who is named for it, and that voter against their key.

    Returns the voter's proof of possession.
    """
    if (vote.voter_id, vote.key_id) != (voter.actor_id, voter.key_id):
        bad(PROOF, item, "it is not of the voter who is named for it")
    if (key.actor_id, key.key_id, key.public_key) != (
        voter.actor_id,
        voter.key_id,
        voter.public_key,
    ):
        bad(PROOF, item, "the key that signed it is not its voter's")
    try:
        shown = verify_proof(dsse.parse_envelope(voter.proof), key.checked())
    except EnvelopeRefused as refusal:
        bad(PROOF, f"the proof of possession of voter {voter.actor_id}", refusal.detail)
    if (shown.tenant_id, shown.actor_id) != (vote.tenant_id, voter.actor_id):
        bad(PROOF, f"the proof of possession of voter {voter.actor_id}", "it is somebody else's")
    return shown


def _check_first(
    voter: VoterText, vote: ApprovalVote, shown: ProofOfPossession, agent: str
) -> None:
    """Hold the proof of somebody whom nobody confirmed against the workspace it was made for."""
    item = f"the proof of possession of voter {voter.actor_id}"
    first = voter.first
    if (first is None) != bool(voter.key_confirmed_by):
        bad(
            PROOF,
            item,
            "the key is either a first approver's or let in by somebody, not both or neither",
        )
    unconfirmed = {group.name for group in voter.groups if not group.confirmed_by}
    if not unconfirmed <= set(first.groups if first else ()):
        bad(PROOF, item, "it is not over every group that nobody confirmed")
    if first is None:
        return
    naming = first_naming(vote.tenant_id, agent, vote.environment, first.groups, first.succeeds)
    if shown.challenge != first_challenge(naming).hex():
        bad(PROOF, item, "it was not made for this workspace")


def read_policy(proof: ProofText) -> PolicyText:
    """Return what is read of the approval policy."""
    return read_text(bytes(proof.approval_policy).decode(), PolicyText, PROOF)


def check_quorum(policy: PolicyText, proof: ProofText) -> None:
    """Count distinct people, all of them and those of each group."""
    people = {voter.actor_id for voter in proof.voters}
    if len(people) != len(proof.voters):
        bad(PROOF, "the proof", "somebody is counted twice")
    if len(people) < max(policy.quorum, 1):
        why = f"{len(people)} people approved, the policy asks for {policy.quorum}"
        bad(PROOF, "the proof", why)
    for group in policy.groups:
        members = {
            voter.actor_id
            for voter in proof.voters
            if any(one.name == group.name for one in voter.groups)
        }
        if len(members) < group.quorum:
            why = f"{len(members)} of group `{group.name}` approved, not {group.quorum}"
            bad(PROOF, "the proof", why)


def check_approval(
    line: ApprovalLine, artifact: ArtifactPayload, proof: ProofText, policy: PolicyText
) -> None:
    """Hold the approval against artifact and proof, and its end against its policy."""
    told = (line.approval_id, line.request_id, line.workspace_id, line.snapshot_id)
    proved = (artifact.approval_id, proof.request_id, proof.workspace_id, proof.snapshot_id)
    if told != proved:
        bad(APPROVAL, "the approval", "it is not the one that artifact and proof are of")
    if line.approved_by != tuple(voter.actor_id for voter in proof.voters):
        bad(APPROVAL, "the approval", "it names others than the voters")
    if line.expires_at != _end(line.approved_at, policy.validity_days):
        bad(APPROVAL, "the approval", "it does not end when its policy says")


def _end(approved_at: datetime, days: int | None) -> datetime | None:
    """Return when an approval ends, none for never. An end beyond the calendar is bad."""
    if days is None:
        return None
    try:
        return approved_at + timedelta(days=days)
    except OverflowError:
        bad(APPROVAL, "the approval", "it would end after the year 9999")


def _signer(
    envelope: Envelope, purpose: KeyPurpose, keys: Keys, where: tuple[int, str]
) -> NamedKey:
    """Return the key that the envelope names, which must be one that counts for this."""
    named = keys.get((purpose, envelope.signatures[0].keyid))
    if named is None:
        bad(*where, f"its key id names none of the keys that count for a `{purpose}`")
    return named


def _read(envelope: Envelope, kind: str, into: type[T], key: NamedKey, where: tuple[int, str]) -> T:
    """Return what this very key signed."""
    try:
        return dsse.read(envelope, kind, [key.checked()], into)
    except EnvelopeRefused as refusal:
        bad(*where, refusal.detail)
