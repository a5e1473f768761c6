"""What several views say of a contract, of what is known, and of what is not."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from placet.policy.explain import Explained, explain_contract
from placet.policy.finding import Strength
from placet.policy.model import Contract
from placet.policy.paths import PathError
from placet.studio.endings.rules import status_of
from placet.studio.snapshots.rules import read_memory
from placet.studio.views.model import (
    THIN_BELOW,
    Basis,
    BasisFacts,
    ContractNotShown,
    EvidenceFacts,
    Hold,
    OfferedFacts,
    ScanLine,
    ViewOf,
    WorkspaceHead,
)
from placet.studio.workspaces.model import GovernanceWorkspace

OTHERWISE: Final = "how a call is carried out and told of"
"""What rules are about that act in no layer."""


def head_of(workspace: GovernanceWorkspace) -> WorkspaceHead:
    """Return what a view says of its workspace."""
    fields = WorkspaceHead.__struct_fields__
    return WorkspaceHead(**{name: getattr(workspace, name) for name in fields})


def basis_of(facts: BasisFacts, as_of: datetime) -> Basis:
    """Return the label of what a view speaks of."""
    status = None
    if facts.approval_id is not None and facts.purpose is not None:
        status = status_of(
            facts.endings,
            facts.expires_at,
            as_of,
            is_pointed_at=facts.is_pointed_at,
            purpose=facts.purpose,
        )
    return Basis(
        of=ViewOf.DRAFT if facts.approval_id is None else ViewOf.APPROVED,
        snapshot_id=facts.snapshot_id,
        snapshot_hash=facts.snapshot_hash,
        snapshot_version=facts.snapshot_version,
        snapshot_status=facts.snapshot_status,
        draft_id=facts.draft_id,
        approval_id=facts.approval_id,
        approval_version=facts.approval_version,
        approval_status=status,
        approved_at=facts.approved_at,
        expires_at=facts.expires_at,
        compiled_hash=facts.compiled_hash,
    )


def explained_of(facts: BasisFacts | None) -> tuple[Contract, Explained] | None:
    """Return the contract that a view speaks of, with its rules in words; None for none.

    A snapshot may hold something that is no contract, or one with places that are none.
    """
    contract = None if facts is None else read_memory(facts.memory.encode())
    if not isinstance(contract, Contract):
        return None
    try:
        return contract, explain_contract(contract)
    except PathError:
        return None


def shown_contract(facts: BasisFacts | None) -> tuple[BasisFacts, Contract, Explained]:
    """Return what a view speaks of and its contract. Refuses `contract_not_shown`."""
    if facts is None:
        raise ContractNotShown(detail="nothing like this was approved or frozen here yet")
    read = explained_of(facts)
    if read is None:
        raise ContractNotShown(detail="the snapshot holds no contract that can be read")
    return facts, *read


def hold_of(offered: OfferedFacts | None) -> Hold:
    """Return how hard a tool's governance is to go around, as far as anything says."""
    if offered is None:
        return Hold(strength=None, versions=0, last_offered_at=None)
    return Hold(
        strength=Strength.COOPERATIVE if offered.is_attached else None,
        versions=offered.versions,
        last_offered_at=offered.last_seen_at,
    )


def observed_least(entries: Iterable[EvidenceFacts]) -> int:
    """Return how many calls were observed at the least: the most that any one rule has counted.

    A rule counts a call once; how many calls of two rules are the same cannot be told.
    """
    return max((one.support_count + one.contradiction_count for one in entries), default=0)


def thin_says(observed: int | None, scan: ScanLine | None) -> list[str]:
    """Say how little is known, if it is little."""
    if observed is None:
        return ["evidence is kept for approvals; what is under review has none of its own yet"]
    if scan is None:
        return ["the runtime was never compared with this approval"]
    if observed == 0:
        return ["no call was observed under this approval yet"]
    if observed < THIN_BELOW:
        return [f"thin: {observed} observations, and fewer than {THIN_BELOW} say little"]
    return []
