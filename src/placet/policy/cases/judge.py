"""One trial to its result: what was expected, what came, and why."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import assert_never

from msgspec import UNSET, UnsetType

from placet.kernel.value import Value
from placet.policy.cases.model import Expected, ExpectedCall, ExpectedReason, Outcome
from placet.policy.cases.rules import RuleTrial, answers
from placet.policy.cases.trials import CallTrial, NarrowTrial, ResponseTrial, Trial
from placet.policy.decision import Ask, Decision, Reason
from placet.policy.evaluate import evaluate, evaluate_response
from placet.policy.narrow import narrow
from placet.policy.response import CallVerdict


class Mismatch(Value, frozen=True):
    """One thing that came out otherwise, in words."""

    what: str
    expected: str
    got: str


class Result(Value, frozen=True):
    """What came of one trial; `mismatches` is empty where it passed.

    `said` are the evaluator's own words: what was decided, and each reason.
    """

    name: str
    line: int | None
    mismatches: tuple[Mismatch, ...]
    said: tuple[str, ...] = ()

    @property
    def is_passed(self) -> bool:
        """Say whether everything came out as expected."""
        return not self.mismatches


def judge(trial: Trial) -> Result:
    """Return what came of a trial."""
    match trial:
        case CallTrial():
            decision = evaluate(trial.policy, trial.facts, trial.call)
            found = list(_decision(trial.expect, decision, trial.facts.now))
            said = list(_said(decision, decision.reasons))
        case ResponseTrial():
            found, said = _response(trial)
        case NarrowTrial():
            found, said = _narrowing(trial)
        case RuleTrial():
            found, said = _rule(trial)
        case _:
            assert_never(trial)
    return Result(
        name=trial.name, line=trial.line, mismatches=tuple(found), said=tuple(said) if found else ()
    )


def verdict_of(decision: Decision) -> str:
    """Return `allow`, `deny` or `ask`."""
    return type(decision).__name__.lower()


def outcome_of(verdict: CallVerdict) -> Outcome:
    """Return what becomes of a call of a response."""
    if verdict.granted:
        return Outcome.GRANTED
    if verdict.blocked_why is not None:
        return Outcome(f"blocked:{verdict.blocked_why}")
    return Outcome.HELD if verdict.held else Outcome.AWAITS


def _decision(expect: Expected, decision: Decision, now: datetime) -> Iterator[Mismatch]:
    yield from _compare("verdict", expect.verdict, verdict_of(decision))
    yield from _compare("layer", expect.layer, decision.layer)
    codes = [str(reason.code) for reason in decision.reasons]
    yield from _compare("codes", _texts(expect.codes), codes)
    if expect.reasons is not UNSET:
        yield from _reasons(expect.reasons, decision.reasons)
    yield from _compare("rule", expect.rule, decision.rule)
    yield from _times(expect, decision.holds_from, decision.holds_until, now)
    if isinstance(decision, Ask):
        yield from _compare("all_of", expect.all_of, decision.all_of)
        yield from _compare("expires_seconds", expect.expires_seconds, decision.expires_seconds)
        yield from _compare("reason_required", expect.reason_required, decision.reason_required)


def _reasons(wanted: Sequence[ExpectedReason], got: Sequence[Reason]) -> Iterator[Mismatch]:
    yield from _compare(
        "reasons", [str(one.code) for one in wanted], [str(one.code) for one in got]
    )
    for index, (one, reason) in enumerate(zip(wanted, got, strict=False)):
        for name in ("rule", "detail", "needs"):
            what = f"reasons[{index}].{name}"
            yield from _compare(what, getattr(one, name), getattr(reason, name))


def _times(
    expect: Expected, holds_from: datetime | None, holds_until: datetime | None, now: datetime
) -> Iterator[Mismatch]:
    for name, wanted, got in (
        ("holds_from", expect.holds_from, holds_from),
        ("holds_until", expect.holds_until, holds_until),
    ):
        at = wanted if wanted is UNSET or wanted is None else now + timedelta(seconds=wanted)
        if at != got and at is not UNSET:
            yield Mismatch(what=name, expected=_at(at, now), got=_at(got, now))


def _at(at: datetime | None, now: datetime) -> str:
    return "without end" if at is None else f"{(at - now).total_seconds()} s"


def _response(trial: ResponseTrial) -> tuple[list[Mismatch], list[str]]:
    decided = evaluate_response(trial.policy, trial.facts, trial.calls)
    expect = trial.expect
    found: list[Mismatch] = []
    said: list[str] = []
    wanted = () if expect.calls is UNSET else expect.calls
    for index, (one, verdict) in enumerate(zip(wanted, decided.calls, strict=True)):
        place = f"calls[{index}]"
        found += _call(place, one, verdict)
        words = f"{place} `{verdict.tool}`: {outcome_of(verdict)}"
        said += [words, *_said(verdict.decision, verdict.reasons)]
    found += _compare("text", expect.text, decided.becomes_text)
    found += _times(expect, decided.holds_from, decided.holds_until, trial.facts.now)
    return found, said


def _call(place: str, wanted: Outcome | ExpectedCall, got: CallVerdict) -> Iterator[Mismatch]:
    if isinstance(wanted, Outcome):
        yield from _compare(place, str(wanted), str(outcome_of(got)))
        return
    yield from _compare(place, str(wanted.outcome), str(outcome_of(got)))
    yield from _compare(f"{place}.verdict", wanted.verdict, verdict_of(got.decision))
    yield from _compare(f"{place}.layer", wanted.layer, got.decision.layer)
    codes = [str(reason.code) for reason in got.reasons]
    yield from _compare(f"{place}.codes", _texts(wanted.codes), codes)
    yield from _compare(f"{place}.rule", wanted.rule, got.decision.rule)


def _narrowing(trial: NarrowTrial) -> tuple[list[Mismatch], list[str]]:
    got = narrow(trial.policy, trial.facts, trial.wanted)
    expect = trial.expect
    found: list[Mismatch] = []
    if expect.offered is not UNSET:
        found += _compare("offered", sorted(expect.offered), sorted(got.offered))
    if expect.hidden is not UNSET:
        wanted = sorted(f"{tool}: {code}" for tool, code in expect.hidden.items())
        found += _compare("hidden", wanted, sorted(f"{one.tool}: {one.code}" for one in got.hidden))
    return found, [f"`{one.tool}` is hidden: {one.detail}" for one in got.hidden]


def _rule(trial: RuleTrial) -> tuple[list[Mismatch], list[str]]:
    found: list[Mismatch] = []
    said: list[str] = []
    words = {True: "holds", False: "fails"}
    for where, answer in answers(trial):
        if isinstance(answer, bool):
            found += _compare(f"the rule on {where}", words[trial.holds], words[answer])
        else:
            found += _compare(f"the rule on {where}", words[trial.holds], verdict_of(answer))
            said += _said(answer, answer.reasons)
    return found, said


def _texts(codes: Sequence[object] | UnsetType) -> list[str] | UnsetType:
    return codes if codes is UNSET else [str(code) for code in codes]


def _compare(what: str, wanted: object, got: object) -> Iterator[Mismatch]:
    if wanted is not UNSET and wanted != got:
        yield Mismatch(what=what, expected=_words(wanted), got=_words(got))


def _words(value: object) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case list() | tuple():
            return ", ".join(_words(one) for one in value) or "none"
    return str(value)


def _said(decision: Decision, reasons: Sequence[Reason]) -> Iterator[str]:
    layer = "" if decision.layer is None else f" in layer {decision.layer}"
    yield f"{verdict_of(decision)}{layer}, by `{decision.rule}`"
    for reason in reasons:
        needs = f"; needs {reason.needs}" if reason.needs else ""
        yield f"  {reason.code} at `{reason.rule}`: {reason.detail}{needs}"
