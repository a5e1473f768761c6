"""Which questions a draft raises, and which answers are taken."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias, cast

from msgspec.structs import replace

from placet.kernel import foreign
from placet.kernel.canonical import canonical
from placet.kernel.foreign import Json
from placet.kernel.hashing import digest
from placet.kernel.value import Value
from placet.policy.finding import Finding, Severity
from placet.policy.paths import PathError, parse_path
from placet.studio.drafts.grounds.model import ReopenJudgment, ResolveJudgment
from placet.studio.drafts.model import BusinessCommand
from placet.studio.drafts.places import Document, place
from placet.studio.drafts.replaying import replay
from placet.studio.drafts.rules import read_document
from placet.studio.drafts.standing import Said
from placet.studio.judgments.model import (
    Judgment,
    JudgmentAnswered,
    JudgmentNotFound,
    JudgmentOpen,
    JudgmentStatus,
    ReasonRequired,
)
from placet.studio.sources.model import NamedTool

ID_CHARACTERS: Final = 16
_ORDER: Final = (Severity.BLOCKER, Severity.ADVISORY)
_NO_CEILING: Final = "no_ceiling"
_CEILINGS: Final = ("limits", "aggregates", "envelopes")
"""The parts of a session that bound what a tool can do in all."""

_Unit: TypeAlias = tuple[str, Json]


class _Question(Value, frozen=True):
    """What a judgment's id is made of."""

    code: str
    severity: Severity
    place: str
    path: str | None
    message: str
    subject: str


def judgments_of(
    document: Document,
    findings: Iterable[Finding],
    named: Iterable[NamedTool],
    answers: Mapping[str, Said],
) -> list[Judgment]:
    """Return every question about a contract with its answer, blockers first, then by place.

    `named` are the tools that the draft's sources name, `answers` the given ones by judgment id.
    """
    asked = [*_found(document, findings), *_named(document, named)]
    hashes = _hashes(document, asked)
    answered = (
        _answered(one, subject_hash, answers)
        for (one, _), subject_hash in zip(asked, hashes, strict=True)
    )
    judged = {each.judgment_id: each for each in answered}
    return sorted(
        judged.values(),
        key=lambda one: (_ORDER.index(one.severity), one.place, one.code, one.judgment_id),
    )


class Answers:
    """The answers to judgments, and those that fell since what they are about has changed.

    What was changed and changed back was not what the answer is about in between, and nobody
    looked at it again.
    """

    def __init__(self, judgments: Sequence[Judgment], first: Document) -> None:
        """Begin with the contract before the first command that will be followed."""
        self._judgments = judgments
        self._contract = first
        self._given = {one.answer.command_id: one for one in judgments if one.answer}
        self._watched: dict[str, tuple[Judgment, list[Json]]] = {}
        self._fallen: set[str] = set()

    def follow(self, commands: Iterable[BusinessCommand]) -> None:
        """Replay the next commands. They make the contract as it was at every version."""
        for command in commands:
            self._contract = replay(self._contract, read_document(command.payload_json))
            units = _units(self._contract)
            for judgment_id, (judgment, held) in self._watched.items():
                if not _is_same(held, _subjects(judgment, units)):
                    self._fallen.add(judgment_id)
            for judgment_id in self._fallen:
                self._watched.pop(judgment_id, None)
            if answered := self._given.get(command.command_id):
                self._watched[answered.judgment_id] = answered, _subjects(answered, units)

    def judgments(self) -> list[Judgment]:
        """Return the judgments without the answers that fell."""
        return [
            replace(one, status=JudgmentStatus.OPEN, answer=None)
            if one.judgment_id in self._fallen
            else one
            for one in self._judgments
        ]


def decide_answer(
    judgments: Sequence[Judgment], command: ResolveJudgment | ReopenJudgment, reason: str | None
) -> Document:
    """Return what a command on a judgment is kept with.

    Refuses `reason_required`, `judgment_not_found`, `judgment_answered` and `judgment_open`.
    """
    if reason is None:
        raise ReasonRequired(detail="an answer to a judgment says why")
    found = [one for one in judgments if one.judgment_id == command.judgment_id]
    if not found:
        raise JudgmentNotFound(detail="the draft raises no judgment with this id")
    (judgment,) = found
    is_resolving = isinstance(command, ResolveJudgment)
    if is_resolving and judgment.status is JudgmentStatus.RESOLVED:
        raise JudgmentAnswered(detail="the judgment is resolved")
    if not is_resolving and judgment.status is JudgmentStatus.OPEN:
        raise JudgmentOpen(detail="the judgment is not resolved")
    return {
        "code": judgment.code,
        "severity": judgment.severity.value,
        "place": judgment.place,
        "message": judgment.message,
    }


