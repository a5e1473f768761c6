"""The verifier is one file: it needs no other of ours, and says what `placet verify` says."""

import ast
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.evidence.bundle_samples import all_keys, bundle_v2, log_of, sample_streams
from tests.evidence.dossier_samples import approval_file

from placet.evidence import verify as verifier
from placet.evidence.bundle import KeyList
from placet.evidence.dsse import encode_envelope
from placet.kernel import foreign
from placet.kernel.canonical import canonical

FILE = Path(verifier.__file__)
WITHOUT_OURS = """
import sys
sys.path[:] = [one for one in sys.path if not one.endswith("src")]
sys.meta_path[:] = [one for one in sys.meta_path if "editable" not in repr(one)]
sys.modules["placet"] = sys.modules["msgspec"] = None
import runpy
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
SIZE = len(log_of(sample_streams()).leaves)


@pytest.fixture
def alone(tmp_path: Path) -> Path:
    """Return a copy of the file in a folder of its own."""
    copy = tmp_path / "copy" / "verify.py"
    copy.parent.mkdir()
    shutil.copy(FILE, copy)
    return copy


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Return a good bundle."""
    file = tmp_path / "bundle.jsonl"
    file.write_bytes(b"".join(bundle_v2()))
    return file


def run(copy: Path, *arguments: str | Path, stdin: bytes = b"") -> SimpleNamespace:
    """Run the copy with nothing of ours and no msgspec in reach, and return what it said."""
    command = [sys.executable, "-I", "-c", WITHOUT_OURS, copy, *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=300, check=False)  # noqa: S603 -- of our own
    return SimpleNamespace(
        code=done.returncode, out=done.stdout.decode(), fault=done.stderr.decode()
    )


def test_it_imports_the_standard_library_and_cryptography_and_nothing_else() -> None:
    imported = {
        alias.name if isinstance(node, ast.Import) else node.module
        for node in ast.walk(ast.parse(FILE.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    strangers = {str(name).partition(".")[0] for name in imported} - set(sys.stdlib_module_names)
    assert strangers == {"cryptography"}


def test_a_copy_of_it_runs_alone(alone: Path, bundle: Path) -> None:
    said = run(alone, bundle)
    assert (said.code, said.fault) == (0, "")
    assert said.out.startswith("good: bundle of tenant ")
    assert "not proved:\n" in said.out
    cut = bundle.with_name("cut.jsonl")
    cut.write_bytes(bundle.read_bytes()[:-500])
    said = run(alone, cut)
    assert (said.code, said.out[:5]) == (1, "bad: ")
    assert run(alone, bundle.with_name("missing")).code == 2


def test_it_reads_keys_checkpoints_and_standard_input(alone: Path, bundle: Path) -> None:
    keys, kept = bundle.with_name("keys.json"), bundle.with_name("kept.json")
    keys.write_bytes(canonical(KeyList(version=1, keys=all_keys())))
    kept.write_bytes(encode_envelope(log_of(sample_streams()).checkpoint(SIZE // 2)))
    arguments = ("-", "--keys", keys, "--checkpoint", kept, "--json")
    said = run(alone, *arguments, stdin=bundle.read_bytes())
    report = json.loads(said.out)
    assert (report["good"], report["keys_pinned"], report["log_size"]) == (True, True, SIZE)
    kept.write_bytes(b"{}")
    assert "cannot be read" in run(alone, bundle, "--checkpoint", kept).fault


def test_it_knows_a_dossier_when_it_sees_one(alone: Path, tmp_path: Path) -> None:
    file = tmp_path / "approval.jsonl"
    file.write_bytes(approval_file())
    assert run(alone, file).out.startswith("good: approval ")


def test_it_runs_as_a_part_of_the_package(bundle: Path) -> None:
    command = [sys.executable, "-m", "placet.evidence.verify", str(bundle)]
    done = subprocess.run(command, capture_output=True, timeout=300, check=True)  # noqa: S603 -- of our own
    assert done.stdout.startswith(b"good: ")


def test_it_writes_json_as_the_service_does() -> None:
    """Two programs, one form: what the other one takes, this one takes, and nothing more."""
    texts = [
        b"[1e21,1e-7,0.1,333333333.33333329,4.35,0.00001,5e-324,1.7976931348623157e+308,-1.5,100]",
        '{"€":3,"😀":1,"דּ":2}'.encode(),
        '{"\U0001f600":1,"\ufb33":2,"\u20ac":3}'.encode(),
        b'"\\u0000"',
        b'"\\u001f\\u007f\\b\\"\\\\/"',
        b"[" * 64 + b"]" * 64,
        b"[" * 65 + b"]" * 65,
        b"9" * 4_000,
        b"9" * 4_001,
        b'{"a":1,"a":1}',
        b"-0",
        b"1.0",
        b"1E2",
        b"[1, 2]",
        b'{"b":1,"a":2}',
        b"NaN",
        b'"\xff"',
        b'"\\ud800"',
        b"",
        b"1 ",
        b"\xef\xbb\xbf1",
    ]
    for text in texts:
        try:
            is_taken = foreign.encode(foreign.parse(text)) == text
        except ValueError:
            is_taken = False
        try:
            verifier.read_form(text, doubles=True)
        except (ValueError, RecursionError):
            assert not is_taken, text[:80]
        else:
            assert is_taken, text[:80]


def test_a_line_of_brackets_takes_no_time_and_no_stack() -> None:
    begin = time.process_time()
    for text in (b"[" * 1_000_000, b'{"a":' * 200_000, b"[" * 900 + b"]" * 900):
        with pytest.raises((ValueError, RecursionError)):
            verifier.read_form(text)
    assert time.process_time() - begin < 10
