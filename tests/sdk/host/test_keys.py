"""The keys of a host stand in the file that pins them."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.sdk.host.desk import KEY, NOON, OTHER_KEY, host, sent

from placet.evidence.bundle import KeyList, KeyPurpose, NamedKey
from placet.evidence.ed25519 import SigningKey
from placet.kernel.canonical import canonical
from placet.sdk.host.keys import KeyFile, KeysUnreadable


def write(file: Path, *keys: tuple[SigningKey, KeyPurpose], at: datetime = NOON) -> None:
    named = tuple(
        NamedKey(key_id=key.key_id, public_key=key.public.raw, purpose=purpose)
        for key, purpose in keys
    )
    file.write_bytes(canonical(KeyList(version=1, keys=named)))
    file.chmod(0o600)
    os.utime(file, (at.timestamp(), at.timestamp()))


def test_a_file_gives_its_grant_keys_and_no_others(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    write(file, (KEY, KeyPurpose.GRANT), (OTHER_KEY, KeyPurpose.ARTIFACT))
    found = KeyFile(file).current()
    assert found.keys == (KEY.public,)
    assert found.as_of == NOON
    assert host(keys=KeyFile(file)).check(sent()).is_good


def test_a_file_is_read_again_once_it_changed(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    write(file, (OTHER_KEY, KeyPurpose.GRANT))
    source = KeyFile(file)
    assert source.current().keys == (OTHER_KEY.public,)
    later = datetime(2026, 3, 2, tzinfo=UTC)
    write(file, (KEY, KeyPurpose.GRANT), at=later)
    assert source.current().keys == (KEY.public,)
    assert source.current().as_of == later


def test_a_file_that_others_may_write_is_not_trusted(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    write(file, (KEY, KeyPurpose.GRANT))
    file.chmod(0o620)
    with pytest.raises(KeysUnreadable, match="others may write"):
        KeyFile(file).current()


@pytest.mark.parametrize("text", ["", "[]", '{"kind":"placet.keys.v1","version":1}'])
def test_what_is_no_list_of_keys_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "keys.json"
    file.write_text(text)
    with pytest.raises(KeysUnreadable, match="no list of keys"):
        KeyFile(file).current()
