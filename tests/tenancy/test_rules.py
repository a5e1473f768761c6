"""Keys have one text form, and nobody gets a key that is wider than the roles behind it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placet.kernel.hashing import plain_sha256
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.principal import Environment, Scope
from placet.tenancy import rules
from placet.tenancy.model import (
    Actor,
    ActorKind,
    ActorStatus,
    ApiKeyId,
    ApiKeyRefused,
    IssueApiKey,
    Role,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEY_ID = ApiKeyId("abcdefghij27")


def actor(kind: ActorKind = ActorKind.PERSON, status: ActorStatus = ActorStatus.ACTIVE) -> Actor:
    return Actor(
        tenant_id=TenantId(UUID(int=1)),
        actor_id=ActorId(UUID(int=2)),
        kind=kind,
        name="Ada",
        status=status,
        created_at=NOW,
    )


def asked(
    *scopes: Scope,
    agent: str | None = None,
    environment: Environment | None = None,
    expires_at: datetime | None = None,
) -> IssueApiKey:
    return IssueApiKey(
        actor_id=ActorId(UUID(int=2)),
        name="a key",
        scopes=list(scopes),
        agent=agent,
        environment=environment,
        expires_at=expires_at,
    )


def reasons(request: IssueApiKey, who: Actor, *roles: Role) -> str:
    with pytest.raises(ApiKeyRefused) as caught:
        rules.check_key(request, who, roles, NOW)
    return "; ".join(caught.value.reasons)


@given(st.binary(min_size=32, max_size=32), st.sampled_from([None, *Environment]))
def test_a_formatted_key_parses_to_its_id_and_the_hash_of_its_secret(
    secret: bytes, environment: Environment | None
) -> None:
    parsed = rules.parse_key(rules.format_key(environment, KEY_ID, secret))
    assert parsed is not None
    assert (parsed.key_id, parsed.secret_hash) == (KEY_ID, plain_sha256(secret))


def test_the_text_of_a_key_is_this_one_for_ever() -> None:
    text = rules.format_key(Environment.STAGING, KEY_ID, bytes(range(32)))
    assert text == "plc_stg_abcdefghij27_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf2SUy0p"


def test_a_key_with_any_one_character_changed_is_no_key() -> None:
    text = rules.format_key(None, KEY_ID, bytes(range(32)))
    for place in range(len(text)):
        other = "b" if text[place] != "b" else "c"
        assert rules.parse_key(text[:place] + other + text[place + 1 :]) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plc_",
        " plc_any_abcdefghij27_",
        rules.format_key(None, KEY_ID, bytes(32)) + "\n",
        rules.format_key(None, KEY_ID, bytes(32)).upper(),
        rules.format_key(None, KEY_ID, bytes(32)).replace("0", "０"),  # noqa: RUF001 -- a wide digit
    ],
)
def test_other_text_is_no_key(text: str) -> None:
    assert rules.parse_key(text) is None


def test_a_secret_beyond_32_bytes_is_no_key_though_its_check_fits() -> None:
    body = f"plc_any_{KEY_ID}_{'z' * 43}"
    assert rules.parse_key(body + rules._check(body)) is None  # noqa: SLF001 -- a right check over a wrong body


def test_key_ids_are_twelve_characters_of_base32_and_differ() -> None:
    made = {rules.make_key_id(number.to_bytes(8, "big")) for number in range(0, 160, 16)}
    assert len(made) == 10
    assert rules.make_key_id(b"\xff" * 8) == "7" * 12


def test_only_a_runtime_key_says_for_whom_its_agent_acts() -> None:
    wanted = msgspec.structs.replace(asked(Scope.READ), claims={"id": "ann"})
    assert "only a runtime key has claims" in reasons(wanted, actor(), Role.VIEWER)
    fit = IssueApiKey(
        actor_id=ActorId(UUID(int=2)),
        name="k",
        scopes=[Scope.RUNTIME],
        claims={"id": "ann"},
        agent="desk",
        environment=Environment.STAGING,
    )
    rules.check_key(fit, actor(ActorKind.AGENT), (), NOW)


@pytest.mark.parametrize(
    "claims",
    [
        {str(n): n for n in range(33)},
        {str(n): "x" * 250 for n in range(4)},
        {"a": 1.5},
        {"a": None},
        {"a": [1]},
        {"": 1},
        {"a": "x" * 257},
        {"a": 2**53},
    ],
    ids=lambda claims: str(claims)[:20],
)
def test_claims_are_few_short_and_plain(claims: dict[str, object]) -> None:
    body = msgspec.json.encode(
        {"actor_id": str(UUID(int=2)), "name": "k", "scopes": ["runtime"], "claims": claims}
    )
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(body, type=IssueApiKey)


def test_an_admin_cannot_be_given_a_key_that_approves() -> None:
    assert "`approve`" in reasons(asked(Scope.ADMIN, Scope.APPROVE), actor(), Role.ADMIN)


def test_an_approver_of_flesh_gets_a_key_that_approves() -> None:
    rules.check_key(asked(Scope.APPROVE, Scope.READ), actor(), [Role.APPROVER], NOW)


def test_an_agent_never_approves_whatever_its_roles() -> None:
    assert "`approve`" in reasons(asked(Scope.APPROVE), actor(ActorKind.AGENT), Role.APPROVER)


def test_a_person_gets_no_runtime_key() -> None:
    request = asked(Scope.RUNTIME, agent="desk", environment=Environment.STAGING)
    assert "`runtime`" in reasons(request, actor(), *Role)


def test_an_agent_gets_a_runtime_key_without_a_role() -> None:
    request = asked(Scope.RUNTIME, agent="desk", environment=Environment.STAGING)
    rules.check_key(request, actor(ActorKind.AGENT), [], NOW)


@pytest.mark.parametrize(
    ("agent", "environment"), [(None, None), ("desk", None), (None, Environment.STAGING)]
)
def test_a_runtime_key_names_agent_and_environment(
    agent: str | None, environment: Environment | None
) -> None:
    request = asked(Scope.RUNTIME, agent=agent, environment=environment)
    assert "names one agent" in reasons(request, actor(ActorKind.SERVICE))


@pytest.mark.parametrize("scope", [Scope.ADMIN, Scope.APPROVE])
def test_a_runtime_key_never_carries_power_over_people(scope: Scope) -> None:
    request = asked(Scope.RUNTIME, scope, agent="desk", environment=Environment.STAGING)
    assert f"never carries `{scope}`" in reasons(request, actor(ActorKind.SERVICE), *Role)


def test_a_disabled_actor_gets_no_key() -> None:
    who = actor(status=ActorStatus.DISABLED)
    assert "disabled" in reasons(asked(Scope.READ), who, Role.VIEWER)


@pytest.mark.parametrize("offset", [timedelta(0), timedelta(days=-1), timedelta(days=3661)])
def test_an_expiry_in_the_past_or_far_off_is_refused(offset: timedelta) -> None:
    assert "ten years" in reasons(asked(Scope.READ, expires_at=NOW + offset), actor(), Role.VIEWER)


def test_every_reason_is_told_at_once() -> None:
    told = reasons(asked(Scope.ADMIN, Scope.AUTHOR, Scope.AUTHOR), actor(), Role.VIEWER)
    assert [part in told for part in ("`admin`", "`author`", "twice")] == [True, True, True]


def test_no_role_gives_the_runtime_scope_and_only_one_gives_each_power() -> None:
    for scope in set(Scope) - {Scope.READ, Scope.RUNTIME}:
        assert sum(scope in given for given in rules.ROLE_SCOPES.values()) == 1
    assert not any(Scope.RUNTIME in given for given in rules.ROLE_SCOPES.values())
    assert set(rules.ROLE_SCOPES) == set(Role)
