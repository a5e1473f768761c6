"""`placet draft abandon`: giving a draft up."""

from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import click

from placet.cli.draft.changing import (
    draft_argument,
    needed_reason_option,
    version_of,
    version_option,
)
from placet.cli.key import url_option
from placet.cli.output import data_dir_option, give, json_option

if TYPE_CHECKING:
    from placet.sdk.studio.client import Studio
    from placet.studio.drafts.model import DraftAnswer


@click.command("abandon")
@draft_argument
@needed_reason_option
@version_option
@url_option
@data_dir_option
@json_option
def command(  # noqa: PLR0913 -- one argument per option
    *,
    draft: UUID,
    reason: str,
    version: int | None,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Give DRAFT up, and withdraw the request for its approval. What is in force stays so."""
    from placet.cli.desk import at_desk
    from placet.cli.draft.show import document

    async def given_up(studio: "Studio") -> "DraftAnswer":
        expected = await version_of(studio, draft, version)
        return await studio.drafts.abandon(draft, version=expected, reason=reason)

    gone = at_desk(url, data_dir, given_up)
    give(document(gone), str(gone.status), as_json=as_json)
