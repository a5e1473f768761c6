"""What is taken for a secret or for personal data, and what is not."""

import re
import sys
from types import FrameType
from typing import Final

import pytest

from placet.studio.sources.credentials import REST
from placet.studio.sources.model import FindingKind, FindingPlace, SourceMedia
from placet.studio.sources.scan import echoes, redacted, scan, secrets_in, told

OWN_KEY: Final = "plc_stg_abcdefghijk2_" + "Ab3" * 16 + "Z"
WEB_TOKEN: Final = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"  # noqa: S105 -- made up
HUB: Final = "ghp_" + "a1B2c3D4e5F6" * 3

# Kind, text, what of it must go.
FOUND: Final = (
    ("private_key", "-----BEGIN OPENSSH PRIVATE KEY-----", "-----BEGIN OPENSSH PRIVATE KEY"),
    ("private_key", "PuTTY-User-Key-File-3: ssh-rsa", "PuTTY-User-Key-File-3"),
    ("private_key", "AGE-SECRET-KEY-1" + "Q" * 20, "AGE-SECRET-KEY-1" + "Q" * 20),
    ("token", f"push with {HUB} now", HUB),
    ("token", f'"log":"line\\n{HUB}\\n"', HUB),
    ("token", "AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
    ("token", "key sk-proj-abc123def456ghi789jkl.", "sk-proj-abc123def456ghi789jkl"),
    ("token", "sk_live_4eC39HqLyjWDarjtT1", "sk_live_4eC39HqLyjWDarjtT1"),
    ("token", "xoxb-123456789012-abcdef", "xoxb-123456789012-abcdef"),
    ("token", "glpat-abcDEF123456ghiJKL78", "glpat-abcDEF123456ghiJKL78"),
    ("token", "AIza" + "Sy_-0" * 7, "AIza" + "Sy_-0" * 7),
    ("placet_key", f"Bearer {OWN_KEY}", OWN_KEY),
    ("jwt", f"cookie={WEB_TOKEN};", WEB_TOKEN),
    ("authorization", "Authorization: Bearer abcdef0123456789", "abcdef0123456789"),
    ("authorization", "authorization: basic YWRtaW46YWRtaW4=", "YWRtaW46YWRtaW4="),
    ("password", "password=hunter22", "hunter22"),
    ("password", "password: swordfish\n", "swordfish"),
    ("password", "DB_PASSWORD='x7 Y!zz'", "x7 Y!zz"),
    ("password", '{"userPassword" : "hun\\"ter2"}', 'hun\\"ter2'),
    ("password", '{"body": "{\\"password\\":\\"hunter2\\"}"}', "hunter2"),
    ("password", "**Password:** hunter2!", "hunter2!"),
    ("password", "<password>hunter2</password>", "hunter2"),
    ("password", "Server=db;Pwd=s3cr3t;Database=x", "s3cr3t"),
    ("password", "postgres://desk:s3cr3t@db:5432/x", "s3cr3t"),
    ("password", "https:\\/\\/desk:s3cr3t@db", "s3cr3t"),
    ("password", 'passphrase="' + "aB3" * 200 + '"', "aB3" * 200),
    ("credential", "api_key: a1b2c3d4e5", "a1b2c3d4e5"),
    ("credential", "?apiKey=a1b2c3d4e5&x=1", "a1b2c3d4e5"),
    ("credential", "client_secret = 9f8e7d6c5b4a", "9f8e7d6c5b4a"),
    ("credential", 'secret: "kJ8s7Df6Gh5Jk4Ls3Qw2"', "kJ8s7Df6Gh5Jk4Ls3Qw2"),
    ("credential", "access_token=" + "a1B2c3D4" * 60, "a1B2c3D4" * 60),
    ("email", "ask ada.love+x@mail.example.org.", "ada.love+x@mail.example.org"),
    ("email", '"ada\\u0040example.org"', "ada\\u0040example.org"),
    ("email", "ünal@example.org", "ünal@example.org"),
    ("phone", "call +49 (30) 901-820 now", "+49 (30) 901-820"),
    ("phone", "call (415) 555-2671 now", "(415) 555-2671"),
    ("phone", "call 415-555-2671 now", "415-555-2671"),
    ("phone", '"mobile_number": "0171 1234567"', "0171 1234567"),
    ("iban", "to DE89 3704 0044 0532 0130 00 AND", "DE89 3704 0044 0532 0130 00"),
    ("iban", "to GB82WEST12345698765432.", "GB82WEST12345698765432"),
    ("card", "card 4111 1111 1111 1111 of", "4111 1111 1111 1111"),
    ("card", "card 5555-5555-5555-4444.", "5555-5555-5555-4444"),
    ("card", "card 378282246310005", "378282246310005"),
    ("national_id", "number 123-45-6789", "123-45-6789"),
)

NONE: Final = (
    "-----BEGIN PUBLIC KEY-----",
    "task-" + "a1B2c3D4" * 4,
    "sk-learn-something-long-enough-here",
    "ghp_short1",
    "plc_stg_abcdefghijk2_short",
    "eyJ.a.b and eyJhbGciOiJIUzI1NiJ9 alone",
    "bearer responsibilities",
    "Basic understanding-of-it",
    "Password: must have at least 12 characters",
    "the password is required",
    "password: string",
    "password: ${DB_PASSWORD}",
    "password=<your password>",
    "password = os.environ['DB_PASSWORD']",
    "password: [redacted:password]",
    '"password": {"type": "string"}',
    '"required": ["password", "email"]',
    "passwordless: yes-indeed",
    "token: refund_token_name",
    "max_tokens: 4096",
    "idempotency_key: 01990000-0000-7000-8000-00000000000a",
    "token: 01990000-0000-7000-8000-00000000000a",
    "api_key: payments",
    'secret: "the customer\'s secret"',
    "postgres://user:password@host/db",
    "http://host:8080/path",
    "package@1.2.3, @mention and a@b",
    "+5 points, +1 2024",
    "2024-01-01T00:00:00Z 1700000000000",
    "555-1234",
    "DE89 3704 0044 0532 0130 01",
    "ZZ89 3704 0044 0532 0130 00",
    "4111 1111 1111 1112",
    "1234567890123456",
    "ord_4111111111111111",
    "000-12-3456 and 666-12-3456 and 123-00-4567",
)


@pytest.mark.parametrize(("kind", "text", "gone"), FOUND)
def test_what_must_not_be_kept_is_found_and_nothing_beside_it(
    kind: str, text: str, gone: str
) -> None:
    found = [(hit.kind, text[hit.start : hit.end]) for hit in scan(text).hits]
    assert found == [(FindingKind(kind), gone)]


@pytest.mark.parametrize("text", NONE)
def test_what_only_looks_like_it_is_left_alone(text: str) -> None:
    assert [(hit.kind, text[hit.start : hit.end]) for hit in scan(text).hits] == []


def test_every_kind_has_an_example() -> None:
    assert {kind for kind, _, _ in FOUND} == {kind.value for kind in FindingKind}


def test_a_finding_tells_where_and_how_long_and_never_what() -> None:
    text = "one\ntwo ada@example.org, ben@example.org\nthree\n +49 30 901820"
    found = list(told(text, scan(text).hits, FindingPlace.CONTENT))
    assert [(at.kind.value, at.line, at.column, at.length) for at in found] == [
        ("email", 2, 5, 15),
        ("email", 2, 22, 15),
        ("phone", 4, 2, 13),
    ]


def test_findings_that_overlap_go_as_one() -> None:
    text = f"password={HUB}"
    assert redacted(text, scan(text).hits, SourceMedia.TEXT) == "password=[redacted:token]"


def test_a_secret_goes_wherever_else_it_stands_and_a_mere_word_does_not() -> None:
    text = "password=Tr0ub4dor&3 and password=swordfish: Tr0ub4dor&3xyz, swordfish"
    text = text.replace("&", "-")
    hits = scan(text).hits
    secrets = secrets_in(text, hits)
    assert secrets == {"Tr0ub4dor-3"}
    assert len(list(echoes(text, secrets))) == 2


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('{"card": 4111111111111111}', '{"card": "[redacted:card]"}'),
        ('[4111111111111111,"ada@x.org"]', '["[redacted:card]","[redacted:email]"]'),
        ('{"a@x.org": 1, "b@x.org": 2}', '{"[redacted:email]": 1, "[redacted:email]": 2}'),
        ('{"phone": 4915112345678.0}', '{"phone": "[redacted:phone]"}'),
        ("[ada@x.org/ben@x.org]", '["[redacted:email]"]'),
        ('"x\\n4111111111111111\\n"', '"x\\n[redacted:card]\\n"'),
    ],
)
def test_json_stays_json(text: str, kept: str) -> None:
    assert redacted(text, scan(text).hits, SourceMedia.JSON) == kept


