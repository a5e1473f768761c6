"""One session held to two policies, and where their verdicts part."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from placet.policy.decision import Code
from placet.policy.loaded import Policy
from placet.policy.model import AggregateScope, Ruling
from placet.policy.simulation.late import leaves_any
from placet.policy.simulation.lines import Line
from placet.policy.simulation.report import CallLine
from placet.policy.simulation.run import simulate
from placet.policy.simulation.unjudged import Gaps
from placet.replay.calls.model import ReceiptStatus, Verdict
from placet.replay.recordings.lines import lines_of, outcome_of
from placet.replay.recordings.model import RecordedCall, Recording
from placet.studio.impact.model import Judgment, MissingFact, RuleLine

ARGUMENTS_GAP: Final = "its arguments are longer than what is read of a recording"
PRINCIPAL_GAP: Final = "no recording says for whom the agent acted"
_GAPS: Final = Gaps(arguments=ARGUMENTS_GAP, principal=PRINCIPAL_GAP)
_CONDITION: Final = 7

_PLAIN: Final = Judgment(verdict=Verdict.ALLOW, layer=None, reasons=[])

_LINE: Final = re.compile(r" \(step \d+\)")
"""Counts the lines that a recording was told in, which nobody sees."""

Pause = Callable[[], None]
"""Called once a call; it may raise where the time is up."""


def judge(
    policy: Policy, recording: Recording, pause: Pause, lines: Sequence[Line] | None = None
) -> dict[str, Judgment]:
    """Return the policy's verdict on each call of a session, by the call's id.

    `lines` are the recording's for this policy, where somebody has them already.
    """
    silent = _without_output(policy, recording)
    asked_at = {str(one.call_id): one.proposed_at for one in recording.calls} if silent else {}
    judged = {}
    told = lines_of(recording, policy) if lines is None else lines
    for line in simulate(policy, told, gaps=_GAPS):
        if isinstance(line, CallLine):
            pause()
            known = _known(silent, asked_at[line.call]) if silent else {}
            judged[line.call] = _judgment(policy, line, known)
    return judged


def recorded(recording: Recording) -> dict[str, Judgment]:
    """Return what was decided of each call at the time, by the call's id."""
    return {
        str(call.call_id): Judgment(
            verdict=call.verdict,
            layer=call.layer,
            reasons=[
                RuleLine(code=one.code, rule=one.rule, detail=one.detail) for one in call.reasons
            ],
        )
        for call in recording.calls
    }


def compared(
    before: Mapping[str, Judgment], after: Mapping[str, Judgment], recording: Recording
) -> Iterator[tuple[RecordedCall, Judgment, Judgment]]:
    """Yield each call of a session that counts with both verdicts, in order."""
    for call in recording.counted():
        place = str(call.call_id)
        yield call, before[place], after[place]


def missing_in(before: Judgment, after: Judgment) -> MissingFact | None:
    """Return what would have to be known to compare two verdicts, the candidate's need first."""
    return after.missing or before.missing


def _judgment(policy: Policy, line: CallLine, silent: Mapping[str, str]) -> Judgment:
    if line.verdict is Ruling.ALLOW and line.layer is None and not line.reasons:
        return _PLAIN
    missing, detail = None, None
    if line.verdict is Ruling.DENY:
        missing, detail = _missing(policy, line, silent)
    return Judgment(
        verdict=Verdict(line.verdict.value),
        layer=line.layer,
        reasons=[
            RuleLine(code=one.code.value, rule=one.rule, detail=one.detail) for one in line.reasons
        ],
        missing=missing,
        missing_detail=detail,
    )


def _missing(
    policy: Policy, line: CallLine, silent: Mapping[str, str]
) -> tuple[MissingFact | None, str | None]:
    """Return the fact that a denial lacks, and in words which."""
    match line.unjudged:
        case str() as told if told == PRINCIPAL_GAP:
            return MissingFact.PRINCIPAL, told
        case str() as told if told == ARGUMENTS_GAP:
            return MissingFact.ARGUMENTS, told
        case str() as told:
            return MissingFact.EARLIER_CALL, _LINE.sub("", told)
    if _asks_for_principal(policy, line):
        return MissingFact.PRINCIPAL, PRINCIPAL_GAP
    for name in sorted(_read_outputs(policy, line)):
        if name in silent:
            told = f"no output was kept of call `{silent[name]}` of `{name}`"
            return MissingFact.OUTPUT, told
    return None, None


def _asks_for_principal(policy: Policy, line: CallLine) -> bool:
    """Say whether a denial may rest on an attribute of somebody whom no recording names."""
    tool = policy.tools.get(line.tool)
    if tool is None:
        return False
    if line.layer == _CONDITION and tool.condition is not None:
        return "principal" in tool.condition.text
    return any(one.scope is AggregateScope.PRINCIPAL for one in tool.aggregates) and any(
        one.code is Code.AGGREGATE_MISSING for one in line.reasons
    )


def _read_outputs(policy: Policy, line: CallLine) -> set[str]:
    """Return the tools whose outputs the layer that denied a call looks at."""
    tool = policy.tools.get(line.tool)
    if tool is None:
        return set()
    match line.layer:
        case 5:
            return {
                one.tool
                for one in tool.requires
                if (one.output or any(same.is_output for same in one.same))
                and any(reason.rule.startswith(one.rule) for reason in line.reasons)
            }
        case 7:
            condition = "" if tool.condition is None else tool.condition.text
            return _binders(policy, None) if "slots" in condition else set()
        case 8:
            return _binders(policy, {one.slot for one in tool.references})
    return set()


def _binders(policy: Policy, slots: set[str] | None) -> set[str]:
    """Return the tools whose outputs fill these slots, or any."""
    return {
        tool.name
        for tool in policy.tools.values()
        if any(bind.is_output and (slots is None or bind.slot in slots) for bind in tool.binds)
    }


def _without_output(policy: Policy, recording: Recording) -> list[tuple[datetime, str, str]]:
    """Return each call that succeeded and whose output, which counts, is lost.

    With when that was known, and its tool, in the order of their times.
    """
    found = []
    for call in recording.calls:
        if call.output is not None:
            continue
        tool = policy.tools.get(call.tool_name)
        if tool is None or not leaves_any(tool):
            continue
        outcome = outcome_of(call, recording.until)
        if outcome is not None and outcome[0] is ReceiptStatus.SUCCEEDED:
            found.append((outcome[1], call.tool_name, str(call.call_id)))
    return sorted(found)


def _known(silent: list[tuple[datetime, str, str]], at: datetime) -> dict[str, str]:
    """Return the last of them of each tool that a decision at this time could rest on."""
    return {tool: call_id for known_at, tool, call_id in silent if known_at <= at}
