"""`placet verify` on files, as a shell sees it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace
from tests.evidence.dossier_samples import approval_file, approval_record, artifact_file

from placet.cli.verify import verify
from placet.evidence.dossier import ArtifactLine

VECTORS = Path(__file__).parents[2] / "docs/reference/vectors"
BUNDLE = VECTORS / "bundle.jsonl"


def run(*arguments: str | Path, stdin: bytes | None = None) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(verify, [str(one) for one in arguments], input=stdin)


@pytest.fixture
def sample_keys(tmp_path: Path) -> Path:
    """Return the sample's key list, in a file that its owner alone may write."""
    file = tmp_path / "keys.json"
    file.write_bytes((VECTORS / "keys.json").read_bytes())
    file.chmod(0o600)
    return file


@pytest.fixture
def bad_bundle(tmp_path: Path) -> Path:
    """Return the sample bundle with one byte of its fifth line changed."""
    lines = BUNDLE.read_bytes().split(b"\n")
    lines[4] = lines[4].replace(b'"fence":0', b'"fence":1')
    path = tmp_path / "bad.jsonl"
    path.write_bytes(b"\n".join(lines))
    return path


def test_a_good_bundle_exits_0_and_says_what_was_and_was_not_proved() -> None:
    result = run(BUNDLE)
    assert result.exit_code == 0
    assert "20 events in 3 streams" in result.stdout
    assert "not proved:" in result.stdout


def test_a_bad_bundle_exits_1_and_names_the_item(bad_bundle: Path) -> None:
    result = run(bad_bundle)
    assert result.exit_code == 1
    assert result.stdout.startswith("bad: line 5, event 2 of stream ")


def test_the_json_report_is_one_object(bad_bundle: Path) -> None:
    good, bad = run(BUNDLE, "--json"), run(bad_bundle, "--json")
    assert json.loads(good.stdout)["good"] is True
    report = json.loads(bad.stdout)
    assert (report["good"], report["flaw"]["line"], report["events"]) == (False, 5, 3)
    assert bad.exit_code == 1


def test_a_bundle_can_come_from_standard_input() -> None:
    assert run("-", stdin=BUNDLE.read_bytes()).exit_code == 0
    assert run("-", stdin=BUNDLE.read_bytes()[:-2]).exit_code == 1


def test_pinned_keys_are_used(tmp_path: Path, sample_keys: Path) -> None:
    result = run(BUNDLE, "--keys", sample_keys, "--json")
    assert (result.exit_code, json.loads(result.stdout)["keys_pinned"]) == (0, True)
    none = tmp_path / "none.json"
    none.write_text('{"kind":"placet.keys.v1","version":1,"keys":[]}')
    none.chmod(0o600)
    assert run(BUNDLE, "--keys", none).exit_code == 1


def test_a_key_list_that_others_may_write_is_not_used(sample_keys: Path) -> None:
    sample_keys.chmod(0o666)
    result = run(BUNDLE, "--keys", sample_keys)
    assert result.exit_code == 2
    assert "chmod go-w" in result.stderr


def test_a_missing_file_exits_3_and_a_bad_key_list_2(tmp_path: Path) -> None:
    assert run(tmp_path / "none").exit_code == 3
    assert run(BUNDLE, "--keys", tmp_path / "none").exit_code == 3
    assert run(tmp_path).exit_code == 3
    bad = tmp_path / "bad.json"
    bad.write_bytes(b'{"keys":[]}')
    bad.chmod(0o600)
    assert run(BUNDLE, "--keys", bad).exit_code == 2


def test_a_dossier_is_told_from_a_bundle_and_verified(tmp_path: Path) -> None:
    whole = approval_file()
    file = tmp_path / "approval.jsonl"
    file.write_bytes(whole)
    good = run(file)
    assert good.exit_code == 0
    assert good.stdout.startswith("good: approval ")
    assert "2 people signed" in good.stdout
    assert "agent desk in production, workspace " in good.stdout
    assert "not proved:" in good.stdout
    report = json.loads(run("-", "--json", stdin=artifact_file()).stdout)
    assert (report["good"], report["subject"]) == (True, "artifact")
    file.write_bytes(whole.replace(b'"kind":"view"', b'"kind":"vieW"'))
    bad = run(file)
    assert bad.exit_code == 1
    assert bad.stdout.startswith("bad: line 4, the view: ")


def test_a_dossier_signed_by_others_than_the_pinned_keys_is_bad(
    tmp_path: Path, sample_keys: Path
) -> None:
    file = tmp_path / "approval.jsonl"
    file.write_bytes(approval_file())
    assert run(file, "--keys", sample_keys).exit_code == 1


def test_what_a_file_says_cannot_drive_the_terminal(tmp_path: Path) -> None:
    record = approval_record()
    lying = replace(record.artifact.envelope, payload_type="\x1b[2Jgood: approval\x1b[8m\u009b")
    file = tmp_path / "approval.jsonl"
    file.write_bytes(approval_file(replace(record, artifact=ArtifactLine(envelope=lying))))
    told, as_json = run(file), run(file, "--json")
    assert (told.exit_code, as_json.exit_code) == (1, 1)
    assert "\\u001b[2Jgood" in told.stdout
    assert told.stdout.rstrip("\n").isprintable()
    assert as_json.stdout.rstrip("\n").isprintable()
