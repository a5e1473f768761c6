"""Where a person's text may stand and stays, and why: looked through when somebody asks.

Each place is a table, its columns that hold texts, and the reason that is told. What is erased with
its body is not here.
"""

from typing import Final

from placet.kernel.value import Value

_APPROVED: Final = "people approved this text, and signed its hash"
_AUTHORITY: Final = "it proves who may do what"
_MATERIAL: Final = "it is material of a contract, which drafts and approvals name by its hash"


class Place(Value, frozen=True):
    """A table with the columns that are looked through, and why what stands there stays.

    Rows whose `digest` stands in the table `beside` too are passed over.
    """

    table: str
    columns: tuple[str, ...]
    why: str
    beside: str | None = None


PLACES: Final = (
    Place(table="tenancy_tenant", columns=("name",), why="evidence names the tenant by its id"),
    Place(table="tenancy_actor", columns=("name",), why="signed evidence names actors by their id"),
    Place(table="tenancy_api_key", columns=("name", "claims"), why=_AUTHORITY),
    Place(table="authority_control", columns=("target", "reason"), why=_AUTHORITY),
    Place(
        table="authority_lift",
        columns=("reason", "confirm_reason", "ask_vote", "confirm_vote"),
        why=_AUTHORITY,
    ),
    Place(table="authority_recovery", columns=("close_reason",), why=_AUTHORITY),
    Place(table="authority_key_revocation", columns=("reason",), why=_AUTHORITY),
    Place(table="authority_issuer", columns=("name", "agent"), why=_AUTHORITY),
    Place(table="authority_issuer_revocation", columns=("reason",), why=_AUTHORITY),
    Place(table="authority_tool_host", columns=("name",), why=_AUTHORITY),
    Place(table="authority_tool_host_revocation", columns=("reason",), why=_AUTHORITY),
    Place(
        table="authority_artifact",
        columns=("review_projection_json", "runtime_projection_json", "compat_projection_json"),
        why=_APPROVED,
    ),
    Place(
        table="replay_orphan_receipt",
        columns=("output", "external_ref", "error"),
        why="it tells of a call that no stream here knows, and of no closed stream",
    ),
    Place(
        table="replay_ask_vote",
        columns=("reason",),
        why="it is what a person signed about a call; the `authority` stream holds it too",
    ),
    Place(
        table="replay_standing_grant", columns=("rules", "reason", "revoke_reason"), why=_AUTHORITY
    ),
    Place(table="studio_source", columns=("title", "content", "provenance"), why=_MATERIAL),
    Place(table="studio_inferred_rule", columns=("proposal_json",), why=_MATERIAL),
    Place(table="studio_draft", columns=("contract_json",), why=_MATERIAL),
    Place(table="studio_command", columns=("payload_json", "idempotency_key"), why=_MATERIAL),
    Place(table="studio_snapshot", columns=("memory_json", "judgments"), why=_MATERIAL),
    Place(table="studio_approval_request", columns=("view_json", "policy_change"), why=_APPROVED),
    Place(table="studio_approval", columns=("approval_proof_json",), why=_APPROVED),
    Place(table="studio_approval_vote", columns=("reason",), why=_APPROVED),
    Place(table="studio_workspace_removal", columns=("reason",), why=_AUTHORITY),
    Place(table="studio_ending", columns=("reason",), why=_AUTHORITY),
    Place(table="studio_break_glass", columns=("reason", "end_reason"), why=_AUTHORITY),
    Place(
        table="plans_inventory_tool",
        columns=("input_schema",),
        why="it says what a tool takes, not what a call gave it",
    ),
    Place(
        table="plans_attachment",
        columns=("instance_id", "reason"),
        why="it is the last report of an instance, until the next one",
    ),
    Place(
        table="audit_subject_request",
        columns=("reason",),
        why="it says why something was erased, and may not name whoever that was about",
    ),
    Place(table="webhooks_endpoint", columns=("name", "url"), why="events are still sent there"),
)

UNLINKED: Final = Place(
    table="event_artifact",
    columns=("content",),
    why="no event has these bytes, and they go with their event alone",
    beside="event_artifact_link",
)

IN_BODIES: Final = "event_body"
KEPT_BODIES: Final = "these events prove who may do what, or how authority came about"

UNSEARCHED: Final = (
    "backups, copies on other nodes and exports that were taken: they are whoever's keeps them",
    "hashes of arguments and outputs, which take no salt: whoever guesses a text can confirm it",
    "other spellings of the text: ask for each of them",
    "digits within a longer number, and numbers written with an exponent",
    "what is compressed, encrypted, or in base64 other than that of a whole string that is JSON",
    "base64 of any kind in what is kept, and in artifacts",
)
"""What no request looks into, told in each answer."""
