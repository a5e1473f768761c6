"""Preflight: bind a model request to the session before money is spent on it."""

from typing import Final
from uuid import UUID

import msgspec

from placet.kernel.value import Value
from placet.policy.narrow import narrow
from placet.replay.calls import store
from placet.replay.calls.answers import Prepared, PrepareRequest
from placet.replay.calls.events import RequestPrepared
from placet.replay.calls.memory import Known
from placet.replay.calls.model import HiddenTool, ModelRequest, Narrowing
from placet.replay.calls.runtime import ATTEMPTS, COLD, Runtime
from placet.replay.calls.writes import Caller, Decided, PreflightWrite
from placet.replay.sessions.binding import encode_binding
from placet.replay.sessions.codes import STALE, refusal
from placet.replay.sessions.model import SessionMode

PREPARED_SECONDS: Final = 600
_NOTHING: Final = Narrowing(tools=[], hidden=[])


class Narrowed(Value, frozen=True):
    """Which tools could pass, and the version of the facts that tell so."""

    narrowing: Narrowing
    decided: Decided


async def prepare_request(runtime: Runtime, caller: Caller, asked: PrepareRequest) -> Prepared:
    """Return a prepared request and which of the offered tools could pass now."""
    known = runtime.find(caller.key, caller.session_id)
    for _ in range(ATTEMPTS):
        narrowed = await narrow_tools(runtime, known, asked)
        write = preflight_write(runtime, asked, narrowed.narrowing, runtime.ids.new())
        row = await store.prepare(runtime.db.hot, caller, narrowed.decided, write)
        if row["code"] == "redo":
            known = runtime.learn(caller.key, caller.session_id, row["facts"], known)
            continue
        if row["code"] != "ok":
            raise refusal(row["code"])
        return Prepared(
            prepared_request_id=write.prepared_request_id,
            request_seq=row["request_seq"],
            request_hash=asked.request_hash,
            expires_at=row["expires_at"],
            tools=narrowed.narrowing.tools,
            hidden=narrowed.narrowing.hidden,
            state_version=row["state_version"],
            control_revision=row["control_revision"],
            binding=encode_binding(caller.holder, caller.fence.epoch, caller.fence.n),
        )
    raise refusal(STALE)


def preflight_write(
    runtime: Runtime, asked: PrepareRequest, narrowing: Narrowing, prepared_id: UUID
) -> PreflightWrite:
    """Return everything that is written when a request is prepared under this id."""
    said = RequestPrepared(
        prepared_request_id=prepared_id,
        request_hash=asked.request_hash,
        model=asked.model,
        offered_tools=asked.offered_tools,
        tools=narrowing.tools,
        hidden=[hidden.tool for hidden in narrowing.hidden],
    )
    return PreflightWrite(
        prepared_request_id=prepared_id,
        request_hash=bytes.fromhex(asked.request_hash),
        request=_text(ModelRequest(model=asked.model, offered_tools=asked.offered_tools)),
        narrowing=_text(narrowing),
        ttl_seconds=PREPARED_SECONDS,
        event=runtime.event(said),
    )


async def narrow_tools(runtime: Runtime, known: Known | None, asked: PrepareRequest) -> Narrowed:
    """Return which of the offered tools could pass on these facts, and what that was decided on."""
    if known is None:
        return Narrowed(narrowing=_NOTHING, decided=Decided(version=COLD))
    pinned = await runtime.pinned(known)
    decided = Decided(version=known.state_version, tools_told=known.tools_told)
    found = narrow(
        pinned.policy, known.facts(pinned.policy, runtime.now()), asked.offered_tools or None
    )
    tools = list(found.offered)
    if known.mode is SessionMode.SHADOW:
        # It records what it would have hidden, and hides nothing.
        tools = asked.offered_tools or sorted(pinned.policy.tools)
    narrowing = Narrowing(
        tools=tools,
        hidden=[
            HiddenTool(tool=hidden.tool, code=str(hidden.code), detail=hidden.detail)
            for hidden in found.hidden
        ],
    )
    return Narrowed(narrowing=narrowing, decided=decided)


def _text(value: Value) -> str:
    return msgspec.json.encode(value).decode()
