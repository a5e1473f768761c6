"""What all the calls of a window come to."""

import dataclasses
from collections import Counter
from collections.abc import Collection
from uuid import UUID

from msgspec import structs

from placet.policy.needs import Need
from placet.replay.calls.model import Verdict
from placet.replay.recordings.model import RecordedCall
from placet.studio.impact.comparing import missing_in
from placet.studio.impact.examples import Redactions, erased, example_of
from placet.studio.impact.messages import FlipPart, Part, UnjudgedPart
from placet.studio.impact.model import (
    EXAMPLES_MAX,
    TOOLS_MAX,
    Example,
    Flip,
    FlipCount,
    ImpactPreview,
    ImpactReport,
    ImpactSummary,
    Judgment,
    MissingFact,
    ToolCount,
    Unjudged,
    VerdictCounts,
)


@dataclasses.dataclass(slots=True)
class _Kind:
    """The calls of one kind: how many of each tool, and the first few."""

    tools: Counter[str] = dataclasses.field(default_factory=Counter)
    examples: list[Example] = dataclasses.field(default_factory=list)

    def take(self, more: FlipPart | UnjudgedPart) -> None:
        """Add calls that come after these."""
        self.tools.update(more.tools)
        self.examples += more.examples[: EXAMPLES_MAX - len(self.examples)]

    def counted(self) -> list[ToolCount]:
        """Return the tools with the most calls, and the others together."""
        ranked = sorted(self.tools.items(), key=lambda item: (-item[1], item[0]))
        told = [ToolCount(tool=name, calls=calls) for name, calls in ranked[:TOOLS_MAX]]
        if rest := sum(calls for _, calls in ranked[TOOLS_MAX:]):
            told.append(ToolCount(tool=None, calls=rest))
        return told


class Tally:
    """Counts calls as they are compared."""

    def __init__(self, redactions: Redactions) -> None:
        """Begin with none; examples are shown without `redactions`."""
        self._redactions = redactions
        self._same = 0
        self._before: Counter[Verdict] = Counter()
        self._after: Counter[Verdict] = Counter()
        self._flips: dict[tuple[Verdict, Verdict], _Kind] = {}
        self._unjudged: dict[MissingFact, _Kind] = {}

    def add(self, call: RecordedCall, before: Judgment, after: Judgment) -> None:
        """Count one call: once, as the same, as a flip, or as one that cannot be judged."""
        self._before[before.verdict] += 1
        self._after[after.verdict] += 1
        if (missing := missing_in(before, after)) is not None:
            kind = self._unjudged.setdefault(missing, _Kind())
        elif before.verdict is after.verdict:
            self._same += 1
            return
        else:
            kind = self._flips.setdefault((before.verdict, after.verdict), _Kind())
        kind.tools[call.tool_name] += 1
        if len(kind.examples) < EXAMPLES_MAX:
            kind.examples.append(example_of(call, before, after, self._redactions))

    def part(self) -> Part:
        """Return what was counted, to be added elsewhere."""
        return Part(
            same=self._same,
            before=_counts(self._before),
            after=_counts(self._after),
            flips=[
                FlipPart(before=before, after=after, tools=kind.tools, examples=kind.examples)
                for (before, after), kind in self._flips.items()
            ],
            unjudged=[
                UnjudgedPart(missing=missing, tools=kind.tools, examples=kind.examples)
                for missing, kind in self._unjudged.items()
            ],
        )

    def take(self, part: Part) -> None:
        """Add what was counted elsewhere, of calls that come after those counted so far."""
        self._same += part.same
        for known, more in ((self._before, part.before), (self._after, part.after)):
            known.update({verdict: getattr(more, verdict.value) for verdict in Verdict})
        for flip in part.flips:
            self._flips.setdefault((flip.before, flip.after), _Kind()).take(flip)
        for one in part.unjudged:
            self._unjudged.setdefault(one.missing, _Kind()).take(one)

    def report(
        self, *, sessions: int, calls: int, is_truncated: bool, unrecorded: list[Need]
    ) -> ImpactReport:
        """Return everything that was counted; what narrows most stands first."""
        return ImpactReport(
            sessions=sessions,
            calls=calls,
            is_truncated=is_truncated,
            same=self._same,
            before=_counts(self._before),
            after=_counts(self._after),
            flips=[
                Flip(
                    before=before,
                    after=after,
                    calls=kind.tools.total(),
                    tools=kind.counted(),
                    examples=kind.examples,
                )
                for before in Verdict
                for after in Verdict
                if (kind := self._flips.get((before, after))) is not None
            ],
            unjudged=[
                Unjudged(
                    missing=missing,
                    calls=kind.tools.total(),
                    tools=kind.counted(),
                    examples=kind.examples,
                )
                for missing in MissingFact
                if (kind := self._unjudged.get(missing)) is not None
            ],
            unrecorded=unrecorded,
        )


def flip_counts(report: ImpactReport) -> list[FlipCount]:
    """Return the flips of a report in numbers."""
    return [FlipCount(before=one.before, after=one.after, calls=one.calls) for one in report.flips]


def unjudged_count(report: ImpactReport) -> int:
    """Return how many calls of a report cannot be judged."""
    return sum(one.calls for one in report.unjudged)


def sessions_of(report: ImpactReport) -> set[UUID]:
    """Return the sessions of which a report shows calls."""
    kinds: list[Flip | Unjudged] = [*report.flips, *report.unjudged]
    return {each.session_id for kind in kinds for each in kind.examples}


def without_erased(report: ImpactReport, sessions: Collection[UUID]) -> ImpactReport:
    """Return a report whose examples of these sessions tell nothing of what was said."""
    if not sessions:
        return report

    def left(examples: list[Example]) -> list[Example]:
        return [erased(one) if one.session_id in sessions else one for one in examples]

    return structs.replace(
        report,
        flips=[structs.replace(one, examples=left(one.examples)) for one in report.flips],
        unjudged=[structs.replace(one, examples=left(one.examples)) for one in report.unjudged],
    )


def summary_of(preview: ImpactPreview, report: ImpactReport) -> ImpactSummary:
    """Return a preview in numbers."""
    return ImpactSummary(
        impact_id=preview.impact_id,
        compared_with=preview.compared_with,
        against_hash=preview.against_hash,
        since=preview.since,
        until=preview.until,
        sessions=report.sessions,
        calls=report.calls,
        is_truncated=report.is_truncated,
        same=report.same,
        flips=flip_counts(report),
        unjudged=unjudged_count(report),
        unrecorded=report.unrecorded,
        report_hash=preview.report_hash,
    )


def _counts(found: Counter[Verdict]) -> VerdictCounts:
    return VerdictCounts(
        allow=found[Verdict.ALLOW], deny=found[Verdict.DENY], ask=found[Verdict.ASK]
    )
