"""`placet draft infer`: what the sources suggest."""

from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import click

from placet.cli.draft.changing import draft_argument, version_of, version_option
from placet.cli.key import url_option
from placet.cli.output import data_dir_option, give, json_option
from placet.cli.words import plain

if TYPE_CHECKING:
    from placet.sdk.studio.client import Studio
    from placet.studio.inferred_rules.model import Inferred, InferredRuleAnswer


@click.command("infer")
@draft_argument
@version_option
@url_option
@data_dir_option
@json_option
def command(
    *,
    draft: UUID,
    version: int | None,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Look at what the sources of DRAFT suggest, and list it. Nothing is set.

    Proposals are from what was seen, and what was seen is not what is right: look at the sample.
    """
    import msgspec

    from placet.cli.desk import at_desk

    async def looked(studio: "Studio") -> "tuple[Inferred, list[InferredRuleAnswer]]":
        expected = await version_of(studio, draft, version)
        done = await studio.drafts.infer(draft, version=expected)
        return done, [rule async for rule in studio.drafts.inferred(draft)]

    done, rules = at_desk(url, data_dir, looked)
    told = msgspec.json.decode(msgspec.json.encode({"looked": done, "rules": rules}))
    give(told, "\n".join(_lines(done, rules)), as_json=as_json)


def _lines(done: "Inferred", rules: "list[InferredRuleAnswer]") -> list[str]:
    partly = ", and there was more" if done.is_partial else ""
    lines = [f"looked at {done.calls:,} calls{partly}: {done.rules_new} new proposals"]
    for rule in rules:
        ruling = "open" if rule.ruling is None else rule.ruling.command_type.partition("_")[0]
        at = plain(f"{rule.tool}{(rule.path or '')[1:]}")
        sample = f"{rule.sample_size:,} calls, {rule.basis}"
        lines.append(f"{rule.inferred_rule_id}  {ruling:<6}  {rule.kind} {at} ({sample})")
        lines.append(f"  {plain(bytes(rule.proposal).decode())}")
    return lines
