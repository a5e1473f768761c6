"""From a command as it was sent to the command as it is kept: every piece read by the policy."""

from typing import assert_never, cast

from placet.studio.drafts import replaying
from placet.studio.drafts.contract_reading import (
    STAND_IN,
    invalid,
    parsed,
    read_whole,
    whole_of,
)
from placet.studio.drafts.grounds.model import (
    AcceptInferredRule,
    AddDraftSource,
    Ground,
    RejectInferredRule,
    ReopenJudgment,
    ResolveJudgment,
    RetireDraftSource,
)
from placet.studio.drafts.model import (
    Command,
    Comment,
    ImportArtifact,
    ImportContract,
    Rebase,
    RemoveToolContract,
    ReopenComment,
    ResolveComment,
    RestoreSnapshot,
    RestoreVersion,
    SetSession,
    SetToolContract,
)
from placet.studio.drafts.piece_reading import read_piece
from placet.studio.drafts.places import Document, known_places


def kept_fields(before: Document, agent: str, command: Command) -> Document:
    """Return what a command says, read and in canonical form. Refuses `contract_invalid`."""
    match command:
        case SetSession(session=raw):
            whole = whole_of(agent, parsed(raw, "session"), STAND_IN)
            session = replaying.session_of(read_whole(agent, whole, "$.session", "$.session"))
            return {"session": session}
        case SetToolContract(tool=raw):
            whole = whole_of(agent, {}, parsed(raw, "tool"))
            (tool,) = _tools(read_whole(agent, whole, "$.tools[0]", "$.tool"))
            return {"tool": tool}
        case RemoveToolContract(tool=name):
            if all(tool["tool"] != name for tool in _tools(before)):
                raise invalid(
                    code="unknown_tool", path="$.tool", message=f"the draft has no tool `{name}`"
                )
            return {"tool": name}
        case ImportContract(contract=raw):
            return {"contract": read_whole(agent, parsed(raw, "contract"), "$", "$.contract")}
        case Comment(text=text, target=target):
            _check_target(before, target)
            return {"text": text, "target": target}
        case ResolveComment() | ReopenComment():
            return {"command_id": str(command.command_id)}
        case ImportArtifact() | RestoreVersion() | RestoreSnapshot() | Rebase():
            return _source(command)
        case (
            AddDraftSource()
            | RetireDraftSource()
            | ResolveJudgment()
            | ReopenJudgment()
            | AcceptInferredRule()
            | RejectInferredRule()
        ):
            return _ground(command)
        case _:
            return read_piece(replaying.session_of(before), agent, command)


def _check_target(document: Document, target: str | None) -> None:
    if target is not None and target.startswith("$") and target not in known_places(document):
        raise invalid(
            code="unknown_place",
            path="$.target",
            message=f"the draft has no place `{target[:200]}`",
        )


def _source(command: ImportArtifact | RestoreVersion | RestoreSnapshot | Rebase) -> Document:
    match command:
        case ImportArtifact(approval_id=named) | Rebase(approval_id=named):
            return {"approval_id": str(named)}
        case RestoreSnapshot(snapshot_id=named):
            return {"snapshot_id": str(named)}
        case RestoreVersion(version=version):
            return {"version": version}
    assert_never(command)


def _ground(command: Ground) -> Document:
    match command:
        case AddDraftSource() | RetireDraftSource():
            return {"source_id": str(command.source_id)}
        case ResolveJudgment() | ReopenJudgment():
            return {"judgment_id": command.judgment_id}
        case AcceptInferredRule() | RejectInferredRule():
            return {"inferred_rule_id": str(command.inferred_rule_id)}
    assert_never(command)


def _tools(document: Document) -> list[Document]:
    return cast("list[Document]", document["tools"])
