"""What becomes of calls in each environment: with a plan, without one, and with nobody there.

One row for each cell of the table of plans. The agent works through the SDK over HTTP; what is told
is whether its tool ran, and what the service knows of it.
"""

from dataclasses import dataclass

import pytest
from tests.journeys.conftest import Network, RefundDesk, Serving
from tests.studio.story import AGENT, LOOKUP, REFUND, Story, contract

from placet.kernel.principal import Environment
from placet.kernel.refusals import GovernanceUnavailable, Refusal
from placet.plans.attachments import service as attachments
from placet.plans.attachments.model import AttachmentQuery, AttachmentStatus
from placet.plans.model import Enforcement, PlanStatus, Unplanned
from placet.replay.sessions.model import SessionMode
from placet.replay.sessions.refusals import NoAuthority
from placet.sdk.errors import CallBlocked
from placet.sdk.govern import governed
from placet.sdk.retry import Patience
from placet.studio.workspaces import service as workspaces
from placet.studio.workspaces.model import CreateWorkspace

DEVELOPMENT, STAGING, PRODUCTION = Environment
BLOCK, CAPTURE = Enforcement.BLOCK, Unplanned.CAPTURE
PAYING = REFUND | {"side_effect": "write", "evidence_class": "ack_only"}
HASTY = Patience(total=0.0, attempt=20.0)

ALLOWED, REFUSED = 100, 50_001
"""Amounts in cents: one that the contract allows, and one beyond its bound."""


@dataclass(frozen=True)
class Cell:
    """One cell of the table, and what is expected of it.

    `ran` are the amounts whose tool ran. `stops` is what entering the session raises. `captured`
    and `unguarded` are the session's own counts; `mode` how the service decided.
    """

    environment: Environment
    is_approved: bool = False
    is_reachable: bool = True
    enforcement: Enforcement | None = None
    unplanned: Unplanned | None = None
    ran: tuple[int, ...] = ()
    stops: type[Refusal] | None = None
    captured: int = 0
    unguarded: int = 0
    mode: SessionMode | None = None
    status: PlanStatus = PlanStatus.LEARNING
    told: AttachmentStatus | None = None

    def __str__(self) -> str:
        """Return the name of the cell."""
        plan = "approved" if self.is_approved else "nothing approved"
        there = plan if self.is_reachable else f"{plan}, nobody there"
        chosen = next((c.value for c in (self.enforcement, self.unplanned) if c), "as it is")
        return f"{self.environment.value}, {there}, {chosen}"


_SHADOW, _ENFORCE = SessionMode.SHADOW, SessionMode.ENFORCE
_APPROVED, _ENFORCING = PlanStatus.APPROVED, PlanStatus.ENFORCING
_ATTACHED, _NO_PLAN = AttachmentStatus.ATTACHED, AttachmentStatus.NO_PLAN
_BOTH = (ALLOWED, REFUSED)
_AWAY = GovernanceUnavailable

CELLS = (
    Cell(DEVELOPMENT, ran=_BOTH, captured=2, told=_NO_PLAN),
    Cell(DEVELOPMENT, is_approved=True, ran=_BOTH, mode=_SHADOW, status=_APPROVED, told=_ATTACHED),
    Cell(DEVELOPMENT, is_reachable=False, ran=_BOTH, unguarded=2),
    Cell(
        DEVELOPMENT, is_approved=True, is_reachable=False, ran=_BOTH, unguarded=2, status=_APPROVED
    ),
    Cell(STAGING, stops=NoAuthority, told=_NO_PLAN),
    Cell(STAGING, unplanned=CAPTURE, ran=_BOTH, captured=2, told=_NO_PLAN),
    Cell(STAGING, is_approved=True, ran=_BOTH, mode=_SHADOW, status=_APPROVED, told=_ATTACHED),
    Cell(
        STAGING,
        is_approved=True,
        enforcement=BLOCK,
        ran=(ALLOWED,),
        mode=_ENFORCE,
        status=_ENFORCING,
        told=_ATTACHED,
    ),
    Cell(STAGING, is_reachable=False, unplanned=CAPTURE, stops=_AWAY),
    Cell(STAGING, is_approved=True, is_reachable=False, stops=_AWAY, status=_APPROVED),
    Cell(PRODUCTION, stops=NoAuthority, told=_NO_PLAN),
    Cell(
        PRODUCTION,
        is_approved=True,
        ran=(ALLOWED,),
        mode=_ENFORCE,
        status=_ENFORCING,
        told=_ATTACHED,
    ),
    Cell(PRODUCTION, is_reachable=False, stops=_AWAY),
    Cell(PRODUCTION, is_approved=True, is_reachable=False, stops=_AWAY, status=_APPROVED),
)


async def opened(service: Serving, story: Story, cell: Cell) -> RefundDesk:
    """Open the workspace of a cell, have a contract approved if it is, and issue a key."""
    signer = await story.signer()
    asked = CreateWorkspace(
        agent=AGENT,
        environment=cell.environment,
        enforcement=cell.enforcement,
        unplanned=cell.unplanned,
        approvers=(signer.enrolment(environment=cell.environment),),
    )
    async with story.db.writing(story.founder) as tx:
        workspace = await workspaces.create_workspace(tx, asked, story.ids)
    if cell.is_approved:
        _, _, request = await story.asked(workspace, contract(LOOKUP, PAYING))
        await story.vote(request, signer)
    _, key = await story.workplace.agent(AGENT, cell.environment)
    return RefundDesk(service, story.workplace, key)


@pytest.mark.parametrize("cell", CELLS, ids=str)
async def test_calls_are_treated_as_the_table_says(
    service: Serving, network: Network, story: Story, cell: Cell
) -> None:
    paid: list[int] = []

    @governed
    async def issue_refund(order_id: str, amount_cents: int) -> str:
        paid.append(amount_cents)
        return order_id

    async def work() -> None:
        async with client.session() as session:
            for amount in _BOTH:
                try:
                    await issue_refund(f"ord_{amount}", amount)
                except CallBlocked:
                    assert amount == REFUSED
            assert (session.captured, session.unguarded) == (cell.captured, cell.unguarded)
            assert (session.view.mode if session.is_attached else None) == cell.mode

    desk = await opened(service, story, cell)
    async with desk.client(network, patience=HASTY) as client:
        network.is_down = not cell.is_reachable
        if cell.stops is None:
            await work()
        else:
            with pytest.raises(cell.stops):
                await work()
    assert tuple(paid) == cell.ran
    asked = AttachmentQuery(agent=AGENT, environment=cell.environment)
    async with story.db.reading(story.founder) as tx:
        known = await attachments.list_attachments(tx, asked, None)
    assert known.plan_status is cell.status
    assert [one.status for one in known.items] == [cell.told] * (cell.told is not None)


def test_every_cell_of_the_table_has_a_row() -> None:
    told = {(cell.environment, cell.is_approved, cell.is_reachable) for cell in CELLS}
    assert told == {(e, a, r) for e in Environment for a in (True, False) for r in (True, False)}
    chosen = {cell.environment for cell in CELLS if cell.enforcement or cell.unplanned}
    assert chosen == {STAGING}
