"""`placet draft apply`: a contract, or one command."""

from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

import click

from placet.cli.draft.changing import (
    change,
    draft_argument,
    reason_option,
    spans_option,
    version_option,
)
from placet.cli.exits import CommandRefused
from placet.cli.key import url_option
from placet.cli.output import data_dir_option, json_option

if TYPE_CHECKING:
    from placet.studio.drafts.model import Command

_FILE: Final = click.Path(path_type=str, allow_dash=True)


@click.command("apply")
@draft_argument
@click.option("--contract", type=_FILE, help="A whole contract: file, directory or `-`.")
@click.option("--command", "one", type=_FILE, help="One command as JSON: file or `-`.")
@reason_option
@spans_option
@version_option
@url_option
@data_dir_option
@json_option
def command(  # noqa: PLR0913 -- one argument per option
    *,
    draft: UUID,
    contract: str | None,
    one: str | None,
    reason: str | None,
    spans: tuple[str, ...],
    version: int | None,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Change DRAFT: --contract replaces all of it, --command does one thing.

    \b
    Commands are what the API takes:
      {"type": "set_tool_contract", "tool": {…}}
      {"type": "set_limits", "limits": {"max_tool_calls": 20}}
      {"type": "rebase", "approval_id": "0199…"}
    """  # noqa: D301 -- \b keeps click from folding the examples
    if (contract is None) is (one is None):
        raise CommandRefused(
            detail="a change is either a contract or a command",
            remedy="give --contract or --command, and not both",
        )
    wish = _whole(contract, as_json=as_json) if contract is not None else _one(one or "-")
    change(
        url,
        data_dir,
        draft,
        wish,
        version=version,
        reason=reason,
        spans=spans,
        as_json=as_json,
    )


def _whole(path: str, *, as_json: bool) -> "Command":
    import msgspec

    from placet.cli.policy.source import load_contract
    from placet.policy.text.document import contract_document
    from placet.studio.drafts.model import ImportContract

    found = load_contract(path, as_json=as_json)
    return ImportContract(
        contract=msgspec.Raw(msgspec.json.encode(contract_document(found.contract)))
    )


def _one(path: str) -> "Command":
    import msgspec

    from placet.cli.policy.source import read_bytes
    from placet.studio.drafts.model import Command

    try:
        wish: Command = msgspec.json.decode(read_bytes(path), type=Command)
    except msgspec.MsgspecError as fault:
        raise CommandRefused(
            detail=f"this is no command: {fault}",
            remedy='write it as JSON, such as {"type": "comment", "text": "why?"}',
        ) from fault
    return wish
