"""What a snapshot says of a contract."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Final

import msgspec

from placet.kernel import foreign
from placet.kernel.canonical import canonical
from placet.kernel.hashing import digest
from placet.kernel.principal import Environment
from placet.policy.checks.check import check_contract
from placet.policy.finding import Finding, Severity
from placet.policy.model import Contract
from placet.policy.needs import Need, contract_needs
from placet.policy.paths import path_text
from placet.policy.text.parse import read_contract
from placet.replay.sessions.model import SUPPLIED
from placet.studio.judgments.model import Judgment, JudgmentStatus
from placet.studio.snapshots.model import (
    BusinessDraftSnapshot,
    SnapshotAnswer,
    SnapshotContent,
    SnapshotStatus,
)

GENERATION_PROFILE: Final = "commands"


def read_memory(memory: bytes) -> Contract | list[Finding]:
    """Return the contract that a document stands for, or why it stands for none."""
    return read_contract(foreign.parse(memory))


def check_memory(
    memory: bytes, environment: Environment, supplied: AbstractSet[Need] = SUPPLIED
) -> list[Finding]:
    """Return everything that is found in a whole contract, where these facts are kept."""
    contract = read_memory(memory)
    if isinstance(contract, list):
        return contract
    return check_contract(contract, environment) + list(_not_enforced(contract, supplied))


def _not_enforced(contract: Contract, supplied: AbstractSet[Need]) -> Iterator[Finding]:
    """Yield the rules that this service could not enforce, for want of the facts they need."""
    for need, steps in contract_needs(contract):
        if need not in supplied:
            yield Finding(
                code="not_enforced",
                severity=Severity.ERROR,
                path=path_text(steps),
                message=f"this service does not keep the `{need}` that this rule needs",
                hint="take the rule out, or use a version of the service that enforces it",
            )


def decide_status(findings: list[Finding], judgments: list[Judgment]) -> SnapshotStatus:
    """Return what the findings, and what nobody answered yet, make of a snapshot."""
    if any(finding.severity is Severity.ERROR for finding in findings):
        return SnapshotStatus.INVALID
    if count_stopping(findings, judgments):
        return SnapshotStatus.NEEDS_JUDGMENT
    return SnapshotStatus.READY_FOR_APPROVAL


def count_stopping(findings: list[Finding], judgments: list[Judgment]) -> int:
    """Return how many findings stop an approval: errors, and blockers that are still open."""
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    blockers = sum(
        one.severity is Severity.BLOCKER and one.status is JudgmentStatus.OPEN for one in judgments
    )
    return errors + blockers


def content_of(snapshot: BusinessDraftSnapshot, environment: Environment) -> SnapshotContent:
    """Return what the hash of a snapshot covers."""
    return SnapshotContent(
        tenant_id=snapshot.tenant_id,
        snapshot_id=snapshot.snapshot_id,
        workspace_id=snapshot.workspace_id,
        environment=environment,
        draft_id=snapshot.draft_id,
        version=snapshot.version,
        status=snapshot.status,
        memory_hash=digest("draft_document", snapshot.memory_json).hex(),
        source_snapshot_hash=snapshot.source_snapshot_hash,
        command_history_hash=snapshot.command_history_hash,
        findings=snapshot.findings,
        judgments=snapshot.judgments,
        generation_profile=snapshot.generation_profile,
        compiler_version=snapshot.compiler_version,
        created_by=snapshot.created_by,
    )


def snapshot_hash(content: SnapshotContent) -> str:
    """Return the hash of a snapshot in hex."""
    return digest("draft_snapshot", canonical(content)).hex()


def shown(snapshot: BusinessDraftSnapshot) -> SnapshotAnswer:
    """Return a snapshot as it is shown."""
    return SnapshotAnswer(
        snapshot_id=snapshot.snapshot_id,
        workspace_id=snapshot.workspace_id,
        draft_id=snapshot.draft_id,
        version=snapshot.version,
        status=snapshot.status,
        memory=msgspec.Raw(snapshot.memory_json),
        snapshot_hash=snapshot.snapshot_hash,
        source_snapshot_hash=snapshot.source_snapshot_hash,
        sources=snapshot.sources,
        command_history_hash=snapshot.command_history_hash,
        findings=snapshot.findings,
        judgments=snapshot.judgments,
        generation_profile=snapshot.generation_profile,
        compiler_version=snapshot.compiler_version,
        created_by=snapshot.created_by,
        created_at=snapshot.created_at,
    )