def _hashes(document: Document, asked: Sequence[tuple[Judgment, Json]]) -> Iterator[str]:
    """Yield the hash of what each question is about."""
    hashes: dict[int, bytes] = {}
    session = cast("Document", document.get("session", {}))
    ceilings = _hash([session.get(part) for part in _CEILINGS])
    for judgment, subject in asked:
        # Each subject once: many questions are about the same tool, which may be large.
        if id(subject) not in hashes:
            hashes[id(subject)] = _hash(subject)
        own = hashes[id(subject)]
        is_capped_elsewhere = judgment.code == _NO_CEILING
        yield (digest("judgment_ceiling", own, ceilings) if is_capped_elsewhere else own).hex()


def _hash(subject: Json) -> bytes:
    return digest("judgment_subject", foreign.encode(subject))


def _found(document: Document, findings: Iterable[Finding]) -> Iterator[tuple[Judgment, Json]]:
    for finding in findings:
        if finding.severity is Severity.ERROR:
            continue
        at, subject = _unit(document, finding.path)
        yield _judgment(finding, at, finding.path), subject


def _named(document: Document, named: Iterable[NamedTool]) -> Iterator[tuple[Judgment, Json]]:
    tools = {cast("str", tool["tool"]): tool for tool in _tools(document)}
    for one in named:
        tool = tools.get(one.name)
        if tool is None:
            finding = _advisory(
                "unmapped_tool",
                f"the sources name the tool `{one.name}`, and the contract does not",
                "give it a contract, or say why it needs none",
            )
        elif one.called and tool.get("decision") == "deny":
            finding = _advisory(
                "observed_but_denied",
                f"the sources call the tool `{one.name}`, and the contract denies it",
                "say that those calls are to end, or allow the tool",
            )
        else:
            continue
        yield _judgment(finding, place("tools", one.name), None), tool


def _advisory(code: str, message: str, hint: str) -> Finding:
    return Finding(
        code=code, severity=Severity.ADVISORY, path="$.tools", message=message, hint=hint
    )


def _judgment(finding: Finding, at: str, path: str | None) -> Judgment:
    return Judgment(
        judgment_id="",
        code=finding.code,
        severity=finding.severity,
        place=at,
        path=path,
        message=finding.message,
        hint=finding.hint,
        status=JudgmentStatus.OPEN,
        answer=None,
    )


def _answered(judgment: Judgment, subject_hash: str, answers: Mapping[str, Said]) -> Judgment:
    question = _Question(
        code=judgment.code,
        severity=judgment.severity,
        place=judgment.place,
        path=_below(judgment.path, judgment.place),
        message=judgment.message,
        subject=subject_hash,
    )
    judgment_id = digest("judgment", canonical(question)).hex()[:ID_CHARACTERS]
    answer = answers.get(judgment_id)
    status = JudgmentStatus.RESOLVED if answer else JudgmentStatus.OPEN
    return replace(judgment, judgment_id=judgment_id, status=status, answer=answer)


def _units(document: Document) -> dict[str, Json]:
    """Return the tools and the parts of the session by their places, and the whole."""
    session = cast("Document", document.get("session", {}))
    tools = {place("tools", cast("str", tool["tool"])): tool for tool in _tools(document)}
    parts = {place("session", part): held for part, held in session.items()}
    return {"$": document, **parts, **tools}


def _subjects(judgment: Judgment, units: Mapping[str, Json]) -> list[Json]:
    """Return what a question is about, as it stands among these."""
    also = [place("session", part) for part in _CEILINGS] if judgment.code == _NO_CEILING else []
    return [units.get(at) for at in [judgment.place, *also]]


def _is_same(before: Sequence[Json], after: Sequence[Json]) -> bool:
    pairs = zip(before, after, strict=True)
    return all(one is other or _hash(one) == _hash(other) for one, other in pairs)


def _unit(document: Document, path: str) -> _Unit:
    """Return the place of the tool or the part of the session that a path leads into, and it."""
    match _steps(path):
        case ["tools", int(index), *_] if index < len(_tools(document)):
            tool = _tools(document)[index]
            return place("tools", cast("str", tool["tool"])), tool
        case ["session", str(part), *_]:
            session = cast("Document", document.get("session", {}))
            return place("session", part), session.get(part)
    return "$", document


def _below(path: str | None, at: str) -> str | None:
    """Return the rest of a finding's path, which does not count the tools before its own."""
    if path is None or not at.startswith("$.tools"):
        return path
    return path.partition("]")[2]


def _steps(path: str) -> list[object]:
    try:
        return list(parse_path(path).parts)
    except PathError:
        return []


def _tools(document: Document) -> list[Document]:
    return cast("list[Document]", document.get("tools", []))
