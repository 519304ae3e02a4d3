"""What is looked for in quick ways is found where the slow way finds it, and nowhere else."""

from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seatrial.evidence.forms import Net
from seatrial.secrecy import keys

SECRETS = ("p4ss word/+é", "\\\\a\\b'c\"d", "İstanbul\u017f", "correct-horse-battery")

NAMES = """
    password passwd PASSPHRASE db_pass dbpass pass pwd oldpwd mypwd secret secrets TOKEN api_key
    apikey encryption-key master_keys access_tokens tokens credentials Authorization cookie
    otlp_traces_headers OTLP_HEADERS key monkey secret_key tokenizer secretary to\u212aen
    \u017fecret credent\u0131als Ap\u0130_key keyring_secret_token
"""
MARKS = ["=>", "==", "!=", ": ", '\\"', "b'", "://", "@", "  ", "bearer ", "x" * 12]
names = st.sampled_from(NAMES.split())
marks = st.sampled_from([*"=:,\"' \\\n.;(){}-_", *MARKS])


@given(st.lists(names | marks | st.text(max_size=3), max_size=14).map("".join))
@settings(max_examples=1500, deadline=None)
@example('{"token": "abc", \'api_key\': b\'x\', "password",  "p"}')
@example("encryption_key=1 encryption_key = 2 \u017fecret=3")
def test_values_of_keys(text: str) -> None:
    slowly = [found.span() for found in keys.PATTERN.finditer(text)]
    assert [found.span() for found in keys.matches(text)] == slowly


def _wrapped(secret: str) -> str:
    return base64.encodebytes(b"login:" * 9 + secret.encode()).decode()


encodings = st.sampled_from(
    [
        str,
        lambda one: quote(one, safe=""),
        lambda one: quote(quote(one)).lower(),
        lambda one: json.dumps(json.dumps(one)),
        lambda one: one[:1] + "".join(f"\\u{ord(char):04x}" for char in one[1:3]) + one[3:],
        lambda one: one.replace(" ", "+"),
        html.escape,
        lambda one: one.encode().hex(),
        lambda one: one.encode().hex().upper(),
        lambda one: base64.b64encode(one.encode()).decode(),
        lambda one: base64.urlsafe_b64encode(b"a" + one.encode()).decode(),
        lambda one: quote(base64.b64encode(b"ab" + one.encode()).decode()),
        lambda one: json.dumps(base64.b64encode(one.encode()).decode()).replace("/", "\\/"),
        _wrapped,
        lambda one: json.dumps(_wrapped(one)),
    ]
)
pieces = st.builds(
    lambda secret, encode, begin, end: encode(secret)[begin:end],
    st.sampled_from(SECRETS),
    encodings,
    st.sampled_from([0, 0, 0, 1, 4]),
    st.sampled_from([None, None, 9, 14, 40]),
)
noise = st.sampled_from(["...", "\n", "\\n", "%", "&", "\\", "+", " ", "İ", "a", "%25"])


@given(st.lists(pieces | noise | st.text(max_size=4), max_size=8).map("".join))
@settings(max_examples=400, deadline=None)
def test_encodings_of_secrets(text: str) -> None:
    net = Net(SECRETS)
    ends = [
        (start, max(found))
        for start in range(len(text))
        if (found := [e for form in net.forms if (e := form.end(text, start)) is not None])
    ]
    assert net.spans(text) == ends


@pytest.mark.parametrize("secret", SECRETS)
def test_what_a_neighbour_cannot_change_of_base64_is_its_sign(secret: str) -> None:
    for form, offset in zip(Net([secret]).base64, range(3), strict=True):
        for before, after in ((b"\0", b"\0"), (b"\xff", b"\xff")):
            whole = base64.b64encode(before * offset + secret.encode() + after).decode()
            assert form.sign in whole
            assert len(form.sign) == 7
