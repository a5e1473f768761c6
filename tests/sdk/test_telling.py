"""What a process says of itself: its name, its status, and its tools."""

from dataclasses import dataclass
from hashlib import sha256

import pytest

from placet.kernel.refusals import GovernanceUnavailable, Refusal
from placet.plans.attachments.model import AttachmentStatus
from placet.plans.inventory.model import OfferedTool
from placet.plans.model import PlanNotFound
from placet.replay.sessions.refusals import ArtifactDoubtful, NoAuthority, SessionKilled
from placet.sdk.telling import instance_of, offered_tool, status_of

SCHEMA: dict[str, object] = {"type": "object", "properties": {"weight": {"multipleOf": 0.01}}}
KNOWN = OfferedTool(
    name="lookup", description_hash=sha256(b"Look up").hexdigest(), input_schema=SCHEMA
)


@dataclass
class McpTool:
    """A tool as the library of an MCP client shows it."""

    name: str
    description: str
    inputSchema: dict[str, object]  # noqa: N815 -- the protocol's own name


@pytest.mark.parametrize(
    "definition",
    [
        {
            "type": "function",
            "function": {"name": "lookup", "description": "Look up", "parameters": SCHEMA},
        },
        {"type": "function", "name": "lookup", "description": "Look up", "parameters": SCHEMA},
        {"name": "lookup", "description": "Look up", "input_schema": SCHEMA},
        {"name": "lookup", "description": "Look up", "inputSchema": SCHEMA},
        McpTool("lookup", "Look up", dict(SCHEMA)),
    ],
    ids=["chat completion", "response", "message", "mcp", "mcp library"],
)
def test_a_tool_is_the_same_in_every_form_in_which_a_model_is_given_it(definition: object) -> None:
    assert offered_tool(definition) == KNOWN


@pytest.mark.parametrize(
    "definition",
    [None, 1, "lookup", {}, {"name": 1}, {"name": ""}, {"name": "x" * 129}, {"function": {}}],
)
def test_what_has_no_name_is_no_tool(definition: object) -> None:
    assert offered_tool(definition) is None


@pytest.mark.parametrize(
    "schema",
    [1, [], {"x": {1, 2}}, {"x": float("nan")}, {1: 2}, {"x": "y" * 40_000}, {"x": "\ud800"}],
    ids=["number", "list", "set", "nan", "key", "large", "surrogate"],
)
def test_a_schema_that_cannot_be_told_is_left_out(schema: object) -> None:
    assert offered_tool({"name": "t", "input_schema": schema}) == OfferedTool(name="t")


@pytest.mark.parametrize("schema", [True, False, {}])
def test_true_false_and_the_empty_schema_are_schemas(schema: dict[str, object] | bool) -> None:  # noqa: FBT001 -- true and false are schemas
    told = offered_tool({"name": "t", "input_schema": schema})
    assert told is not None
    assert told.input_schema == schema


def test_a_holder_that_can_be_a_name_is_the_name_and_any_other_has_one_of_its_own() -> None:
    assert instance_of("sdk-0f") == "sdk-0f"
    odd = instance_of("pod 1 / ä")
    assert odd == instance_of("pod 1 / ä") != instance_of("pod 2 / ä")
    assert instance_of(odd) == odd
    assert len(instance_of("x" * 500)) < 128


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (GovernanceUnavailable(detail="x"), AttachmentStatus.FETCH_FAILED),
        (NoAuthority(detail="x"), AttachmentStatus.NO_PLAN),
        (PlanNotFound(detail="x"), AttachmentStatus.NO_PLAN),
        (ArtifactDoubtful(detail="x"), AttachmentStatus.ARTIFACT_INVALID),
        (SessionKilled(detail="x"), AttachmentStatus.ATTACHMENT_FAILED),
    ],
)
def test_a_failed_attach_is_told_by_its_cause(refusal: Refusal, status: AttachmentStatus) -> None:
    assert status_of(refusal) == status
