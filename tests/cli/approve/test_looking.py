"""What a service that lies, or was changed, cannot hide from who compiles and compares here."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace
from tests.conftest import found
from tests.evidence.dossier_samples import approval_file, dossier_keys
from tests.evidence.samples import TENANT, WORKSPACE, uuid_of
from tests.studio.story import LOOKUP, REFUND, Story, contract, importing

from placet.authority.server_keys import ServerKeys
from placet.cli import rebuilding
from placet.cli.approve import looking
from placet.cli.approve.in_force import base_wrong
from placet.cli.approve.looking import GONE, look
from placet.cli.approve.served import Served, fetch
from placet.cli.approve.words import told
from placet.cli.rebuilding import rebuilt_otherwise
from placet.cli.seen import Seen
from placet.evidence.bundle import KeyList
from placet.evidence.verify_dossier import open_dossier
from placet.evidence.vote import VotePurpose
from placet.kernel import foreign
from placet.kernel.ids import Ids, TenantId
from placet.kernel.principal import Environment
from placet.plans.model import Enforcement, Unplanned
from placet.sdk.studio.client import Studio
from placet.storage.database import Database
from placet.studio.dossiers.rules import named_keys
from placet.studio.requests.rules import hash_view
from placet.studio.workspaces.model import ApprovalPolicy

OTHER = UUID(int=7)
WITHOUT_SCHEMA = {name: value for name, value in LOOKUP.items() if name != "input_schema"}
WIDER = [
    WITHOUT_SCHEMA | {"tool": "list_orders"},
    LOOKUP,
    REFUND | {"arguments": [{"path": "$.amount_cents", "lte": 90_000}]},
]


class Scene:
    """A request that widens what is in force, and the keys that were pinned before."""

    def __init__(self, served: Served, pinned: KeyList, elsewhere: bytes) -> None:
        """Hold them, and the dossier of another workspace's approval."""
        self.served = served
        self.pinned = pinned
        self.elsewhere = elsewhere
        self.asked = served.request.request_id

    def wrong(self, served: Served) -> set[str]:
        """Return the items in which this machine and the service disagree."""
        return {one.item for one in look(served, self.pinned, self.asked).disagreements}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the service keeps its keys."""
    return tmp_path_factory.mktemp("service")


@pytest.fixture(scope="module")
async def scene(url: str, db: Database, ids: Ids, folder: Path) -> AsyncIterator[Scene]:
    workplace = await found(db, ids)
    story = Story(db, ids, workplace, await ServerKeys.load(folder / "keys", db))
    ada = await story.signer()
    workspace = await story.workspace(ada)
    _, _, first = await story.asked(workspace)
    await story.vote(first, ada)
    other = await story.workspace(ada, environment=Environment.DEVELOPMENT)
    _, _, beside = await story.asked(other)
    elsewhere = (await story.vote(beside, ada)).approval_id
    assert elsewhere is not None
    draft = await story.draft(workspace)
    await story.command(draft, importing(contract(*WIDER, agent=workspace.agent)))
    second = await story.request(await story.snapshot(draft))
    async with Studio(url, workplace.founder_key) as studio:
        pinned = KeyList(version=1, keys=tuple(named_keys(await studio.keys.known())))
        served = await fetch(studio, second.request_id)
        yield Scene(served, pinned, await studio.approvals.export(elsewhere))


def shown(served: Served, **members: Any) -> Served:  # noqa: ANN401 -- any JSON
    """Return what a service would serve whose view says something else, all hashes fitting."""
    view = foreign.parse(bytes(served.request.view))
    assert isinstance(view, dict)
    text = foreign.encode({**view, **members})
    fields = replace(served.request.vote_fields, view_hash=hash_view(text))
    request = replace(
        served.request, view=msgspec.Raw(text), view_hash=fields.view_hash, vote_fields=fields
    )
    return replace(served, request=request)


def signing(served: Served, **fields: Any) -> Served:  # noqa: ANN401 -- any field
    """Return what a service would serve that asks to sign something else."""
    told = replace(served.request.vote_fields, **fields)
    return replace(served, request=replace(served.request, vote_fields=told))


def of_snapshot(served: Served, **fields: Any) -> Served:  # noqa: ANN401 -- any field
    """Return what a service would serve whose snapshot is another one."""
    return replace(served, snapshot=replace(served.snapshot, **fields))


def of_workspace(served: Served, **fields: Any) -> Served:  # noqa: ANN401 -- any field
    """Return what a service would serve whose workspace is another one."""
    return replace(served, workspace=replace(served.workspace, **fields))


def test_an_honest_service_and_this_machine_agree(scene: Scene) -> None:
    looked = look(scene.served, scene.pinned, scene.asked)
    assert looked.disagreements == []
    assert looked.fields == scene.served.request.vote_fields
    assert looked.against == scene.served.workspace.active_approval_id
    assert {change.kind for change in looked.changes} == {"widened"}
    assert "advisory schema_missing" in told(scene.served, looked)


SHOWN: dict[str, dict[str, Any]] = {
    "workspace": {"workspace_id": str(OTHER)},
    "agent": {"agent": "other"},
    "environment": {"environment": "production"},
    "enforcement": {"enforcement": "block"},
    "posture without a plan": {"unplanned": "capture"},
    "approval policy": {"approval_policy": {"quorum": 3}},
    "snapshot": {"snapshot_id": str(OTHER)},
    "snapshot hash": {"snapshot_hash": "0" * 64},
    "snapshot version": {"snapshot_version": 2},
    "artifact": {"artifact_hash": "0" * 64},
    "compiler version": {"compiler_version": "1"},
    "purpose": {"purpose": "break_glass"},
    "judgments": {"judgments": []},
}
"""What a view may say otherwise, by the name of it."""


@pytest.mark.parametrize("name", SHOWN)
def test_a_view_that_says_otherwise_than_the_rest_is_named(scene: Scene, name: str) -> None:
    assert f"the view's {name}" in scene.wrong(shown(scene.served, **SHOWN[name]))


def of_another_view(served: Served, **members: Any) -> Served:  # noqa: ANN401 -- any JSON
    """Return what a service would serve that tells of another workspace wherever it can."""
    moved = of_workspace(served, **members)
    return shown(moved, **msgspec.to_builtins(members))


ELSEWHERE: dict[str, dict[str, Any]] = {
    "agent": {"agent": "toy"},
    "environment": {"environment": Environment.DEVELOPMENT},
    "enforcement": {"enforcement": Enforcement.BLOCK},
    "posture without a plan": {"unplanned": Unplanned.CAPTURE},
    "approval policy": {"approval_policy": ApprovalPolicy(enrolment_delay_hours=0)},
}
"""What a service may tell of the workspace, everywhere, against what is in force."""


@pytest.mark.parametrize("name", ELSEWHERE)
def test_what_is_told_of_the_workspace_is_held_to_what_its_voters_signed(
    scene: Scene, name: str
) -> None:
    served = of_another_view(scene.served, **ELSEWHERE[name])
    looked = look(served, scene.pinned, scene.asked)
    why = f"its voters signed another {name} than the service tells now"
    assert why in [one.why for one in looked.disagreements]


def test_a_contract_of_another_agent_than_the_workspace_s_is_named(scene: Scene) -> None:
    served = of_workspace(scene.served, agent="toy")
    assert {"the contract", "the view's agent"} <= scene.wrong(served)


def test_another_request_than_was_asked_for_is_named_and_never_signed(scene: Scene) -> None:
    looked = look(scene.served, scene.pinned, OTHER)
    items = {one.item for one in looked.disagreements}
    assert items == {"the request", "what is to be signed as `request_id`"}
    assert looked.fields.request_id == OTHER


def number(scene: Scene) -> int:
    """Return the number of the approval in force."""
    base = look(scene.served, scene.pinned, scene.asked).base
    assert base is not None
    return base.approval_version


def test_what_was_seen_before_is_never_followed_by_something_older(scene: Scene) -> None:
    active, mine = scene.served.workspace.active_approval_id, number(scene)
    assert active is not None
    for before, why in (
        (Seen(), None),
        (Seen(approvals={active: mine}), None),
        (Seen(approvals={OTHER: mine - 1}), None),
        (Seen(approvals={active: mine, OTHER: mine + 1}), "was in force when last looked at"),
        (Seen(approvals={active: mine + 1}), "before, and is"),
        (Seen(approvals={OTHER: mine}), "another approval was number"),
    ):
        looked = look(scene.served, scene.pinned, scene.asked, before)
        assert [why in one.why for one in looked.disagreements if why] == ([True] if why else [])
        assert bool(looked.disagreements) is (why is not None)


def test_nothing_in_force_after_something_was_is_noted(scene: Scene) -> None:
    nothing = replace(of_workspace(scene.served, active_approval_id=None), in_force=None)
    changes = msgspec.to_builtins(look(nothing, scene.pinned, scene.asked).changes)
    served = shown(nothing, diff={"against": None, "changes": changes})
    looked = look(served, scene.pinned, scene.asked, Seen(approvals={OTHER: 1}))
    assert (looked.disagreements, looked.notes) == ([], [GONE])
    assert f"NOTE: {GONE}" in told(served, looked)
    assert look(served, scene.pinned, scene.asked).notes == []


def test_what_is_in_force_is_shown_with_its_number_and_date(scene: Scene) -> None:
    text = told(scene.served, look(scene.served, scene.pinned, scene.asked))
    active = scene.served.workspace.active_approval_id
    assert f"(in force: {active}, number {number(scene)}, of 20" in text


def test_an_approval_from_an_older_compiler_is_compared_and_noted(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "COMPILER_VERSION", "next")
    monkeypatch.setattr(rebuilding, "COMPILER_VERSION", "next")
    looked = look(scene.served, scene.pinned, scene.asked)
    item = f"the approval in force, {scene.served.workspace.active_approval_id}"
    assert item not in [one.item for one in looked.disagreements]
    assert any("another than this" in note for note in looked.notes)
    assert {change.kind for change in looked.changes} == {"widened"}


def test_what_was_approved_for_break_glass_is_no_base(scene: Scene) -> None:
    assert scene.served.in_force is not None
    opened = open_dossier(scene.served.in_force)
    assert list(base_wrong(scene.served, opened)) == []
    standby = [replace(vote, purpose=VotePurpose.BREAK_GLASS) for vote in opened.votes]
    (why,) = base_wrong(scene.served, replace(opened, votes=tuple(standby)))
    assert "for break-glass" in why


def in_another_form(served: Served) -> Served:
    """Return what a service would serve whose view reads the same and is written otherwise."""
    text = bytes(served.request.view) + b" "
    fields = replace(served.request.vote_fields, view_hash=hash_view(text))
    request = replace(served.request, view=msgspec.Raw(text), vote_fields=fields)
    return replace(served, request=request)


LIES: dict[str, tuple[Callable[[Served], Served], str]] = {
    "a view without the changes": (
        lambda it: shown(it, diff={"against": str(it.workspace.active_approval_id), "changes": []}),
        "the view's changes",
    ),
    "a view against another approval": (
        lambda it: shown(it, diff={"against": None, "changes": []}),
        "the view's approval in force",
    ),
    "a view with other rules": (lambda it: shown(it, review={"rules": []}), "the view's rules"),
    "a view without its findings": (lambda it: shown(it, findings=[]), "the view's findings"),
    "a view in another form": (in_another_form, "the view"),
    "a view that is none": (lambda it: shown(it, diff=None), "the view"),
    "another contract than was frozen": (
        lambda it: of_snapshot(it, memory=msgspec.Raw(b'{"agent":"a","schema_version":"1"}')),
        "the snapshot",
    ),
    "a contract that cannot be read": (
        lambda it: of_snapshot(it, memory=msgspec.Raw(b'{"agent":7}')),
        "the contract",
    ),
    "a snapshot of another request": (
        lambda it: of_snapshot(it, snapshot_id=OTHER),
        "the snapshot",
    ),
    "another compiler": (lambda it: of_snapshot(it, compiler_version="1"), "the contract"),
    "another history": (
        lambda it: of_snapshot(it, command_history_hash="0" * 64),
        "the snapshot",
    ),
    "another policy": (
        lambda it: of_workspace(it, approval_policy=ApprovalPolicy(quorum=3)),
        "the view's approval policy",
    ),
    "another environment": (
        lambda it: of_workspace(it, environment=Environment.PRODUCTION),
        "the view's environment",
    ),
    "nothing in force": (
        lambda it: replace(of_workspace(it, active_approval_id=None), in_force=None),
        "the view's approval in force",
    ),
    "another kind of vote": (
        lambda it: replace(it, request=replace(it.request, vote_type="placet.vote.ask.v1")),
        "what is to be signed",
    ),
    "another artifact to sign": (
        lambda it: signing(it, artifact_hash="0" * 64),
        "what is to be signed as `artifact_hash`",
    ),
    "another snapshot to sign": (
        lambda it: signing(it, snapshot_hash="0" * 64),
        "what is to be signed as `snapshot_hash`",
    ),
    "another request to sign": (
        lambda it: signing(it, request_id=OTHER),
        "what is to be signed as `request_id`",
    ),
    "another tenant to sign for": (
        lambda it: signing(it, tenant_id=TenantId(OTHER)),
        "what is to be signed as `tenant_id`",
    ),
    "another view to sign": (
        lambda it: signing(it, view_hash="0" * 64),
        "what is to be signed as `view_hash`",
    ),
}


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_named(scene: Scene, name: str) -> None:
    lie, item = LIES[name]
    served = lie(scene.served)
    assert item in scene.wrong(served)
    assert "DISAGREE" in told(served, look(served, scene.pinned, scene.asked))


def test_what_is_in_force_must_be_proved_and_be_this_workspace_s(scene: Scene) -> None:
    served = scene.served
    assert served.in_force is not None
    item = f"the approval in force, {served.workspace.active_approval_id}"
    middle = len(served.in_force) // 2
    flipped = bytes([served.in_force[middle] ^ 1])
    changed = served.in_force[:middle] + flipped + served.in_force[middle + 1 :]
    assert item in scene.wrong(replace(served, in_force=changed))
    assert item in scene.wrong(replace(served, in_force=scene.elsewhere))
    nobody = Scene(served, KeyList(version=0, keys=()), b"")
    assert item in nobody.wrong(served)


def test_what_is_in_force_must_be_what_its_contract_compiles_to(scene: Scene) -> None:
    """The sample verifies, but nothing compiles to it."""
    served = of_workspace(
        scene.served, workspace_id=WORKSPACE, active_approval_id=uuid_of("approval")
    )
    served = replace(served, me=replace(served.me, tenant_id=TENANT), in_force=approval_file())
    pinned = KeyList(version=1, keys=tuple(dossier_keys()))
    item = f"the approval in force, {uuid_of('approval')}"
    why = [one.why for one in look(served, pinned, scene.asked).disagreements if one.item == item]
    assert "its contract cannot be read" in why


def test_what_recorded_calls_say_is_told_as_the_service_s_word(scene: Scene) -> None:
    impact = {
        "impact_id": str(OTHER),
        "compared_with": "in_force",
        "against_hash": None,
        "since": "2030-01-01T00:00:00Z",
        "until": "2030-01-02T00:00:00Z",
        "sessions": 2,
        "calls": 9,
        "is_truncated": True,
        "same": 6,
        "flips": [{"before": "deny", "after": "allow", "calls": 3}],
        "unjudged": 0,
        "unrecorded": [],
        "report_hash": "0" * 64,
    }
    served = shown(scene.served, impact=impact)
    looked = look(served, scene.pinned, scene.asked)
    assert looked.disagreements == []
    text = told(served, looked)
    assert "recorded calls, as the service tells (9 in 2 sessions)" in text
    assert "deny -> allow: 3" in text
    assert "more calls than were looked at" in text


def test_what_people_wrote_cannot_drive_the_terminal(scene: Scene) -> None:
    served = of_workspace(scene.served, agent="desk\x1b[2J\u202e\r")
    text = told(served, look(served, scene.pinned, scene.asked))
    assert "desk\\u001b[2J\\u202e\\u000d" in text
    assert "\x1b" not in text


def test_an_artifact_that_its_contract_does_not_compile_to_is_found(scene: Scene) -> None:
    """Whoever holds the artifact key can sign anything; the contract tells otherwise."""
    assert scene.served.in_force is not None
    opened = open_dossier(scene.served.in_force)
    assert rebuilt_otherwise(opened) is None
    for changes, why in (
        ({"runtime": "{}"}, "another runtime projection"),
        ({"review": "{}"}, "another review projection"),
        ({"compat": "{}"}, "another compat projection"),
        ({"compiled_hash": "0" * 64}, "another hash"),
        ({"compiler_version": "1"}, "version 1 of the compiler"),
    ):
        artifact = replace(opened.artifact, **changes)
        assert why in str(rebuilt_otherwise(replace(opened, artifact=artifact)))
    assert rebuilt_otherwise(replace(opened, contract=b"{}")) == "its contract cannot be read"
