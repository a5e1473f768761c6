"""`placet draft reopen`: taking an answer back."""

from pathlib import Path
from uuid import UUID

import click

from placet.cli.draft.changing import (
    change,
    checked_id,
    draft_argument,
    needed_reason_option,
    version_option,
)
from placet.cli.key import url_option
from placet.cli.output import data_dir_option, json_option


@click.command("reopen")
@draft_argument
@click.argument("judgment")
@needed_reason_option
@version_option
@url_option
@data_dir_option
@json_option
def command(  # noqa: PLR0913 -- one argument per option
    *,
    draft: UUID,
    judgment: str,
    reason: str,
    version: int | None,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Take the answer to JUDGMENT of DRAFT back."""
    from placet.studio.drafts.grounds.model import ReopenJudgment

    wish = ReopenJudgment(judgment_id=checked_id(judgment))
    change(url, data_dir, draft, wish, version=version, reason=reason, as_json=as_json)
