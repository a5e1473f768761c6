"""Where something that a body says may stand, for docs: `python -m tests.house.body_places`.

Every column of text, bytes, JSON or decimal numbers is in one of three lists, written by hand: it
holds no body, it is erased with the body, or it is kept on purpose. Columns of enums hold our own
words alone and are in none. A new column fails the test until somebody has decided what it is.
"""

from collections.abc import Iterator
from typing import Final

from tests.house.checkout import ROOT

PAGE = ROOT / "docs" / "reference" / "evidence.md"
BEGIN = "<!-- body-places:begin"
END = "<!-- body-places:end -->"

NOTHING: Final = {
    "hashes, leaves, digests, roots and the nodes of trees": """
        audit_export: sha256 log_root
        audit_subject_request: subject_hash
        authority_artifact: compiled_hash contract_hash
        authority_checkpoint: root
        event: prev body_hash leaf
        event_artifact: digest
        event_artifact_link: digest
        event_fork: origin_leaf
        event_seal_pending: last_leaf
        event_stream: head
        evidence_log: root
        evidence_log_entry: leaf
        evidence_log_tile: hashes
        plans_attachment: compiled_hash
        plans_inventory_tool: version_hash description_hash schema_hash
        plans_plan: compiled_hash activated_hash
        replay_ask: view_hash
        replay_session: compiled_session_hash contract_hash head
        replay_session_seal: head
        replay_standing_grant: schema_hash checkpoint_hash
        studio_approval: source_snapshot_hash command_history_hash
        studio_approval_request: view_hash artifact_hash approval_policy_hash
        studio_break_glass: artifact_hash
        studio_command: chain_hash
        studio_draft: command_head
        studio_drift_item: fingerprint
        studio_drift_receipt: compiled_hash
        studio_impact: candidate_hash against_hash report_hash
        studio_inferred_rule: source_snapshot_hash rule_hash
        studio_shadow: candidate_hash artifact_hash
        studio_snapshot: snapshot_hash source_snapshot_hash command_history_hash
        studio_source: content_hash
    """,
    "keys, their ids, challenges, and what was signed about keys and about our own documents": """
        api_key_lookup: key_id secret_hash
        authority_artifact: envelope
        authority_checkpoint: envelope
        authority_issuer: key_id public_key
        authority_key_revocation: key_id
        authority_person_key: key_id public_key proof confirmed_by
        authority_server_key: key_id public_key
        authority_server_key_end: key_id
        authority_server_key_end_told: key_id
        authority_server_key_rotation: new_key_id old_key_id by_old by_new
        authority_tool_host: key_id public_key
        replay_ask_vote: key_id
        replay_execution_receipt: attested_by
        replay_orphan_receipt: grant_envelope
        replay_standing_grant: key_id
        studio_approval: approved_by
        studio_approval_vote: key_id
        studio_break_glass: opener_key_id confirmer_key_id
        studio_enrolment: challenge key_id public_key proof
        studio_enrolment_challenge: challenge
        studio_enrolment_confirmation: key_id envelope
        studio_workspace_approver: confirmed_by
        studio_workspace_key: key_id confirmed_by proof
        studio_workspace_member: key_id confirmed_by
        tenancy_api_key: key_id
        webhooks_endpoint: secret_key_id previous_key_id
    """,
    "names of agents, tools, phases, rules, groups, workers, and words of our own": """
        audit_event: kind type agent
        audit_subject_request: kept
        authority_artifact: compiler_version
        authority_tool_host: tools
        event: type
        event_artifact_link: media_type
        event_fold_checkpoint: fold
        event_seal_pending: status
        idempotency_answer: route
        idempotency_stream: route
        plans_attachment: agent sdk_version
        plans_inventory_tool: agent tool
        plans_plan: agent
        replay_allowance: target tool_name path name
        replay_amount: name
        replay_claim: holder
        replay_effect_key: agent tool_name
        replay_execution_receipt: tool_name
        replay_kept: name
        replay_orphan_receipt: agent tool_name
        replay_pending_call: tool_name phase_at_grant
        replay_prepared_request: consumed_holder
        replay_session: agent current_phase holder
        replay_standing_grant: agent tool_name
        authority_recovery: system_identifier from_system_identifier lost_ends
        storage_epoch: system_identifier
        studio_approval: compiler_version
        studio_drift_item: target_ref subject
        studio_enrolment: groups
        studio_enrolment_confirmation: groups
        studio_inferred_rule: tool path spans
        studio_rule_evidence: rule tool
        studio_shadow: agent
        studio_shadow_tally: tool
        studio_snapshot: findings generation_profile compiler_version sources
        studio_source: failure findings parts
        studio_workspace: agent approval_policy
        studio_workspace_member: group_name
        tenancy_api_key: scopes agent
        webhooks_endpoint: event_types
        work_due: kind
    """,
}

