"""What a worker computes: a material is loaded once, and then batch after batch is held to it."""

from collections.abc import Mapping

from placet.replay.recordings.lines import lines_of, read_outputs
from placet.replay.recordings.model import Recording
from placet.studio.impact import comparing, sides
from placet.studio.impact.messages import Held, Material, Part, Ready, Verdicts, Which
from placet.studio.impact.model import Judgment
from placet.studio.impact.report import Tally


class Judge:
    """Both sides of a comparison, and what one of them said while the other is waited for."""

    def __init__(self, material: Material) -> None:
        """Compile and load. Refuses `candidate_invalid`."""
        candidate, live = sides.candidate_side(material.snapshot), material.in_force
        before = None if live is None else sides.authority_side(live.compiled_hash, live.runtime)
        runtimes = [*material.redacting, candidate.runtime]
        if before is not None:
            runtimes.append(before.runtime)
        self._candidate, self._before = candidate, before
        self._is_same = before is not None and before.compiled_hash == candidate.compiled_hash
        self._is_told_alike = before is not None and (
            read_outputs(before.policy) == read_outputs(candidate.policy)
        )
        self._redactions = sides.redacted_by(runtimes)
        self._held: tuple[list[Recording], Mapping[str, Judgment]] = ([], {})

    @property
    def ready(self) -> Ready:
        """Return what was loaded."""
        return Ready(
            candidate_hash=self._candidate.compiled_hash,
            is_against=self._before is not None,
            is_same=self._is_same,
            unrecorded=sides.unrecorded_of(self._candidate),
        )

    def judge(self, recordings: list[Recording], which: Which) -> Part | Held | Verdicts:
        """Return what recordings come to, or what one side alone says of them.

        Verdicts of the candidate alone are held until those of the other side are given.
        """
        match which:
            case Which.BOTH:
                return self.part(recordings)
            case Which.CANDIDATE:
                self._held = recordings, _verdicts(self._candidate, recordings)
                return Held()
            case Which.IN_FORCE:
                return Verdicts(judgments=_verdicts(self._before, recordings))

    def join(self, before: Verdicts) -> Part:
        """Compare what is held with the other side's verdicts."""
        (recordings, after), self._held = self._held, ([], {})
        tally = Tally(self._redactions)
        for one in recordings:
            for call, left, right in comparing.compared(before.judgments, after, one):
                tally.add(call, left, right)
        return tally.part()

    def part(self, recordings: list[Recording]) -> Part:
        """Return what recordings come to."""
        tally = Tally(self._redactions)
        for one in recordings:
            before, after = self._both(one)
            for call, left, right in comparing.compared(before, after, one):
                tally.add(call, left, right)
        return tally.part()

    def _both(self, recording: Recording) -> tuple[Mapping[str, Judgment], Mapping[str, Judgment]]:
        """Return what was in force or was decided, and what the candidate says."""
        lines = lines_of(recording, self._candidate.policy)
        after = comparing.judge(self._candidate.policy, recording, _go_on, lines)
        if self._before is None:
            return comparing.recorded(recording), after
        if self._is_same:
            return after, after
        told = lines if self._is_told_alike else None
        return comparing.judge(self._before.policy, recording, _go_on, told), after


def _verdicts(side: sides.Side | None, recordings: list[Recording]) -> dict[str, Judgment]:
    judged: dict[str, Judgment] = {}
    if side is None:
        return judged
    for one in recordings:
        judged.update(comparing.judge(side.policy, one, _go_on))
    return judged


def _go_on() -> None:
    """Let the work go on: who waits for a worker ends it when the time is up."""
