"""What every view tells in the same words, and the options that several take."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from placet.kernel.value import Value
    from placet.studio.views.model import Basis, DriftLine, ViewOf, WorkspaceHead

TEXT_MAX: Final = 240

of_option = click.option(
    "--of",
    "of",
    type=click.Choice(("approved", "draft")),
    help="What is in force, or what is under review; else the first that there is.",
)
workspace_argument = click.argument("workspace", type=click.UUID)


def view_of(of: str | None) -> "ViewOf | None":
    """Return what `--of` names."""
    from placet.studio.views.model import ViewOf

    return ViewOf(of) if of else None


def document(shown: "Value") -> dict[str, object]:
    """Return a view as `--json` prints it."""
    import msgspec

    told: dict[str, object] = msgspec.json.decode(msgspec.json.encode(shown))
    return told


def heading(workspace: "WorkspaceHead", basis: "Basis | None") -> list[str]:
    """Return whose view it is, and of what it speaks."""
    head = f"{workspace.agent} in {workspace.environment}"
    if basis is None:
        return [head]
    whole = f"{head}: snapshot {basis.snapshot_id}, version {basis.snapshot_version}"
    if basis.approval_id is None:
        return [f"{whole}, under review ({basis.snapshot_status})"]
    approval = f"approval {basis.approval_version}, {basis.approval_status}"
    return [whole, f"{approval}, artifact {str(basis.compiled_hash)[:12]}…"]


def drift_lines(items: "Iterable[DriftLine]") -> list[str]:
    """Return drift items, one on a line."""
    return [
        f"  {one.item_id}  {one.severity:<8}  {one.status:<12}  {one.seen_count:>6,}  "
        f"{plain(one.summary)}"
        for one in items
    ]


def noted(says: Iterable[str]) -> list[str]:
    """Return what a view says of itself."""
    return [f"! {plain(line)}" for line in says]


def plain(text: str) -> str:
    """Return the beginning of a kept text on one line, in which a terminal finds no control."""
    from placet.cli import words

    return words.plain(text if len(text) <= TEXT_MAX else f"{text[:TEXT_MAX]}…")