BODY: Final = "`event_erase_v1` deletes the row"
CALL: Final = "`calls_forget_v1` blanks it, for the calls that the body speaks of"
RECEIPT: Final = "`session_forget_v1` blanks it, for the receipt that the body tells of"
STEP: Final = "`session_forget_v1` blanks it, for the step of the call"
SESSION: Final = "`session_forget_v1` blanks it, with the event that told of it"
ERASED: Final = {
    "event_body: salt body": BODY,
    "event_artifact_link: name": "`artifacts_forget_v1` deletes the row",
    "event_artifact: content": "`artifacts_forget_v1` deletes the row, once no event has it",
    "event_fold_checkpoint: head state digest": "`event_erase_v1` deletes those of the stream",
    "idempotency_answer: body": "`event_erase_v1` empties those that name the stream; a worker"
    " deletes any after 7 days",
    "idempotency_answer: key fingerprint": "a name that the sender chose, and an unsalted hash of"
    " the request: by them a repeat is known, until the worker deletes the row",
    "idempotency_stream: key": "goes with the answer that it stands beside",
    "replay_pending_call: tool_call_id arguments reasons": CALL,
    "replay_ask: view": CALL,
    "replay_ask_edit: reason": CALL,
    "replay_settlement: reason": CALL,
    "replay_amount: value": CALL,
    "replay_kept: value": "`calls_forget_v1` deletes the row",
    "replay_execution_receipt: idempotency_key fingerprint output_hash output external_ref error": (
        RECEIPT
    ),
    "replay_prepared_request: prepared_request_json narrowing_json answer": STEP,
    "replay_claim: answer": STEP,
    "replay_session: principal labels filtered ended_why": SESSION,
    "replay_session_snapshot: head state digest": "`session_forget_v1` deletes all of the session,"
    " and none comes after",
    "studio_impact: report_json": "`session_forget_v1` deletes previews that show calls of the"
    " session",
    "studio_shadow_tally: example": "`session_forget_v1` blanks its arguments and the reasons of"
    " both verdicts, where it is a call of the session",
    "studio_drift_item: summary reason": "`workspace_forget_v1` blanks it, with the event of it",
    "audit_event: agent_named tool rules arguments_hash effect_key": "the index of the search takes"
    " it away, when it comes to the event that tells of the erasure",
    "audit_term: value": "the same",
    "audit_subject_request: subject principal salt": "emptied when the request is done",
}

