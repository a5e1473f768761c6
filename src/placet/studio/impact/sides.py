"""What is compared: the candidate, and what it is held against."""

from collections.abc import Sequence
from typing import Final

import msgspec

from placet.kernel import foreign
from placet.kernel.value import Value
from placet.policy.compile import compile_contract
from placet.policy.finding import Finding, Severity
from placet.policy.load import PolicyLoadError, load_policy
from placet.policy.loaded import Policy
from placet.policy.model import Contract
from placet.policy.needs import Need
from placet.policy.projection import RuntimeProjection
from placet.policy.text.parse import read_contract
from placet.studio.impact.examples import Redactions, redactions_of
from placet.studio.impact.model import CandidateInvalid
from placet.studio.snapshots.model import BusinessDraftSnapshot

NEVER_RECORDED: Final = frozenset({Need.PRINCIPAL, Need.LABELS, Need.COST, Need.UNGUARDED})
"""Facts that no session keeps, so that no recording can tell them."""

_NOT_ENFORCED: Final = "not_enforced"


class Side(Value, frozen=True):
    """One contract, ready to judge; `runtime` are the bytes that it was loaded from."""

    compiled_hash: str
    policy: Policy
    runtime: bytes


def candidate_side(snapshot: BusinessDraftSnapshot) -> Side:
    """Return the side of a contract under review. Refuses `candidate_invalid`."""
    findings = [
        one
        for one in snapshot.findings
        if one.severity is Severity.ERROR and one.code != _NOT_ENFORCED
    ]
    contract = read_contract(foreign.parse(snapshot.memory_json))
    if isinstance(contract, list) or findings:
        raise _invalid(findings or contract)
    compiled = compile_contract(contract)
    side = authority_side(compiled.compiled_hash.hex(), compiled.runtime)
    if side is None:
        raise _invalid([])
    return side


def authority_side(compiled_hash: str, runtime: bytes) -> Side | None:
    """Return the side of an artifact, or None where this version cannot decide by it."""
    try:
        return Side(compiled_hash=compiled_hash, policy=load_policy(runtime), runtime=runtime)
    except PolicyLoadError:
        return None


def unrecorded_of(side: Side) -> list[Need]:
    """Return the facts that a side's rules read and no recording has."""
    return sorted(side.policy.needs & NEVER_RECORDED)


def redacted_by(runtimes: Sequence[bytes]) -> Redactions:
    """Return what any of these runtime projections redacts."""
    return redactions_of(
        *(msgspec.convert(foreign.parse(one), RuntimeProjection) for one in runtimes)
    )


def _invalid(found: Contract | list[Finding]) -> CandidateInvalid:
    findings = found if isinstance(found, list) else []
    return CandidateInvalid(
        detail="the snapshot's contract cannot be held to calls; see `findings`", findings=findings
    )
