"""Tells the service what this process runs, beside the work and never in its way.

A report says how the last attach went, under which hash, and which tools are offered to the model.
It goes out in the background: at an attach and when one failed, soon after another tool was seen,
and every five minutes while a session is held. Reports that come together go as one, and one that
would say the same as the last does not go out. What cannot be told is tried again, less and less
often; nothing here raises and nothing waits for it, but the last report of a session that is left
is given half a second.
"""

import asyncio
import contextlib
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from placet import __version__
from placet.kernel import foreign
from placet.kernel.hashing import plain_sha256
from placet.kernel.refusals import GovernanceUnavailable, NotFound, Refusal, Unavailable
from placet.plans.attachments.model import AttachmentStatus, ReportAttachment
from placet.plans.inventory.model import SCHEMA_BYTES_MAX, TOOLS_MAX, OfferedTool
from placet.replay.sessions.refusals import ArtifactDoubtful, NoAuthority
from placet.sdk.caller import Ask, Caller
from placet.sdk.retry import Patience

PERIOD_SECONDS: Final = 300.0
SOON_SECONDS: Final = 2.0
LAST_SECONDS: Final = 0.5
PAUSE_SECONDS_MAX: Final = 60.0
ATTEMPTS_ALONE: Final = 6
"""How often a report is tried where no session is held: for about a minute."""

_ONCE: Final = Patience(total=0.0, attempt=5.0)
_NAME_MAX: Final = 128
_INSTANCE: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_SCHEMAS: Final = ("parameters", "input_schema", "inputSchema")
_LOG: Final = logging.getLogger("placet.sdk")


class Telling:
    """What one process says of itself. For one event loop; every method is quick."""

    def __init__(self, caller: Caller, instance: str, *, is_on: bool = True) -> None:
        """Take a caller, this process's name, and whether anything is told at all."""
        self._caller = caller
        self._instance = instance_of(instance)
        self._is_on = is_on
        self._status = AttachmentStatus.ATTACHMENT_FAILED
        self._hash: str | None = None
        self._reason: str | None = None
        self._tools: dict[str, OfferedTool] = {}
        self._held = 0
        self._is_owed = False
        self._is_urgent = False
        self._fresh_until = float("-inf")
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        """Show what was last said."""
        return f"Telling({self._instance!r}, {self._status.value}, tools={len(self._tools)})"

    def attached(self, compiled_hash: str | None) -> None:
        """Say that a session is held from now on."""
        self._held += 1
        self._say(AttachmentStatus.ATTACHED, compiled_hash, None)

    def failed(self, refusal: Refusal) -> None:
        """Say why none could be held; while another one is, the process runs under that."""
        if self._held > 0:
            return
        self._say(status_of(refusal), None, refusal.code())

    def saw(self, names: Iterable[str]) -> None:
        """Note that tools of these names are offered to a model, of which no more is known."""
        for name in names:
            if name not in self._tools and 0 < len(name) <= _NAME_MAX:
                self._know(OfferedTool(name=name))

    def offer(self, definitions: Sequence[object]) -> None:
        """Note the tools that are offered to a model, with their schemas, as it is given them."""
        for definition in definitions:
            try:
                tool = offered_tool(definition)
            except Exception:  # noqa: BLE001 -- a definition is anybody's object, and may raise
                tool = None
            if tool is None:
                _LOG.warning("a tool's definition has no name that can be told: it is left out")
            elif self._tools.get(tool.name) != tool:
                self._know(tool)

    async def left(self) -> None:
        """Say that a session is not held any more; the last one ends the reports."""
        self._held -= 1
        if self._held <= 0:
            await self.stop()

    async def stop(self) -> None:
        """End the reports, after one that is owed and can be sent at once."""
        task, self._task = self._task, None
        if task is None or task.done():
            return
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if self._is_owed:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._tell(), LAST_SECONDS)

    def _know(self, tool: OfferedTool) -> None:
        if len(self._tools) >= TOOLS_MAX and tool.name not in self._tools:
            return
        self._tools[tool.name] = tool
        self._is_owed = True
        self._wake()

    def _say(self, status: AttachmentStatus, compiled_hash: str | None, why: str | None) -> None:
        said = self._status, self._hash, self._reason
        self._status, self._hash, self._reason = status, compiled_hash, why
        if said != (status, compiled_hash, why) or self._seconds_left() <= 0:
            self._is_owed = self._is_urgent = True
        self._wake(begins=True)

    def _seconds_left(self) -> float:
        """Return for how long the last report that arrived is fresh."""
        return self._fresh_until - self._caller.clock.monotonic()

    def _wake(self, *, begins: bool = False) -> None:
        self._changed.set()
        if self._is_on and begins and (self._task is None or self._task.done()):
            # Of this loop: the one before may have been another's.
            self._changed = asyncio.Event()
            self._task = asyncio.create_task(self._go_on())

    async def _go_on(self) -> None:
        failed = 0
        while True:
            self._changed.clear()
            if self._is_owed or self._seconds_left() <= 0:
                failed = 0 if await self._tell() else failed + 1
            if not self._held and (failed >= ATTEMPTS_ALONE or not (failed or self._is_owed)):
                return
            if failed:
                await asyncio.sleep(min(2.0**failed, PAUSE_SECONDS_MAX))
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), self._seconds_left())
                if not self._is_urgent:
                    await asyncio.sleep(SOON_SECONDS)

    async def _tell(self) -> bool:
        """Send one report, and return whether there is nothing more to be hoped for."""
        told_of = self._is_owed, self._is_urgent
        self._is_owed = self._is_urgent = False
        tools = list(self._tools.values()) or None
        try:
            try:
                await self._send(tools)
            except Unavailable:
                raise
            except Refusal:
                if tools is None:
                    raise
                await self._send_less(tools)
        except Unavailable as refusal:
            self._is_owed, self._is_urgent = told_of
            _LOG.debug("what this process runs could not be told: %s", refusal)
            return False
        except Exception as fault:  # noqa: BLE001 -- nothing that is told may end an agent
            _LOG.info("what this process runs was not taken: %s", fault)
        except asyncio.CancelledError:
            self._is_owed, self._is_urgent = told_of
            raise
        self._fresh_until = self._caller.clock.monotonic() + PERIOD_SECONDS
        return True

    async def _send_less(self, tools: list[OfferedTool]) -> None:
        """Send what is left without what was perhaps refused: no schema hides a tool's name."""
        bare = [msgspec.structs.replace(tool, input_schema=None) for tool in tools]
        try:
            await self._send(bare)
        except Unavailable:
            raise
        except Refusal:
            await self._send(None)

    async def _send(self, tools: list[OfferedTool] | None) -> None:
        report = ReportAttachment(
            instance_id=self._instance,
            status=self._status,
            sdk_version=f"placet-python/{__version__}",
            compiled_hash=self._hash,
            reason=self._reason,
            tools=tools,
        )
        body = msgspec.Raw(msgspec.json.encode(report))
        await self._caller.hear(
            Ask(method="POST", path="/governance/attachments", body=body), _ONCE
        )


