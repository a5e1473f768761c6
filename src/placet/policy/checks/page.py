"""The reference page of all findings, made from their codes."""

from typing import Final

from placet.policy.checks.codes import GROUPS

_HEAD: Final = """# Findings

*Made from the codes by `python -m placet.server.docs docs/reference`; do not edit.*

What `placet policy check` says of a contract. `code` is stable and what a program decides by;
`message` says what is wrong this time, `hint` what usually helps. `path` is the place in the
document (`$.tools[0].arguments[1].lte`), `line` and `column` are the place in the text, from 1, and
`file` is the file of a directory. A finding on a pair stands at the later of the two, and `related`
is the other one. A missing key stands at the first line of the mapping that lacks it.

An `error` and a `blocker` stop an approval, and `check` then exits with 1; an `advisory` is
recorded in the approval.
"""


def findings_page() -> str:
    """Return the page of every code, by what it is about, as Markdown."""
    lines = [_HEAD.rstrip()]
    for title, codes in GROUPS:
        lines.append(f"\n## {title}\n")
        lines.append("| code | severity | what it says |")
        lines.append("|---|---|---|")
        lines += [f"| `{one.code}` | {one.severity} | {one.says} |" for one in codes]
    return "\n".join(lines) + "\n"
