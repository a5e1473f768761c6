"""Envelopes and payloads that nobody here may take, and a good one."""

import base64
import json
from collections.abc import Callable
from typing import Final

from tests.evidence.samples import PERSON_KEY

from placet.evidence import dsse

TYPE: Final = "placet.sample.v1"
PAYLOAD: Final = b'{"n":1}'
ENVELOPE: Final = dsse.sign(TYPE, PAYLOAD, PERSON_KEY)

REFUSED_PAYLOADS: Final = [
    b'{"n":1}',
    b'{"n":1,"note":null,"more":1}',
    b'{"n":1,"n":1,"note":null}',
    b'{"n":1,"note":"a","note":null}',
    b'{"note":null,"n":1}',
    b'{"n":1,"note":null} ',
    b'{"n":1,"note":null}{}',
    b'{"n": 1,"note":null}',
    b'{"n":1.0,"note":null}',
    b'{"n":"1","note":null}',
    b'{"n":1,"note":"\\u0061"}',
    b'{"n":9007199254740992,"note":null}',
    b'\xef\xbb\xbf{"n":1,"note":null}',
    b'{"n":1,"note":"\xff"}',
    b"[" * 100_000,
    b"",
    b"null",
    b'{"n":-0,"note":null}',
    b'{"n":1e0,"note":null}',
    b'{"n":01,"note":null}',
    b'{"n":NaN,"note":null}',
    b'{"n":true,"note":null}',
    b'{"n":-9007199254740992,"note":null}',
    b'{"n":' + b"9" * 5_000 + b',"note":null}',
    b'{"n":1,"note":"\\ud800"}',
    b'{"n":1,"note":"\xed\xa0\x80"}',
    b'{"n":1,"note":"\\/"}',
    b'{"n":1,"note":"\\u0000"}',
    b'{"n":1,"note":"a\\\\\\u0000"}',
    b'{"n":1,"note":"\\u000A"}',
    b'{"n":1,"note":"\t"}',
    b'{"n":1,"note":null}\n',
    b' {"n":1,"note":null}',
    b'[{"n":1,"note":null}]',
]
"""What is not the one form of `{\"n\":…,\"note\":…}`: an integer, and a text or null."""


def _text(change: Callable[[dict[str, object]], object]) -> bytes:
    plain = json.loads(dsse.encode_envelope(ENVELOPE))
    change(plain)
    return json.dumps(plain).encode()


def _signatures(*signatures: object) -> Callable[[dict[str, object]], object]:
    return lambda plain: plain.update(signatures=list(signatures))


GOOD_SIGNATURE = {
    "keyid": "k",
    "sig": base64.b64encode(ENVELOPE.signatures[0].sig).decode(),
}


REFUSED_ENVELOPES: Final = [
    b"",
    b"[]",
    b"[" * 100_000,
    _text(lambda plain: plain.update(more=1)),
    _text(lambda plain: plain.pop("payload")),
    _text(lambda plain: plain.update(payload="eyJuIjoxfR==")),
    _text(lambda plain: plain.update(payload="eyJuIjoxfQ")),
    _text(lambda plain: plain.update(payload="eyJuIjo xfQ==")),
    _text(lambda plain: plain.update(payload=1)),
    _text(lambda plain: plain.update(payloadType="")),
    _text(lambda plain: plain.update(payloadType="x" * 300)),
    _text(_signatures()),
    _text(_signatures(GOOD_SIGNATURE, GOOD_SIGNATURE)),
    _text(_signatures({**GOOD_SIGNATURE, "cert": "x"})),
    _text(_signatures({"sig": "AA=="})),
    _text(_signatures({**GOOD_SIGNATURE, "keyid": None})),
    _text(_signatures({**GOOD_SIGNATURE, "sig": GOOD_SIGNATURE["sig"] + "\n"})),
    _text(_signatures({**GOOD_SIGNATURE, "sig": GOOD_SIGNATURE["sig"].rstrip("=")})),
    _text(lambda plain: plain.update(signatures=GOOD_SIGNATURE)),
    _text(lambda plain: plain.update(signatures=None)),
    _text(lambda plain: plain.update(payloadType=None)),
    dsse.encode_envelope(ENVELOPE) + b"x",
    dsse.encode_envelope(ENVELOPE).replace(b'{"payload":', b'{"payload":"","payload":'),
]
"""What is no envelope of ours."""