def status_of(refusal: Refusal) -> AttachmentStatus:
    """Return what a failed attach is reported as."""
    match refusal:
        case GovernanceUnavailable():
            return AttachmentStatus.FETCH_FAILED
        case NoAuthority() | NotFound():
            return AttachmentStatus.NO_PLAN
        case ArtifactDoubtful():
            return AttachmentStatus.ARTIFACT_INVALID
        case _:
            return AttachmentStatus.ATTACHMENT_FAILED


def instance_of(holder: str) -> str:
    """Return the name of a process that the service takes: the holder's own where it can."""
    if _INSTANCE.fullmatch(holder):
        return holder
    return f"sdk-{plain_sha256(holder.encode(errors='surrogatepass')).hex()[:32]}"


def offered_tool(definition: object) -> OfferedTool | None:
    """Return a tool as a model is given it: a chat completion's, a message's, or an MCP tool.

    None for what has no name. A schema that cannot be told is left out.
    """
    inner = _part(definition, "function") or definition
    name = _part(inner, "name")
    if not isinstance(name, str) or not 0 < len(name) <= _NAME_MAX:
        return None
    text = _part(inner, "description")
    described = text.encode(errors="replace") if isinstance(text, str) else None
    schema = next((found for key in _SCHEMAS if (found := _part(inner, key)) is not None), None)
    return OfferedTool(
        name=name,
        description_hash=None if described is None else plain_sha256(described).hex(),
        input_schema=_schema(schema),
    )


def _part(whole: object, name: str) -> object:
    return whole.get(name) if isinstance(whole, Mapping) else getattr(whole, name, None)


def _schema(schema: object) -> dict[str, object] | bool | None:
    if isinstance(schema, bool):
        return schema
    if not isinstance(schema, Mapping):
        return None
    plain: dict[str, object] = dict(schema)
    try:
        fits = len(foreign.encode(plain)) <= SCHEMA_BYTES_MAX  # type: ignore[arg-type]  # what is no JSON is refused
    except (foreign.ForeignJsonError, TypeError, ValueError, RecursionError):
        return None
    return plain if fits else None
