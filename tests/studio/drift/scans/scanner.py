"""Scans of one desk's workspace, each with real commits."""

from dataclasses import dataclass

from tests.replay.desk import AGENT, Desk

from placet.kernel.clock import SystemClock
from placet.kernel.ids import Ids
from placet.kernel.principal import Environment, Principal
from placet.plans.inventory import rules as inventory_rules
from placet.plans.inventory import store as inventory
from placet.plans.inventory.model import OfferedTool
from placet.storage.database import Database
from placet.studio.drift import store as items
from placet.studio.drift.model import DriftItem
from placet.studio.drift.scans import material, service
from placet.studio.drift.scans.model import ApprovalRuntimeReceipt
from placet.studio.rule_evidence import store as evidence
from placet.studio.rule_evidence.model import EvidenceEntry
from placet.studio.workspaces import store as workspaces
from placet.studio.workspaces.model import GovernanceWorkspace


@dataclass
class Scanner:
    """One workspace with an approval in force, and whoever scans it."""

    db: Database
    ids: Ids
    founder: Principal
    workspace: GovernanceWorkspace

    @classmethod
    async def of(cls, db: Database, ids: Ids, founder: Principal, desk: Desk) -> "Scanner":
        """Stand on the workspace of a desk."""
        assert desk.runtime_key
        async with db.reading(founder) as tx:
            workspace = await workspaces.find_workspace_of(tx, AGENT, Environment.STAGING)
        assert workspace is not None
        return cls(db, ids, founder, workspace)

    async def prepared(self) -> material.Prepared:
        """Return what a scan is made with."""
        return await material.prepare(await self.read(), SystemClock(), material.ASKED)

    async def read(self) -> material.Material:
        """Return what a scan is prepared from."""
        async with self.db.reading(self.founder) as tx:
            return await material.read_material(tx, self.workspace.workspace_id)

    async def scan(self, ready: material.Prepared | None = None) -> ApprovalRuntimeReceipt:
        """Scan once, with what was prepared before if that is given."""
        ready = ready or await self.prepared()
        async with self.db.writing(self.founder) as tx:
            return await service.scan_workspace(tx, ready, self.ids)

    async def items(self) -> list[DriftItem]:
        """Return every item of the workspace, the oldest first."""
        async with self.db.reading(self.founder) as tx:
            found = await items.list_items(
                tx, self.workspace.workspace_id, status=None, before=None, limit=200
            )
        return found[::-1]

    async def evidence(self) -> dict[str, EvidenceEntry]:
        """Return the evidence for each rule of the approval in force."""
        assert self.workspace.active_approval_id is not None
        async with self.db.reading(self.founder) as tx:
            found = await evidence.list_entries(tx, self.workspace.active_approval_id)
        return {entry.rule: entry for entry in found}

    async def offer(self, *tools: OfferedTool) -> None:
        """Report tools as a process of the agent does."""
        async with self.db.writing(self.founder) as tx:
            versions = inventory_rules.versions_of(
                tools,
                tenant_id=tx.tenant_id,
                agent=AGENT,
                environment=Environment.STAGING,
                now=await tx.now(),
            )
            await inventory.keep_versions(tx, versions)