def test_the_search_ends_where_nothing_can_be_kept_any_more() -> None:
    secrets = scan("password=hunter22 " * 300)
    people = scan("ada@example.org " * 30_000)
    assert (secrets.reason, people.reason) == ("too_many_secrets", "too_much_personal_data")
    assert (len(secrets.hits), len(people.hits)) == (201, 20_001)


def test_no_pattern_reaches_over_a_line_end() -> None:
    broken = [re.sub(r"[ :=@-]", r"\g<0>\n", text) for _, text, _ in FOUND]
    for text in broken:
        for hit in scan(text).hits:
            assert "\n" not in text[hit.start : hit.end]


@pytest.mark.parametrize("form", ["password={}", 'password="{}"', "password='{}'"])
def test_a_value_in_which_many_secrets_seem_to_begin_is_read_to_its_end_once(form: str) -> None:
    text = form.format("password=" * 1_000)
    reads: list[object] = []

    def note(_: FrameType, event: str, called: object) -> None:
        if event == "c_call" and getattr(called, "__self__", None) in REST.values():
            reads.append(called)

    sys.setprofile(note)
    try:
        found = scan(text)
    finally:
        sys.setprofile(None)
    assert found.hits
    assert found.hits[0].end >= len(text) - 1
    assert 1 <= len(reads) <= 2
