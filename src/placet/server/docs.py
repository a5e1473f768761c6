"""The reference pages that are made from the code: `python -m placet.server.docs FOLDER`."""

import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from placet.kernel.refusals import Refusal
from placet.policy.checks.page import findings_page
from placet.policy.reason_codes import reasons_page
from placet.server import openapi, problems
from placet.server.app import create_app
from placet.settings import Settings

_HEAD: Final = """# Problems

*Made from the refusal classes by `python -m placet.server.docs docs/reference`; do not edit.*

What cannot be answered is answered with `application/problem+json` (RFC 9457). `code` is stable and
what a program decides by; `detail` says what is wrong this time, `hint` what usually helps,
`action` the one thing to do next: `retry_same` (send the same request again), `reload` (read the
present state and decide again), `new_preflight` (begin the governed step again), `wait` (for
`Retry-After` seconds), `stop`. `type` is `urn:placet:problem:` and the code, `instance` the path
that was asked for, `request_id` what to tell an operator. A 503 always has `Retry-After`.

A policy denial is an answer and no problem.
"""


def problems_page() -> str:
    """Return the page of every refusal that a route can give, by status and code."""
    lines = [_HEAD]
    last = 0
    for kind in sorted(_refusals(Refusal), key=lambda kind: (_status(kind), kind.code())):
        if _status(kind) != last:
            last = _status(kind)
            lines.append(f"\n## {last} {problems.phrase(last)}\n")
            lines.append("| code | what it says | hint | action | members |")
            lines.append("|---|---|---|---|---|")
        members = ", ".join(f"`{name}`" for name in _members(kind))
        lines.append(
            f"| `{kind.code()}` | {kind.title()} | {kind.hint} | `{kind.action}` | {members} |"
        )
    return "\n".join(lines) + "\n"


def openapi_page() -> bytes:
    """Return the OpenAPI document."""
    settings = Settings(data_dir=Path("unused"))
    return openapi.rendered(create_app(settings, "postgresql://unused"))


def write(folder: Path) -> None:
    """Write every page to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "problems.md").write_text(problems_page())
    (folder / "findings.md").write_text(findings_page())
    (folder / "reasons.md").write_text(reasons_page())
    (folder / "openapi.json").write_bytes(openapi_page())


def _refusals(kind: type[Refusal]) -> Iterator[type[Refusal]]:
    """Return every class of refusals below one, once."""
    for below in kind.__subclasses__():
        yield below
        yield from _refusals(below)


def _status(kind: type[Refusal]) -> int:
    return int(problems.status_of(kind))


def _members(kind: type[Refusal]) -> list[str]:
    common = {field.name for field in dataclasses.fields(Refusal)}
    return [field.name for field in dataclasses.fields(kind) if field.name not in common]


if __name__ == "__main__":
    write(Path(sys.argv[1]))
