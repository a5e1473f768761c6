"""The files of our keys: whose they are, what a crash leaves, and what may not be read."""

import os
from pathlib import Path

import pytest

from placet.authority.key_files import KeyFileUnusable, find_key, held, key_in


def test_what_a_crash_left_of_a_key_is_gone_when_the_folder_is_next_held(tmp_path: Path) -> None:
    key = tmp_path / "grant.next.key"
    whole = key_in(key)
    second = tmp_path / ".grant.next.key.ab_12xyz"
    os.link(key, second)
    with held(tmp_path):
        assert not second.exists()
    assert [file.name for file in tmp_path.iterdir()] == [key.name]
    found = find_key(key)
    assert found is not None
    assert found.key_id == whole.key_id


def test_a_keys_name_is_on_the_disk_before_it_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[int, bool]] = []
    sync = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append((os.fstat(descriptor).st_ino, (tmp_path / "grant.key").exists()))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    key_in(tmp_path / "grant.key")
    assert (tmp_path.stat().st_ino, True) in synced


def test_a_key_that_root_makes_belongs_to_the_owner_of_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "fchown", lambda _, user, group: given.append((user, group)))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    key_in(tmp_path / "grant.key")
    assert given == []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    key_in(tmp_path / "artifact.key")
    owner = tmp_path.stat()
    assert given == [(owner.st_uid, owner.st_gid)]


@pytest.mark.parametrize("asked", ["stat", "read_text"])
def test_whoever_may_not_read_a_key_is_not_told_to_remove_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    key_in(tmp_path / "grant.key")

    def refuse(*_: object, **__: object) -> str:
        raise PermissionError

    monkeypatch.setattr(Path, asked, refuse)
    with pytest.raises(KeyFileUnusable) as refused:
        find_key(tmp_path / "grant.key")
    assert "chown" in refused.value.remedy
    assert "for a new key" not in refused.value.remedy
