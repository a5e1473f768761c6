"""A contract in a directory: `session.yaml`, and `tools/NAME.yaml` for each tool."""

import difflib
import re
from collections.abc import Mapping
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
    BEGINNING,
    FINDINGS_MAX,
    TEXT_BYTES_MAX,
    VALUES_MAX,
    Node,
    Steps,
    TextError,
    error,
    size,
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
    reader = _Reader(files)
    names = sorted(path for path in files if _TOOL_FILE.fullmatch(path))
    session = reader.session()
    tools = [reader.tool(path, index) for index, path in enumerate(names)]
    reader.findings += [] if names else [_no_tools()]
    reader.findings += map(_stray, sorted(files.keys() - {SESSION_FILE, *names}))
    if reader.findings or session is None:
        return reader.findings[:FINDINGS_MAX]
    return _joined(session, [tool for tool in tools if tool], (SESSION_FILE, *names))


def _joined(
    session: tuple[SessionFile, Node],
    tools: list[tuple[ToolContract, Node]],
    files: tuple[str, ...],
) -> Located:
    head, node = session
    contract = Contract(
        schema_version=head.schema_version,
        agent=head.agent,
        session=head.session,
        tools=tuple(tool for tool, _ in tools),
    )
    assert isinstance(node.value, dict)  # noqa: S101 -- it has been bound to a Struct
    whole = {**node.value, "tools": Node([inner for _, inner in tools])}
    return Located(contract, Node(whole, node.spot, node.keys), files)


class _Reader:
    """Reads one file after the other, and keeps what is wrong with them."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files
        self.findings: list[Finding] = []
        self.room = VALUES_MAX

    def session(self) -> tuple[SessionFile, Node] | None:
        if SESSION_FILE in self.files:
            return self._read(SESSION_FILE, SessionFile, ())
        hint = "write `schema_version`, `agent` and what holds for the session into it"
        finding = error("missing_file", (), None, f"there is no `{SESSION_FILE}`", hint)
        self.findings.append(msgspec.structs.replace(finding, file=SESSION_FILE))
        return None

    def tool(self, path: str, index: int) -> tuple[ToolContract, Node] | None:
        steps: Steps = ("tools", index)
        read = self._read(path, ToolContract, steps)
        if read is None or path == (wanted := f"tools/{read[0].tool}.yaml"):
            return read
        message = f"the tool `{read[0].tool}` stands in `{path}`"
        hint = f"name the file `{wanted}`, or the tool as the file"
        value = read[1].value
        assert isinstance(value, dict)  # noqa: S101 -- it has been bound to a Struct
        finding = error("wrong_file", (*steps, "tool"), value["tool"].place, message, hint)
        self.findings.append(msgspec.structs.replace(finding, file=path))
        return read

    def _read(self, path: str, wanted: type[T], steps: Steps) -> tuple[T, Node] | None:
        """Return what one file stands for, or None and tell what is wrong with it."""
        if len(self.findings) >= FINDINGS_MAX:
            return None
        try:
            node, of_text = read_text(self.files[path], "yaml", self.room)
        except TextError as fault:
            self.findings.append(_moved(fault.finding, path, steps))
            return None
        self.room -= size(node)
        value = bind(node, wanted, steps)
        of_text = [_moved(finding, path, steps) for finding in of_text]
        if isinstance(value, list):
            of_form = [msgspec.structs.replace(finding, file=path) for finding in value]
            self.findings += in_order(of_text, of_form)
            return None
        self.findings += of_text
        return value, node


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
    return msgspec.structs.replace(error(code, (), BEGINNING, message, hint), file=path)
