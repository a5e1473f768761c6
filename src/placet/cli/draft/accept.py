"""`placet draft accept`: setting what an inferred rule proposes."""

from pathlib import Path
from typing import Final
from uuid import UUID

import click

from placet.cli.draft.changing import change, draft_argument, reason_option, version_option
from placet.cli.key import url_option
from placet.cli.output import data_dir_option, json_option

_SIDE_EFFECTS: Final = ("read", "write", "destructive", "admin", "financial")


@click.command("accept")
@draft_argument
@click.argument("rule", type=click.UUID)
@click.option(
    "--side-effect",
    type=click.Choice(_SIDE_EFFECTS),
    help="What a proposed tool does to the world, which its calls do not show.",
)
@reason_option
@version_option
@url_option
@data_dir_option
@json_option
def command(  # noqa: PLR0913 -- one argument per option
    *,
    draft: UUID,
    rule: UUID,
    side_effect: str | None,
    reason: str | None,
    version: int | None,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Set what inferred RULE proposes in DRAFT."""
    from placet.policy.model import SideEffect
    from placet.studio.drafts.grounds.model import AcceptInferredRule

    effect = SideEffect(side_effect) if side_effect else None
    wish = AcceptInferredRule(inferred_rule_id=rule, side_effect=effect)
    change(url, data_dir, draft, wish, version=version, reason=reason, as_json=as_json)
