"""One governed call whose tool is a block of code: leave on entering, a report on leaving."""

from collections.abc import Mapping
from types import TracebackType
from uuid import UUID

from placet.kernel.foreign import Json
from placet.sdk.arguments import arguments_of
from placet.sdk.notes import Attestation, Notes
from placet.sdk.permits import Permit, last_look, obtain
from placet.sdk.reports import Ran, ended_well, fell, never_begun, noted, output_of, report
from placet.sdk.session import Session
from placet.sdk.tool import ToolContext


class OpenCall:
    """Leave to do one call now: what to do it with, and where to say how it went."""

    def __init__(self, permit: Permit) -> None:
        """Take the leave that was given."""
        self._permit = permit
        self.notes = Notes()
        self.output: str | None = None

    def __repr__(self) -> str:
        """Show the call, and neither its arguments nor its result."""
        return f"OpenCall({self._permit.context!r})"

    @property
    def context(self) -> ToolContext:
        """Return the call's id, grant and fence."""
        return self._permit.context

    @property
    def call_id(self) -> UUID:
        """Return the call's id, which is the idempotency key to hand on."""
        return self._permit.context.call_id

    @property
    def arguments(self) -> dict[str, Json]:
        """Return the arguments that were granted, as a fresh object each time."""
        return self._permit.arguments.read()

    @property
    def body(self) -> bytes:
        """Return the very bytes that were granted, to be sent to a host that hashes them."""
        return self._permit.arguments.text

    def headers(self) -> dict[str, str]:
        """Return the headers to send to the tool's host."""
        return self._permit.context.headers()

    def result(self, value: object) -> None:
        """Say what came back, which later rules may ask about; without it nothing is told.

        What is no JSON, or too large, is logged and left out.
        """
        self.output = output_of(value)

    def tell(
        self,
        *,
        external_ref: str | None = None,
        cost_micros: int | None = None,
        attestation: Attestation | Mapping[str, object] | None = None,
    ) -> None:
        """Say what is known beside the result, as `notes.tell` does inside a tool."""
        self.notes.tell(external_ref=external_ref, cost_micros=cost_micros, attestation=attestation)


class Calling:
    """A call that is asked for on entering and reported on leaving. Made by `Session.call`.

    Entering raises `CallBlocked`, `ApprovalPending`, `GrantRefused`, `OutboxFull`, `LeaseLost` and
    the service's refusals; then the block does not run and nothing is left open by this process.
    Leaving reports a success, or what the exception says of the effect, by the same rules as for a
    tool, and the exception goes on.
    """

    def __init__(self, session: Session, tool: str, arguments: Mapping[str, object]) -> None:
        """Take the tool's name in the contract and its arguments by name; nothing is sent yet.

        Raises `ForeignJsonError` for a value that JSON does not have.
        """
        self._session = session
        self._tool = tool
        self._arguments = arguments_of(dict(arguments))
        self._is_used = False
        self._permit: Permit | None = None
        self._call: OpenCall | None = None
        self._started_at = session.means.clock.now()

    def __repr__(self) -> str:
        """Show the tool and the hash of its arguments."""
        return f"Calling({self._tool!r}, {self._arguments!r})"

    async def __aenter__(self) -> OpenCall:
        """Ask for leave and return it. A call is asked for once."""
        if self._is_used:
            message = "a call is entered once; ask the session for another"
            raise RuntimeError(message)
        self._is_used = True
        permit = await obtain(self._session, self._tool, self._arguments)
        self._started_at = self._session.means.clock.now()
        try:
            if permit.is_reported:
                await self._session.note_handed_out(permit.context.call_id)
            last_look(self._session, permit)
        except BaseException:
            if permit.is_reported and permit.is_ours:
                await self._report(permit, never_begun(self._started_at))
            self._session.expect_none(permit.context.call_id)
            raise
        self._permit, self._call = permit, OpenCall(permit)
        return self._call

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Report how it ended. The report is sent whatever becomes of the task meanwhile."""
        permit, call = self._permit, self._call
        if permit is None or call is None or not permit.is_reported:
            return
        now = self._session.means.clock.now()
        if fault is None:
            ran = ended_well(call.output, self._started_at, now)
        else:
            ran = fell(fault, self._started_at, now, is_grave=permit.is_grave)
        await self._report(permit, noted(ran, call.notes))

    async def _report(self, permit: Permit, ran: Ran) -> None:
        await report(self._session, permit.subject, ran)
