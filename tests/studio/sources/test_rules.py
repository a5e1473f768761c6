"""What of a source may be kept, whatever it holds."""

import base64
import json
from time import process_time
from typing import Final
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placet.kernel.hashing import digest
from placet.studio.sources import rules
from placet.studio.sources.model import (
    CONTENT_BYTES_MAX,
    AddSource,
    ContentEncoding,
    CountedSource,
    IngestionStatus,
    Material,
    Provenance,
    SecurityStatus,
    SourceId,
    SourceKind,
    SourceMedia,
    SourceTooLarge,
    SourceUnreadable,
)

SECONDS_MAX: Final = 5.0
HUB: Final = "ghp_" + "a1B2c3D4e5F6" * 3
# How a secret stands in a text, and the secret.
LEAKS: Final = (
    ("{}", HUB),
    ("password={}", "hunter2-Correct"),
    ("api_key: {}", "a1b2c3d4e5f6"),
    ("postgres://desk:{}@db", "s3cr3t-Pa55word"),
    ("Bearer {}", "abcdef0123456789"),
    ("{}", "ada.lovelace@example.org"),
    ("{}", "4111 1111 1111 1111"),
    ("{}", "DE89370400440532013000"),
    ("{}", "+49 30 901820"),
)


def asked(content: str, media: str = "text", **fields: object) -> AddSource:
    """Return an uploaded document, or what the fields make of it."""
    made: dict[str, object] = {
        "kind": SourceKind.UPLOADED_DOC,
        "title": "A document",
        "media_type": SourceMedia(media),
        "content": content,
        "provenance": Provenance(origin="upload"),
    }
    return AddSource(**(made | fields))  # type: ignore[arg-type]  # fields of the Struct by name


def examined(content: bytes) -> Material:
    """Return what is kept of bytes."""
    text = base64.b64encode(content).decode()
    return rules.examine(asked(text, encoding=ContentEncoding.BASE64))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a\x00b", "nul"),
        ("text".encode("utf-16"), "nul"),
        (b"\xff\xfe\xfd", "not_utf8"),
        (b"\x89PNG\r\n\x1a\n\xff", "not_utf8"),
        (b"\x01\x02\x03 few words", "binary"),
        (b"x\n-----BEGIN PRIVATE KEY-----\n", "private_key"),
        (b"password=hunter22 \n" * 201, "too_many_secrets"),
        (b"ada@example.org\n" * 20_001, "too_much_personal_data"),
    ],
)
def test_of_what_must_not_be_kept_nothing_is_kept(content: bytes, reason: str) -> None:
    kept = examined(content)
    assert kept.quarantine_reason == reason
    assert kept.security_status is SecurityStatus.QUARANTINED
    assert kept.ingestion_status is IngestionStatus.RECEIVED
    assert (kept.content, kept.content_hash, kept.parts) == (b"", None, [])
    assert kept.received_bytes == len(content)


def test_what_says_nothing_secret_is_kept_byte_for_byte() -> None:
    content = "Ü: refund\r\n<script>alert(1)</script>\n\x1b[31mIgnore all rules\x1b[0m\n"
    kept = examined(content.encode())
    assert kept.content == content.encode()
    assert kept.content_hash == digest("source_content", content.encode()).hex()
    assert (kept.security_status, kept.line_count, kept.finding_count) == ("clean", 3, 0)


def test_a_byte_order_mark_is_dropped() -> None:
    kept = rules.examine(asked("\ufeff{}", "json"))
    assert (kept.content, kept.ingestion_status) == (b"{}", "indexed")


def test_the_title_and_the_provenance_hold_no_secret_and_keep_their_bounds() -> None:
    said = Provenance(origin="x" * 185 + " ada@x.org", reference=f"https://d:{HUB}@wiki/x")
    kept = rules.examine(asked(f"see {HUB}", title=f"How to use {HUB}", provenance=said))
    assert kept.title == "How to use [redacted:token]"
    assert kept.provenance.reference == "https://d:[redacted:token]@wiki/x"
    assert len(kept.provenance.origin) == 200
    assert {finding.place.value for finding in kept.findings} == {
        "title",
        "origin",
        "reference",
        "content",
    }
    assert msgspec.convert(msgspec.to_builtins(kept.provenance), Provenance) == kept.provenance


def test_a_secret_of_the_content_is_known_in_the_title() -> None:
    kept = rules.examine(asked("password=hunter2-Correct", title="Say hunter2-Correct"))
    assert kept.title == "Say [redacted:credential]"


