"""`placet person-key`: a key that only its holder can use, and its way into a workspace."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from tests.cli.conftest import Done, Placet
from tests.server.serving import serving

from placet.cli.exits import Exit
from placet.evidence.dsse import parse_envelope
from placet.evidence.ed25519 import PublicKey
from placet.evidence.first_approver import first_challenge, first_naming
from placet.evidence.vote import ProofOfPossession, verify_proof
from placet.kernel.principal import Environment

WORDS = "a long enough one"
OPEN = {"PLACET_KEY_PASSPHRASE": WORDS}
SHORT = {"PLACET_KEY_PASSPHRASE": "short"}
OTHER = {"PLACET_KEY_PASSPHRASE": "another long one"}
TENANT, PERSON = UUID(int=1), UUID(int=2)
CHALLENGE = ("--challenge", "ab" * 32)


@pytest.fixture(scope="module")
def url(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service on the shared database."""
    with serving(database_url, tmp_path_factory.mktemp("keys")) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def file(placet: Placet, tmp_path: Path) -> Path:
    """A person's key in its file."""
    made = tmp_path / "ada.key"
    assert placet("person-key", "new", str(made), **OPEN).returncode == Exit.OK
    return made


def proof_of(placet: Placet, file: Path, *more: str, **variables: str) -> Done:
    who = ("--tenant", str(TENANT), "--person", str(PERSON))
    return placet("person-key", "proof", str(file), *who, *more, "--json", **(OPEN | variables))


@pytest.mark.parametrize("group", ["person-key", "key"])
def test_a_key_is_written_encrypted_for_its_owner_alone(
    placet: Placet, tmp_path: Path, group: str
) -> None:
    file = tmp_path / "ada.key"
    done = placet(group, "new", str(file), "--json", **OPEN)
    assert done.returncode == Exit.OK, done.stderr
    assert file.stat().st_mode & 0o777 == 0o600
    assert b"ENCRYPTED PRIVATE KEY" in file.read_bytes()
    made = json.loads(done.stdout)
    public = PublicKey(raw=base64.b64decode(made["public_key"]))
    assert made["key_id"] == public.key_id
    shown = json.loads(placet("person-key", "show", str(file), "--json", **OPEN).stdout)
    assert shown == made


def test_a_key_is_never_written_over(placet: Placet, file: Path) -> None:
    before = file.read_bytes()
    done = placet("person-key", "new", str(file), **OPEN)
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")
    assert file.read_bytes() == before


def test_a_key_is_not_made_in_a_folder_that_is_not_there(placet: Placet, tmp_path: Path) -> None:
    done = placet("person-key", "new", str(tmp_path / "no" / "ada.key"), **OPEN)
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")


def test_a_short_passphrase_is_refused_before_anything_is_written(
    placet: Placet, tmp_path: Path
) -> None:
    file = tmp_path / "ada.key"
    done = placet("person-key", "new", str(file), **SHORT)
    assert done.returncode == Exit.USAGE
    assert not file.exists()


def test_a_proof_names_tenant_person_and_challenge(placet: Placet, file: Path) -> None:
    shown, told = proven(placet, file, "--challenge", "ab" * 32)
    assert (shown.tenant_id, shown.actor_id, shown.challenge) == (TENANT, PERSON, "ab" * 32)
    assert "groups" not in told


def proven(placet: Placet, file: Path, *over: str) -> tuple[ProofOfPossession, dict[str, Any]]:
    done = proof_of(placet, file, *over)
    assert done.returncode == Exit.OK, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    key = PublicKey(raw=base64.b64decode(told["public_key"]))
    return verify_proof(parse_envelope(base64.b64decode(told["proof"])), key), told


def test_a_first_approver_s_proof_is_over_the_workspace_that_is_named(
    placet: Placet, file: Path
) -> None:
    before = UUID(int=3)
    where = ("--agent", "desk", "--environment", "production", "--after", str(before))
    shown, told = proven(placet, file, *where, "--group", "risk", "--group", "legal")
    naming = first_naming(TENANT, "desk", Environment.PRODUCTION, ["legal", "risk"], before)
    assert shown.challenge == first_challenge(naming).hex()
    assert told["groups"] == ["legal", "risk"]


@pytest.mark.parametrize(
    "over",
    [
        (),
        ("--agent", "desk"),
        ("--environment", "staging"),
        ("--agent", "desk", "--environment", "staging", "--challenge", "ab" * 32),
        ("--challenge", "ab" * 32, "--group", "risk"),
    ],
)
def test_a_proof_over_nothing_or_over_two_things_is_refused(
    placet: Placet, file: Path, over: tuple[str, ...]
) -> None:
    done = proof_of(placet, file, *over)
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")


@pytest.mark.parametrize("challenge", ["", "ab", "zz" * 32, "ab" * 33])
def test_a_challenge_of_another_form_is_refused(placet: Placet, file: Path, challenge: str) -> None:
    done = proof_of(placet, file, "--challenge", challenge)
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")


def test_another_passphrase_opens_nothing(placet: Placet, file: Path) -> None:
    done = proof_of(placet, file, *CHALLENGE, **OTHER)
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")


def test_a_file_that_others_may_read_is_not_used(placet: Placet, file: Path) -> None:
    file.chmod(0o640)
    done = proof_of(placet, file, *CHALLENGE)
    assert done.returncode == Exit.USAGE
    assert "chmod 600" in done.stderr


def test_a_file_that_holds_no_key_of_a_person_is_refused(placet: Placet, file: Path) -> None:
    other = generate_private_key(SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(WORDS.encode()),
    )
    for text in (b"", b"no key", other):
        file.write_bytes(text)
        assert proof_of(placet, file, *CHALLENGE).returncode == Exit.USAGE
    file.unlink()
    assert proof_of(placet, file, *CHALLENGE).returncode == Exit.NOT_FOUND


