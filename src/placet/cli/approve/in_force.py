"""Whether a proved approval is of the workspace that it was served for."""

from collections.abc import Iterator

import msgspec

from placet.cli.approve.served import Served
from placet.cli.rebuilding import contract_in
from placet.evidence.verify_dossier import OpenedDossier
from placet.evidence.vote import VotePurpose
from placet.kernel.principal import Environment
from placet.kernel.value import Value
from placet.plans.model import Enforcement, Unplanned
from placet.studio.workspaces.model import ApprovalPolicy


class _Change(Value, frozen=True):
    approval_policy: ApprovalPolicy


class _Seen(Value, frozen=True):
    """What the voters of the approval in force saw of its surroundings."""

    agent: str
    environment: Environment
    enforcement: Enforcement
    unplanned: Unplanned
    policy_change: _Change | None


def base_wrong(served: Served, opened: OpenedDossier) -> Iterator[str]:
    """Yield why a proved approval is not the one in force in the workspace that was served.

    What the service says of the workspace is held to what the voters of that approval signed:
    agent, environment and posture never change, and the approval policy only by what they signed.
    """
    workspace, said = served.workspace, opened.approval
    found = (opened.header.tenant_id, said and said.workspace_id, opened.artifact.approval_id)
    if found != (served.me.tenant_id, workspace.workspace_id, workspace.active_approval_id):
        yield "it is one of another tenant or workspace"
    if any(vote.purpose is not VotePurpose.ORDINARY for vote in opened.votes):
        yield "it was approved for break-glass, and is never what is in force by itself"
    contract = contract_in(opened)
    if contract is not None and contract.agent != workspace.agent:
        yield f"its contract is for agent {contract.agent}, not {workspace.agent}"
    try:
        view = msgspec.json.decode(opened.view or b"", type=_Seen)
        policy = msgspec.json.decode(opened.policy or b"", type=ApprovalPolicy)
    except msgspec.MsgspecError as fault:
        yield f"its view or its policy cannot be read: {fault}"
        return
    if view.policy_change is not None:
        policy = view.policy_change.approval_policy
    pairs = {
        "agent": (view.agent, workspace.agent),
        "environment": (view.environment, workspace.environment),
        "enforcement": (view.enforcement, workspace.enforcement),
        "posture without a plan": (view.unplanned, workspace.unplanned),
        "approval policy": (policy, workspace.approval_policy),
    }
    for name, (proved, told) in pairs.items():
        if proved != told:
            yield f"its voters signed another {name} than the service tells now"