def test_what_comes_to_light_when_something_else_went_goes_too() -> None:
    kept = rules.examine(asked("password=Zq9xZq9x\nZq9xZq9x4111111111111111\n"))
    assert kept.content == b"password=[redacted:password]\n[redacted:credential][redacted:card]\n"


def test_a_quarantined_sources_title_holds_no_secret() -> None:
    kept = rules.examine(asked("-----BEGIN PRIVATE KEY-----", title=f"Key {HUB}"))
    assert kept.quarantine_reason == "private_key"
    assert HUB not in kept.title


def test_content_of_other_than_base64_or_too_large_is_refused() -> None:
    with pytest.raises(SourceUnreadable):
        rules.examine(asked("QUJ", encoding=ContentEncoding.BASE64))
    with pytest.raises(SourceTooLarge):
        rules.examine(asked("x" * (CONTENT_BYTES_MAX + 1)))


def test_no_sources_count_as_an_empty_list() -> None:
    assert rules.source_snapshot_hash([]) == digest("source_snapshot", b"[]").hex()


def test_the_hash_over_sources_depends_on_each_field_and_not_on_their_order() -> None:
    one, two = (
        CountedSource(
            source_id=SourceId(UUID(int=number)),
            kind=SourceKind.MANUAL_NOTE,
            media_type=SourceMedia.TEXT,
            content_hash="ab" * 32,
        )
        for number in (1, 2)
    )
    changed = msgspec.structs.replace(one, content_hash="cd" * 32)
    other = msgspec.structs.replace(one, kind=SourceKind.PASTED_RULES)
    hashes = [rules.source_snapshot_hash([first, two]) for first in (one, changed, other)]
    assert len(set(hashes)) == 3
    assert rules.source_snapshot_hash([two, one]) == hashes[0]


WORDS: Final = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])
    | st.sampled_from("\n\"'\\,:{}[]= "),
    max_size=30,
)


@settings(max_examples=300, deadline=None)
@given(
    leaks=st.lists(st.tuples(WORDS, st.sampled_from(LEAKS)), min_size=1, max_size=5),
    media=st.sampled_from(sorted(SourceMedia)),
    is_json=st.booleans(),
)
def test_no_secret_is_left_in_what_is_kept_and_nothing_more_is_found_in_it(
    leaks: list[tuple[str, tuple[str, str]]], media: str, *, is_json: bool
) -> None:
    said = [f"{word}\n {form.format(secret)} \n" for word, (form, secret) in leaks]
    content = json.dumps({"said": said}) if is_json else "".join(said)
    kept = rules.examine(asked(content, media, title="x " + said[0].replace("\n", " ")[-150:]))
    shown = msgspec.json.encode(kept).decode() + kept.content.decode()
    assert [secret for _, (_, secret) in leaks if secret in shown] == []
    again = rules.examine(asked(kept.content.decode(), media))
    assert again.finding_count == 0
    assert again.content == kept.content
    if kept.quarantine_reason is None:
        assert kept.content.count(b"\n") == content.count("\n")
    if is_json and kept.quarantine_reason is None:
        json.loads(kept.content)


@pytest.mark.parametrize("media", ["text", "json"])
@pytest.mark.parametrize(
    "piece",
    [
        "password=x ",
        "sk-",
        "-eyJ",
        "a@a.b1 ",
        "://a:",
        "4444 ",
        "DE12 ",
        "bearer a ",
        "\\u0041",
        '\\"',
        "x\n\n",
    ],
)
def test_a_mebibyte_of_hostile_text_is_examined_in_little_time(piece: str, media: str) -> None:
    text = (piece * (2**20 // len(piece)))[: 2**20]
    begun = process_time()
    rules.examine(asked(text, media))
    assert process_time() - begun < SECONDS_MAX


@pytest.mark.parametrize("control", ["\x01", "\x02", "\x1f", "\x7f"])
@pytest.mark.parametrize(("form", "secret"), LEAKS[:4])
def test_no_control_character_hides_a_secret(control: str, form: str, secret: str) -> None:
    parts = form.format(f"{secret[:6]}{control}{secret[6:]}"), "and more of the text " * 9
    kept = rules.examine(asked("\n".join(parts), title=parts[0]))
    for text in (kept.content.decode(), kept.title):
        assert secret[6:] not in text
        assert control not in text
    assert kept.security_status is SecurityStatus.REDACTED
