"""`placet draft retire-source`: letting a source count no longer."""

from pathlib import Path
from uuid import UUID

import click

from placet.cli.draft.changing import (
    change,
    draft_argument,
    reason_option,
    version_option,
)
from placet.cli.key import url_option
from placet.cli.output import data_dir_option, json_option


@click.command("retire-source")
@draft_argument
@click.argument("source", type=click.UUID)
@reason_option
@version_option
@url_option
@data_dir_option
@json_option
def command(  # noqa: PLR0913 -- one argument per option
    *,
    draft: UUID,
    source: UUID,
    reason: str | None,
    version: int | None,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Let SOURCE count for DRAFT no longer."""
    from placet.studio.drafts.grounds.model import RetireDraftSource

    wish = RetireDraftSource(source_id=source)
    change(url, data_dir, draft, wish, version=version, reason=reason, as_json=as_json)
