"""Which read tells of an unknown call, and whether one that was cited counts: pure functions."""

from datetime import datetime
from typing import Final

from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.kernel.value import Value
from placet.policy.loaded import LoadedTool
from placet.policy.reconciling import LoadedReconcile, Told, read_arguments, told_by
from placet.replay.reconciliations.model import ReadFlaw, ReadRefused, ReadToAsk


class ToldRead(Value, frozen=True):
    """A call of the session that was cited as the read, as the database tells of it.

    `is_after` says that it was granted when the other call could act no more; `is_disputed` that
    its reports say different things. `told` is what was reported of the other call, for certain.
    """

    tool_name: str
    arguments: str
    output: str | None
    is_succeeded: bool
    is_after: bool
    is_attested: bool
    is_disputed: bool
    told: list[str]


def acts_until(since: datetime, until: datetime) -> datetime:
    """Return when nothing can act any more under a grant that is good from `since` to `until`.

    What began just before `until` may run for as long as the grant was good, and no longer.
    """
    return until + (until - since)


def read_to_ask(
    tool: LoadedTool | None, arguments: bytes, not_before: datetime, *, is_whole: bool
) -> ReadToAsk | None:
    """Return the read that tells of an unknown call, or None where the contract names none."""
    if tool is None or tool.reconcile is None:
        return None
    made = _arguments(tool.reconcile, arguments) if is_whole else None
    return ReadToAsk(
        tool=tool.reconcile.tool,
        arguments=None if made is None else made.decode(),
        not_before=not_before,
    )


def judge_read(tool: LoadedTool | None, arguments: bytes, read: ToldRead) -> Told | None:
    """Return what became of a call by a read, or None where it does not tell yet.

    `arguments` are those of the call. Refuses `read_refused` for a read that does not count.
    """
    if tool is None or tool.reconcile is None:
        raise _refused(ReadFlaw.NO_RULE)
    if read.tool_name != tool.reconcile.tool:
        raise _refused(ReadFlaw.TOOL)
    if _arguments(tool.reconcile, arguments) != read.arguments.encode():
        raise _refused(ReadFlaw.ARGUMENTS)
    _check_report(read)
    told = told_by(tool.reconcile, _output(read.output))
    if told is not None and set(read.told) - {told.value}:
        raise _refused(ReadFlaw.OPPOSED)
    return told


def _check_report(read: ToldRead) -> None:
    flaws = (
        (not read.is_after, ReadFlaw.TOO_EARLY),
        (not read.is_succeeded, ReadFlaw.NOT_SUCCEEDED),
        (read.is_disputed, ReadFlaw.DISPUTED),
    )
    for is_wrong, flaw in flaws:
        if is_wrong:
            raise _refused(flaw)


def _arguments(rule: LoadedReconcile, arguments: bytes) -> bytes | None:
    made = read_arguments(rule, foreign.parse(arguments))
    return None if made is None else foreign.encode(made)


def _output(text: str | None) -> Json:
    if text is None:
        raise _refused(ReadFlaw.NO_OUTPUT)
    return foreign.parse(text.encode())


def _refused(flaw: ReadFlaw) -> ReadRefused:
    return ReadRefused(detail=_WORDS[flaw], reason=flaw)


_WORDS: Final = {
    ReadFlaw.NO_RULE: "the contract names no read for calls of this tool",
    ReadFlaw.TOOL: "the contract names another read for calls of this tool",
    ReadFlaw.ARGUMENTS: "the read's arguments are not those that the contract makes of the call's",
    ReadFlaw.TOO_EARLY: "the read was granted while the call could still act",
    ReadFlaw.NOT_SUCCEEDED: "no receipt settled the read as succeeded",
    ReadFlaw.NO_OUTPUT: "the receipt of the read was sent without its output",
    ReadFlaw.DISPUTED: "what was reported of the read says different things",
    ReadFlaw.OPPOSED: "what was reported of the call itself says otherwise",
}
