"""`placet draft open`: a new draft."""

from pathlib import Path
from uuid import UUID

import click

from placet.cli.key import url_option
from placet.cli.output import data_dir_option, give, json_option


@click.command("open")
@click.argument("workspace", type=click.UUID)
@click.option("--parent", type=click.UUID, help="Begin with this draft, which is superseded.")
@click.option(
    "--from-approval",
    type=click.UUID,
    help="Begin with an approved contract: one of another workspace is promoted.",
)
@url_option
@data_dir_option
@json_option
def command(  # noqa: PLR0913 -- one argument per option
    *,
    workspace: UUID,
    parent: UUID | None,
    from_approval: UUID | None,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Open a draft of WORKSPACE; it has one open draft at most."""
    from placet.cli.desk import at_desk
    from placet.cli.draft.show import document

    made = at_desk(
        url,
        data_dir,
        lambda studio: studio.drafts.open(
            workspace, parent_draft_id=parent, from_approval_id=from_approval
        ),
    )
    give(document(made), str(made.draft_id), as_json=as_json)
