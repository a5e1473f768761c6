"""Sixteen clients at one workspace at once, on two nodes, and what must hold whatever they did.

    PLACET_ROUNDS=500 pytest tests/invariants/test_races_studio.py

Each round is a fresh workspace with fresh keys. Five people vote on whatever is open, two of them
from two places; two write and open drafts; two take snapshots and ask for approval; one key is
revoked, one approver removed, one disabled, approvals are revoked, requests withdrawn. Nobody waits
for anybody: a refusal is an answer, and any other exception ends the test.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from tests.studio.enrolments import people
from tests.studio.story import LOOKUP, REFUND, Signer, Story, contract, importing

from placet.authority import service as authority
from placet.authority.model import RevokeKey
from placet.evidence.ed25519 import SigningKey
from placet.kernel.principal import Environment
from placet.kernel.refusals import Refusal
from placet.storage.database import Database
from placet.studio.approvals.model import ApprovalRefused
from placet.studio.drafts import store as drafts
from placet.studio.drafts.model import BusinessDraft
from placet.studio.endings import service as endings
from placet.studio.endings.model import RevokeApproval
from placet.studio.enrolments import service as enrolments
from placet.studio.enrolments.model import RemoveApprover
from placet.studio.requests import service as requests
from placet.studio.requests import store as request_store
from placet.studio.requests.model import ApprovalRequest, RequestStatus, WithdrawRequest
from placet.studio.votes import service as votes
from placet.studio.workspaces import store as workspaces
from placet.studio.workspaces.model import ApprovalGroup, ApprovalPolicy, GovernanceWorkspace
from placet.tenancy import service as tenancy

TURNS = 3
LOOKS = 40
PLAIN = ApprovalPolicy(quorum=2)
GROUPED = ApprovalPolicy(quorum=2, groups=(ApprovalGroup(name="legal"),))

Client = Callable[[], Awaitable[object]]


@dataclass
class Crowd:
    """One round: a workspace, five voters with fresh keys, and two nodes to reach it through.

    The fifth is a person of this round alone: whoever is disabled stays so.
    """

    nodes: Sequence[Story]
    number: int
    seats: Sequence[Signer]
    outcomes: Counter[str] = field(default_factory=Counter)
    workspace: GovernanceWorkspace = field(init=False)
    voters: list[Signer] = field(init=False)

    @property
    def story(self) -> Story:
        """Return the node on which the stage is set and judged."""
        return self.nodes[0]

    async def set_stage(self) -> None:
        """Open the workspace, let everybody in, and make the first request."""
        self.voters = [
            Signer(seat.principal, seat.api_key, SigningKey.generate()) for seat in self.seats
        ]
        self.voters.append(await self.story.signer(f"eve-{self.number}"))
        is_grouped = self.number % 2 == 1
        first, second, *later = self.voters
        self.workspace = await self.story.workspace(
            first,
            second,
            environment=Environment.DEVELOPMENT,
            agent=f"desk-{self.number}",
            policy=GROUPED if is_grouped else PLAIN,
            groups=(("legal",), ()) if is_grouped else (),
        )
        for place, voter in enumerate(later):
            groups = ("legal",) if is_grouped and place == 0 else ()
            await people.confirmed(self.story, self.workspace.workspace_id, voter, first, *groups)
        await self.story.asked(self.workspace)

    async def play(self) -> None:
        """Let everybody act at once, each for a few turns."""
        clients: list[Client] = [
            *(self._voting(voter) for voter in self.voters),
            *(self._voting(voter) for voter in (self.voters[0], self.voters[-1])),
            *(self._once(self._when(place), self._writing(place)) for place in range(2)),
            *(self._asking(place) for place in range(2)),
            self._once(self._when(2), self._revoke_key),
            self._once(self._when(3), self._remove),
            self._once(self._when(4), self._disable),
            self._once(0, self._revoke_approval),
            self._withdrawing,
        ]
        turned = clients[self.number % 16 :] + clients[: self.number % 16]
        await asyncio.gather(*(self._turns(client, place) for place, client in enumerate(turned)))

    async def finish(self) -> None:
        """Approve what is there, now that it is quiet: two of the voters are never touched."""
        workspace = await self._workspace(0)
        draft = await self._draft(0, workspace) or await self.story.draft(workspace)
        if draft.current_version == 0:
            await self._writing(0)()
            draft = await self._draft(0, await self._workspace(0)) or draft
        snapshot = await self.story.snapshot(draft, expected=draft.current_version)
        request = await self._open_request(0)
        if request is None or request.snapshot_id != snapshot.snapshot_id:
            request = await self.story.request(snapshot)
        async with self.story.db.reading(self.story.founder) as tx:
            cast = (await votes.show_votes(tx, request.request_id)).votes
        voted = {vote.voter_id for vote in cast}
        left = [each for each in self.voters[1:3] if each.principal.actor_id not in voted]
        status = RequestStatus.OPEN
        while status is RequestStatus.OPEN and left:
            status = (await self.story.vote(request, left.pop(0))).status
        assert status is RequestStatus.GRANTED

    async def _turns(self, client: Client, place: int) -> None:
        for _ in range(TURNS):
            try:
                told = await client()
            except ApprovalRefused as refused:
                self.outcomes.update(reason.code for reason in refused.reasons)
            except Refusal as refused:
                self.outcomes[type(refused).__name__] += 1
            else:
                self.outcomes[str(told)] += 1
            await self._look(place)

    async def _look(self, place: int) -> None:
        """Do nothing for a while that differs from round to round: read a few times."""
        for _ in range((self.number + place) % 3):
            await self._open_request(place)

    def _node(self, place: int) -> Story:
        return self.nodes[place % len(self.nodes)]

    def _db(self, place: int) -> Database:
        return self._node(place).db

    def _voting(self, voter: Signer) -> Client:
        place = self.voters.index(voter)

        async def vote() -> object:
            request = await self._open_request(place)
            if request is None:
                return "nothing to vote on"
            return f"vote: {(await self._node(place).vote(request, voter)).status}"

        return vote

    def _writing(self, place: int) -> Client:
        node, turns = self._node(place), iter(range(1, 1000))

        async def write() -> object:
            workspace = await self._workspace(place)
            draft = await self._draft(place, workspace)
            if draft is None:
                await node.draft(workspace)
                return "opened"
            limit = 100 * next(turns) + place
            changed = REFUND | {"arguments": [{"path": "$.amount_cents", "gte": 1, "lte": limit}]}
            command = importing(contract(LOOKUP, changed, agent=workspace.agent))
            await node.command(draft, command, expected=draft.current_version)
            return "written"

        return write

    def _asking(self, place: int) -> Client:
        node = self._node(place)

        async def ask() -> object:
            draft = await self._draft(place, await self._workspace(place))
            if draft is None:
                return "nothing to ask for"
            snapshot = await node.snapshot(draft, expected=draft.current_version)
            await node.request(snapshot)
            return "asked"

        return ask

    def _when(self, place: int) -> int:
        """Return a turn, the last of which never comes: mixed anew in every round."""
        mixed = sha256(f"{self.number} {place}".encode()).digest()
        return mixed[0] % (TURNS + 1)

    def _once(self, turn: int, act: Client) -> Client:
        """Return a client that acts in one of its turns; in the first, once somebody has voted."""
        left = iter(range(TURNS))

        async def wait_or_act() -> object:
            if next(left) != turn:
                return "waited"
            if turn == 0:
                await self._see_a_vote()
            return await act()

        return wait_or_act

    async def _see_a_vote(self) -> None:
        """Look until somebody has voted, and the next vote may be the one that grants."""
        for _ in range(LOOKS):
            if self.outcomes["vote: open"]:
                return
            await self._open_request(0)

    async def _revoke_key(self) -> object:
        """Revoke the first voter's key."""
        node, key = self._node(1), self.voters[0].key
        gone = RevokeKey(reason="lost")
        async with node.db.writing(node.founder) as tx:
            await authority.revoke_key(tx, key.key_id, gone, node.ids, is_admin=True)
        return "key revoked"

    async def _remove(self) -> object:
        """Remove the fourth voter."""
        node, gone = self._node(0), self.voters[3].principal.actor_id
        async with node.db.writing(node.founder) as tx:
            await enrolments.remove_approver(
                tx,
                self.workspace.workspace_id,
                gone,
                RemoveApprover(reason="left"),
                node.ids,
                is_admin=True,
            )
        return "removed"

    async def _disable(self) -> object:
        """Disable the fifth voter."""
        node, gone = self._node(1), self.voters[4].principal.actor_id
        async with node.db.writing(node.founder) as tx:
            await tenancy.disable_actor(tx, gone, node.ids)
        return "disabled"

    async def _revoke_approval(self) -> object:
        """Look for an approval for a while, and revoke it as soon as there is one."""
        node = self._node(1)
        for _ in range(LOOKS):
            workspace = await self._workspace(1)
            if workspace.active_approval_id is not None:
                break
        else:
            return "nothing to revoke"
        async with node.db.writing(node.founder) as tx:
            await endings.revoke_approval(
                tx,
                workspace.active_approval_id,
                RevokeApproval(reason="a mistake"),
                node.ids,
                is_operator=True,
            )
        return "approval revoked"

    async def _withdrawing(self) -> object:
        request, node = await self._open_request(0), self._node(0)
        if request is None or self.number % 3:
            return "nothing to withdraw"
        async with node.db.writing(node.founder) as tx:
            asked = WithdrawRequest(reason="a mistake")
            await requests.withdraw_request(tx, request.request_id, asked, node.ids)
        return "withdrawn"

    async def _open_request(self, place: int) -> ApprovalRequest | None:
        async with self._db(place).reading(self.story.founder) as tx:
            return await request_store.find_open_request(tx, self.workspace.workspace_id)

    async def _workspace(self, place: int) -> GovernanceWorkspace:
        async with self._db(place).reading(self.story.founder) as tx:
            return await workspaces.get_workspace(tx, self.workspace.workspace_id)

    async def _draft(self, place: int, workspace: GovernanceWorkspace) -> BusinessDraft | None:
        if workspace.active_draft_id is None:
            return None
        async with self._db(place).reading(self.story.founder) as tx:
            return await drafts.get_draft(tx, workspace.active_draft_id)
