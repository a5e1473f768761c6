"""A contract in a directory: `session.yaml`, and `tools/NAME.yaml` for each tool."""

import difflib
import re
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Final, Literal, TypeVar

import msgspec
from msgspec import field

from placet.kernel.value import Input
from placet.policy.finding import Finding
from placet.policy.model import TOOLS_MAX, Contract, Name, SessionRules, ToolContract
from placet.policy.paths import path_text
from placet.policy.text.bind import bind
from placet.policy.text.parse import Located, in_order, read_text
from placet.policy.text.tree import (
    FINDINGS_MAX,
    TEXT_BYTES_MAX,
    Node,
    Steps,
    TextError,
    error,
)

SESSION_FILE: Final = "session.yaml"
WORKFLOW_FILE: Final = "workflow.yaml"
FILES_MAX: Final = TOOLS_MAX + 1

_TOOL_FILE: Final = re.compile(r"tools/(?P<name>[^/]+)\.yaml")

T = TypeVar("T", bound=msgspec.Struct)


class SessionFile(Input, frozen=True):
    """What `session.yaml` holds: the contract without its tools."""

    schema_version: Literal["1"]
    agent: Name
    session: SessionRules = field(default_factory=SessionRules)


def parse_directory(files: Mapping[str, bytes]) -> Located | list[Finding]:
    """Return the contract of the files of a directory, or the findings that keep it from being one.

    Keys are paths within the directory, with `/` on every system. Paths in findings are those of
    the one-document form, tools in the order of their names; `file` says in which file it stands.
    """
    if (finding := _too_much(files)) is not None:
        return [finding]
    names = sorted(path for path in files if _TOOL_FILE.fullmatch(path))
    strays = [_stray(path) for path in sorted(files) if path not in {SESSION_FILE, *names}]
    session = _session(files)
    tools = [_tool(files[path], path, index) for index, path in enumerate(names)]
    findings = list(chain(_faults([session, *tools]), [] if names else [_no_tools()], strays))
    if findings:
        return findings[:FINDINGS_MAX]
    return _joined(session, tools, (SESSION_FILE, *names))


_Read = tuple[T, Node] | list[Finding]


def _joined(
    session: _Read[SessionFile], tools: list[_Read[ToolContract]], files: tuple[str, ...]
) -> Located:
    head, node = _taken(session)
    taken = [_taken(tool) for tool in tools]
    contract = Contract(
        schema_version=head.schema_version,
        agent=head.agent,
        session=head.session,
        tools=tuple(tool for tool, _ in taken),
    )
    assert isinstance(node.value, dict)  # noqa: S101 -- it has been bound to a Struct
    whole = {**node.value, "tools": Node([inner for _, inner in taken])}
    return Located(contract, Node(whole, node.spot, node.keys), files)


def _taken(read: _Read[T]) -> tuple[T, Node]:
    assert not isinstance(read, list)  # noqa: S101 -- asked only when there is no finding
    return read


def _faults(reads: list[_Read[SessionFile] | _Read[ToolContract]]) -> Iterator[Finding]:
    for read in reads:
        if isinstance(read, list):
            yield from read


def _session(files: Mapping[str, bytes]) -> _Read[SessionFile]:
    if SESSION_FILE not in files:
        hint = "write `schema_version`, `agent` and what holds for the session into it"
        finding = error("missing_file", (), None, f"there is no `{SESSION_FILE}`", hint)
        return [msgspec.structs.replace(finding, file=SESSION_FILE)]
    return _read(files[SESSION_FILE], SESSION_FILE, SessionFile, ())


def _tool(text: bytes, path: str, index: int) -> _Read[ToolContract]:
    steps: Steps = ("tools", index)
    read = _read(text, path, ToolContract, steps)
    if isinstance(read, list):
        return read
    tool, node = read
    if path == f"tools/{tool.tool}.yaml":
        return read
    assert isinstance(node.value, dict)  # noqa: S101 -- it has been bound to a Struct
    message = f"the tool `{tool.tool}` stands in `{path}`"
    hint = f"name the file `tools/{tool.tool}.yaml`, or the tool as the file"
    finding = error("wrong_file", (*steps, "tool"), node.value["tool"].place, message, hint)
    return [msgspec.structs.replace(finding, file=path)]


def _read(text: bytes, path: str, wanted: type[T], steps: Steps) -> _Read[T]:
    """Return what one file stands for, or its findings as they stand in the whole document."""
    try:
        node, of_text = read_text(text, "yaml")
    except TextError as fault:
        return [_moved(fault.finding, path, steps)]
    value = bind(node, wanted, steps)
    of_text = [_moved(finding, path, steps) for finding in of_text]
    if isinstance(value, list):
        of_form = [msgspec.structs.replace(finding, file=path) for finding in value]
        return in_order(of_text, of_form)
    return of_text[:FINDINGS_MAX] or (value, node)


def _moved(finding: Finding, file: str, steps: Steps) -> Finding:
    path = path_text(steps) + finding.path.removeprefix("$")
    return msgspec.structs.replace(finding, path=path, file=file)


def _too_much(files: Mapping[str, bytes]) -> Finding | None:
    if len(files) > FILES_MAX:
        message = f"the directory has more than {FILES_MAX} files"
        return error("too_many_files", (), None, message)
    if sum(map(len, files.values())) > TEXT_BYTES_MAX:
        return error("too_large", (), None, "the files of the directory have more than 1 MiB")
    return None


def _no_tools() -> Finding:
    message, hint = "there is no tool", "write each tool into a file `tools/NAME.yaml`"
    return error("missing_key", ("tools",), None, message, hint)


def _stray(path: str) -> Finding:
    """Return the finding on a file that has no place in the directory of a contract."""
    if path == WORKFLOW_FILE:
        code, message = "workflow_not_supported", "workflows are not taken yet"
        hint = "take the file out"
    else:
        code, message = "unknown_file", f"`{path[:200]}` has no place in a contract's directory"
        near = difflib.get_close_matches(path, [SESSION_FILE], n=1)
        hint = f"did you mean `{near[0]}`?" if near else "it holds session.yaml and tools/NAME.yaml"
    return msgspec.structs.replace(error(code, (), None, message, hint), file=path)
