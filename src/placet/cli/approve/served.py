"""What the service says of a request, fetched and not believed."""

from typing import TYPE_CHECKING
from uuid import UUID

from placet.kernel.value import Value
from placet.studio.requests.model import RequestAnswer
from placet.studio.snapshots.model import SnapshotAnswer
from placet.studio.votes.model import VoteList
from placet.studio.workspaces.model import GovernanceWorkspace
from placet.tenancy.model import Me

if TYPE_CHECKING:
    from placet.sdk.studio.client import Studio


class Served(Value, frozen=True):
    """Everything about a request; `in_force` is the dossier of the approval in force, if any."""

    me: Me
    request: RequestAnswer
    snapshot: SnapshotAnswer
    workspace: GovernanceWorkspace
    votes: VoteList
    in_force: bytes | None


async def fetch(studio: "Studio", request_id: UUID) -> Served:
    """Return what the service says of a request. Raises its refusals."""
    request = await studio.requests.get(request_id)
    workspace = await studio.workspaces.get(request.workspace_id)
    active = workspace.active_approval_id
    return Served(
        me=await studio.people.me(),
        request=request,
        snapshot=await studio.snapshots.get(request.snapshot_id),
        workspace=workspace,
        votes=await studio.requests.votes(request_id),
        in_force=None if active is None else await studio.approvals.export(active),
    )
