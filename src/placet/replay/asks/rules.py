"""What people are shown of a call that waits, and what is hidden from them: pure functions."""

import dataclasses
from collections.abc import Sequence
from typing import Final

from placet.kernel import foreign
from placet.kernel.canonical import canonical
from placet.kernel.foreign import Json
from placet.kernel.hashing import Digest, digest
from placet.policy.loaded import Policy
from placet.policy.model import Checkpoint
from placet.policy.paths import Every, Part, Path
from placet.replay.asks.model import AskView, CallBeside, EditedFrom, RedactedValue
from placet.replay.calls.model import CallStatus, ReplayPendingCall
from placet.replay.sessions.model import ReplaySession

VIEW_KIND: Final = "placet.ask.v1"
REDACTED: Final = "[redacted]"


def checkpoint_of(policy: Policy, tool: str) -> Checkpoint:
    """Return who must say yes to a call of this tool that is asked about, and until when."""
    known = policy.tools.get(tool)
    return (known and known.checkpoint) or Checkpoint()


def is_redacted(policy: Policy, call: ReplayPendingCall) -> bool:
    """Tell whether a view of this call hides anything, and so needs a salt."""
    known = policy.tools.get(call.tool_name)
    if known is None or not known.redacted:
        return False
    _, hidden = redact(known.redacted, foreign.parse(call.arguments), b"")
    return bool(hidden)


def view_of(  # noqa: PLR0913, PLR0917 -- a call, where it stands, and what it came from
    policy: Policy,
    session: ReplaySession,
    call: ReplayPendingCall,
    step: Sequence[ReplayPendingCall],
    salt: bytes,
    edited: EditedFrom | None = None,
) -> AskView:
    """Return what is shown of a call that waits. `step` are all calls of its step, in order.

    `salt` is the one of the event that proposed the call; it matters where something is redacted.
    `edited` tells in whose place it came, if in any's.
    """
    assert call.deadline_at is not None, "an ask has a deadline"  # noqa: S101 -- propose_v1 sets it
    tool = policy.tools.get(call.tool_name)
    people = checkpoint_of(policy, call.tool_name)
    paths = () if tool is None else tool.redacted
    arguments, hidden = redact(paths, foreign.parse(call.arguments), salt)
    return AskView(
        kind=VIEW_KIND,
        tenant_id=session.tenant_id,
        session_id=session.session_id,
        agent=session.agent,
        environment=session.environment,
        artifact_hash=session.compiled_session_hash,
        step=call.step_id,
        call_id=call.call_id,
        tool_call_id=call.tool_call_id,
        tool=call.tool_name,
        server=None if tool is None else tool.server,
        side_effect=None if tool is None else tool.side_effect,
        arguments=foreign.encode(arguments).decode(),
        arguments_hash=call.arguments_hash.hex(),
        redacted=hidden,
        reasons=call.reasons,
        beside=[
            _beside(other)
            for other in step
            if other.call_id != call.call_id and other.status is not CallStatus.SUPERSEDED
        ],
        all_of=list(people.all_of),
        reason_required=people.reason_required,
        proposed_at=call.proposed_at,
        deadline=call.deadline_at,
        edited=edited,
    )


def view_bytes(view: AskView) -> bytes:
    """Return the one form of a view: what a voter is sent, and what is hashed."""
    return canonical(view)


def hash_view(data: bytes) -> Digest:
    """Return the hash of a view's bytes, which a vote names."""
    return digest("ask_view", data)


def redact(paths: Sequence[Path], document: Json, salt: bytes) -> tuple[Json, list[RedactedValue]]:
    """Return a document without what stands at these paths, and what was taken out of it."""
    shown = _Shown(document, salt)
    # The longest first: a path under another one is told of by itself, before that one hides it.
    for path in sorted(paths, key=lambda path: -len(path.parts)):
        shown.document = shown.hide(path.parts, shown.document, "")
    return shown.document, shown.hidden


def _beside(call: ReplayPendingCall) -> CallBeside:
    return CallBeside(
        call_id=call.call_id,
        tool=call.tool_name,
        verdict=call.verdict,
        arguments_hash=call.arguments_hash.hex(),
    )


@dataclasses.dataclass(slots=True)
class _Shown:
    """A document on its way to being shown, and what was taken out of it."""

    document: Json
    salt: bytes
    hidden: list[RedactedValue] = dataclasses.field(default_factory=list)

    def hide(self, parts: tuple[Part, ...], here: Json, pointer: str) -> Json:
        """Return `here` without what stands at `parts` in it; `pointer` is where `here` stands."""
        if not parts:
            return here if here == REDACTED else self._hidden(here, pointer)
        part, rest = parts[0], parts[1:]
        match part, here:
            case str(), dict() if part in here:
                step = part.replace("~", "~0").replace("/", "~1")
                return {**here, part: self.hide(rest, here[part], f"{pointer}/{step}")}
            case int(), list() if part < len(here):
                inner = self.hide(rest, here[part], f"{pointer}/{part}")
                return [*here[:part], inner, *here[part + 1 :]]
            case Every(), list():
                return [self.hide(rest, one, f"{pointer}/{n}") for n, one in enumerate(here)]
        return here

    def _hidden(self, value: Json, pointer: str) -> Json:
        hashed = digest("redacted", self.salt, pointer.encode(), b"\x00", foreign.encode(value))
        self.hidden.append(RedactedValue(pointer=pointer, hash=hashed.hex()))
        return REDACTED