class Team:
    """A tenant with two people who have keys of their own, and a workspace that counts the one."""

    def __init__(self, placet: Placet, url: str, database_url: str, folder: Path) -> None:
        """Make all of it."""
        self.placet = placet
        self.url = url
        self.folder = folder
        roles = ("--role", "admin", "--role", "viewer")
        done = placet(
            "tenant", "create", "acme", *roles, "--json", PLACET_DATABASE_URL=database_url
        )
        made = json.loads(done.stdout)
        self.tenant, self.keys = made["tenant"]["tenant_id"], {"admin": made["api_key"]}
        self.ids = {name: self._person(name) for name in ("ada", "ben")}
        who = ("--tenant", self.tenant, "--person", self.ids["ada"])
        where = ("--agent", "desk", "--environment", "development")
        own = self.run("proof", "ada", *who, *where)
        asked = {"agent": "desk", "environment": "development", "approvers": [own]}
        self.workspace = self.post("/api/v1/studio/workspaces", asked)["workspace_id"]

    def _person(self, name: str) -> str:
        who = self.post("/api/v1/tenancy/actors", {"kind": "person", "name": name})["actor_id"]
        self.post("/api/v1/tenancy/role-grants", {"actor_id": who, "role": "approver"})
        asked = {"actor_id": who, "name": "k", "scopes": ["read", "approve"]}
        self.keys[name] = self.post("/api/v1/tenancy/api-keys", asked)["api_key"]
        self.run("new", name)
        return str(who)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Do something over HTTP as the admin."""
        headers = {"Authorization": f"Bearer {self.keys['admin']}"}
        headers["Idempotency-Key"] = f"{path}-{len(self.keys)}-{body.get('name', '')}"
        answer = httpx.post(f"{self.url}{path}", json=body, headers=headers)
        assert answer.is_success, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def ask(self, verb: str, *more: str, by: str) -> Done:
        """Run a command as somebody."""
        door = {"PLACET_API_KEY": self.keys[by], "PLACET_URL": self.url}
        return self.placet("person-key", verb, *more, "--json", **OPEN, **door)

    def file(self, name: str) -> str:
        """Return where somebody's key is."""
        return str(self.folder / f"{name}.key")

    def run(self, verb: str, name: str, *more: str) -> dict[str, Any]:
        """Run a command that needs no service with somebody's key."""
        done = self.placet("person-key", verb, self.file(name), *more, "--json", **OPEN)
        assert done.returncode == Exit.OK, done.stderr
        told: dict[str, Any] = json.loads(done.stdout)
        return told


@pytest.fixture
def team(placet: Placet, url: str, database_url: str, tmp_path: Path) -> Team:
    return Team(placet, url, database_url, tmp_path)


def test_a_colleague_is_enrolled_confirmed_and_revoked_from_the_terminal(team: Team) -> None:
    wish = team.ask("enrol", team.file("ben"), "--workspace", team.workspace, by="ben")
    assert wish.returncode == Exit.OK, wish.stderr
    enrolment = json.loads(wish.stdout)
    which = (enrolment["enrolment_id"], "--yes")
    own = team.ask("confirm", team.file("ben"), *which, by="ben")
    assert own.returncode == Exit.USAGE
    assert "nobody confirms their own enrolment" in own.stderr
    wrong = team.ask("confirm", team.file("ada"), *which, "--key-id", "0" * 64, by="ada")
    assert wrong.returncode == Exit.FAILED
    told = ("--key-id", team.run("show", "ben")["key_id"])
    done = team.ask("confirm", team.file("ada"), *which, *told, by="ada")
    assert done.returncode == Exit.OK, done.stderr
    assert json.loads(done.stdout)["status"] == "confirmed"
    assert json.loads(done.stdout)["counts_from"] is not None
    ended = team.ask("revoke", enrolment["key_id"], "--reason", "lost", by="ben")
    assert json.loads(ended.stdout)["revoked_by"] == team.ids["ben"]
    again = team.ask("revoke", enrolment["key_id"], "--reason", "lost", by="ada")
    assert again.returncode == Exit.FAILED


def test_somebody_comes_into_a_group_from_the_terminal(team: Team) -> None:
    who = ("--tenant", team.tenant, "--person", team.ids["ada"])
    first = ("--agent", "grouped-desk", "--environment", "development", "--group", "legal")
    own = team.run("proof", "ada", *who, *first)
    asked = {
        "agent": "grouped-desk",
        "environment": "development",
        "approval_policy": {"groups": [{"name": "legal"}]},
        "approvers": [own],
    }
    headers = {"Authorization": f"Bearer {team.keys['admin']}", "Idempotency-Key": "grouped"}
    made = httpx.post(f"{team.url}/api/v1/studio/workspaces", json=asked, headers=headers).json()
    where = ("--workspace", made["workspace_id"], "--group", "legal")
    wish = json.loads(team.ask("enrol", team.file("ben"), *where, by="ben").stdout)
    assert (wish["groups"], wish["missing"]) == (["legal"], ["legal"])
    done = team.ask("confirm", team.file("ada"), wish["enrolment_id"], "--yes", by="ada")
    assert "groups     legal" in done.stderr
    assert (json.loads(done.stdout)["status"], json.loads(done.stdout)["missing"]) == (
        "confirmed",
        [],
    )


def test_what_is_not_confirmed_is_declined(team: Team) -> None:
    wish = team.ask("enrol", team.file("ben"), "--workspace", team.workspace, by="ben")
    which = json.loads(wish.stdout)["enrolment_id"]
    done = team.ask("confirm", team.file("ada"), which, "--refuse", "--yes", by="ada")
    assert json.loads(done.stdout)["status"] == "declined"