HASH: Final = "an unsalted hash: what is told late, and what runs again, is held to it"
SUM: Final = "a sum over calls, by which bounds of other sessions are held"
AUTHORITY: Final = "it proves who may do what, and is never of a closed stream"
SIGNED: Final = "a person signed it, and the `authority` stream holds it too"
MATERIAL: Final = "material of a contract, which snapshots and approvals name by its hash"
NAMED: Final = "evidence names it by its id, and people read it by this name"
KEPT: Final = {
    "replay_pending_call: arguments_hash effect_key": HASH,
    "replay_effect_key: effect_key": HASH,
    "replay_execution_receipt: arguments_hash": HASH,
    "replay_prepared_request: request_hash proposal_hash": HASH,
    "replay_tally_mark: digest value": "an unsalted hash, and a number that an argument gave:"
    " bounds of other sessions count them until they have left their window",
    "replay_wide_amount: value": "a number that an argument gave, which bounds of other"
    " sessions count",
    "replay_allowance: reserved": SUM,
    "replay_slice: held used": SUM,
    "replay_session: state": "facts of the session: counts, tools and phases, hashes of calls",
    "replay_orphan_receipt: arguments_hash output_hash output external_ref error host_envelope"
    " effect_key": "of a call that no stream here knows",
    "replay_ask_vote: envelope reason": SIGNED,
    "replay_standing_grant: rules reason envelope revoke_reason": AUTHORITY,
    "authority_control: target reason": AUTHORITY,
    "authority_lift: reason confirm_reason ask_vote confirm_vote": AUTHORITY,
    "authority_issuer: name agent": AUTHORITY,
    "authority_issuer_revocation: reason": AUTHORITY,
    "authority_key_revocation: reason": AUTHORITY,
    "authority_server_key_end: reason": AUTHORITY,
    "authority_recovery: close_reason": AUTHORITY,
    "authority_tool_host: name": AUTHORITY,
    "authority_tool_host_revocation: reason": AUTHORITY,
    "authority_artifact: review_projection_json runtime_projection_json compat_projection_json": (
        "people approved it, and its hash is signed"
    ),
    "studio_approval: approval_proof_json": "people signed it",
    "studio_approval_request: view_json policy_change": "people saw it, and signed its hash",
    "studio_approval_vote: envelope reason": SIGNED,
    "studio_break_glass: reason opener_envelope confirmer_envelope end_reason": SIGNED,
    "studio_ending: reason": AUTHORITY,
    "studio_workspace_removal: reason": AUTHORITY,
    "studio_command: payload_json idempotency_key": MATERIAL,
    "studio_draft: contract_json": MATERIAL,
    "studio_inferred_rule: proposal_json": MATERIAL,
    "studio_snapshot: memory_json judgments": MATERIAL,
    "studio_source: title content provenance": MATERIAL,
    "plans_inventory_tool: input_schema": "what a tool takes, not what a call gave it",
    "plans_attachment: instance_id reason": "the last report of an instance, which the next one"
    " takes the place of",
    "tenancy_actor: name": NAMED,
    "tenancy_api_key: name claims": AUTHORITY,
    "tenancy_tenant: name": NAMED,
    "webhooks_endpoint: name url": "events are sent there still",
    "audit_subject_request: reason": "why something was erased, which may not name the person",
}

UNLOOKED: Final = {
    "replay_pending_call: arguments_hash effect_key": HASH,
    "replay_effect_key: effect_key": HASH,
    "replay_execution_receipt: arguments_hash": HASH,
    "replay_prepared_request: request_hash proposal_hash": HASH,
    "replay_orphan_receipt: arguments_hash output_hash effect_key": HASH,
    "replay_tally_mark: digest value": "a hash and a number, in which no text stands",
    "replay_wide_amount: value": "a number",
    "replay_allowance: reserved": "a number",
    "replay_slice: held used": "numbers",
    "replay_session: state": "counts, names of tools and hashes of calls",
    "replay_ask_vote: envelope": "what was signed is in base64; its words stand beside it",
    "replay_orphan_receipt: host_envelope": "the same",
    "replay_standing_grant: envelope": "the same",
    "studio_approval_vote: envelope": "the same",
    "studio_break_glass: opener_envelope confirmer_envelope": "the same",
    "authority_server_key_end: reason": "of the service, not of a tenant",
}
"""What is kept on purpose, and not looked through when somebody asks for their data to go."""


def columns(listed: str) -> Iterator[str]:
    """Yield `table.column` of every column in lines of `table: column column`."""
    for line in filter(None, map(str.strip, listed.splitlines())):
        table, _, names = line.partition(": ")
        yield from (f"{table}.{name}" for name in names.split())


def classified() -> list[str]:
    """Return every column that is in one of the lists, as often as it is."""
    lists = [*NOTHING.values(), *ERASED, *KEPT]
    return sorted(column for listed in lists for column in columns(listed))


def rows(places: dict[str, str]) -> Iterator[str]:
    """Yield a row of a table of the page for each place."""
    for place, told in sorted(places.items()):
        table, _, names = place.partition(": ")
        yield f"| `{table}` | {', '.join(f'`{name}`' for name in names.split())} | {told} |"


def tables() -> str:
    """Return all that stands between the marks."""
    lines = ["", "Erased with the body:", "", "| table | columns | by what |", "|---|---|---|"]
    lines += rows(ERASED)
    lines += ["", "Kept on purpose:", "", "| table | columns | why |", "|---|---|---|", *rows(KEPT)]
    lines += ["", "No part of any body:", ""]
    for what, listed in NOTHING.items():
        told = ", ".join(f"`{column}`" for column in columns(listed))
        lines.append(f"- {what}: {told}.")
    return "\n".join([*lines, ""])


def page(text: str) -> str:
    """Return a page with the lists put between its marks."""
    begin = text.index("\n", text.index(BEGIN)) + 1
    end = text.index(END)
    return text[:begin] + tables() + text[end:]


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
