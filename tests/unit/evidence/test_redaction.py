"""No secret survives redaction, in any encoding; and what is no secret survives it."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from _pytest._io.saferepr import saferepr
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from seatrial.declaration.load import load
from seatrial.evidence.redaction import MASK, PUBLIC, Redactor, cap, mask_urls, redactor_of
from seatrial.kinds.registry import KINDS
from seatrial.secrecy import ending

PASSWORD = "Zq8/+k\"é \\n'pw&w0rd"
ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": lambda s: s,
    "quote": lambda s: quote(s, safe=""),
    "quote, slashes kept": quote,
    "quote, lower case": lambda s: _lower_hex(quote(s, safe="")),
    "quote twice": lambda s: quote(quote(s, safe=""), safe=""),
    "quote_plus": quote_plus,
    "json": lambda s: json.dumps(s)[1:-1],
    "json, not ascii": lambda s: json.dumps(s, ensure_ascii=False)[1:-1],
    "json in json": lambda s: json.dumps(json.dumps(s))[3:-3],
    "every character as \\u": lambda s: "".join(
        "\\u" + s.encode("utf-16-be")[i : i + 2].hex()
        for i in range(0, len(s.encode("utf-16-be")), 2)
    ),
    "repr": lambda s: repr(s)[1:-1],
    "repr of bytes": lambda s: repr(s.encode())[2:-1],
    "html": html.escape,
    "hex": lambda s: s.encode().hex(),
    "hex, upper case": lambda s: s.encode().hex().upper(),
}


def _lower_hex(quoted: str) -> str:
    head, *rest = quoted.split("%")
    return head + "".join("%" + part[:2].lower() + part[2:] for part in rest)


def holds_in_base64(text: str, secret: str) -> bool:
    """Whether any run of base64 characters in the text decodes to something with the secret."""
    table = str.maketrans("-_", "+/", "=")
    for word in text.replace(MASK, " ").split():
        chars = word.translate(table)
        for skip in range(4):
            part = chars[skip:]
            part = part[: len(part) // 4 * 4]
            try:
                if secret.encode() in base64.b64decode(part, validate=True):
                    return True
            except ValueError:
                continue
    return False


characters = st.characters(codec="utf-8", exclude_characters="*")
secrets = st.text(characters, min_size=8, max_size=40).filter(lambda s: s not in PUBLIC)
texts = st.text(st.characters(codec="utf-8"), max_size=60)


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(secret=secrets, before=texts, after=texts)
@settings(max_examples=30, deadline=None)
def test_no_encoding_of_a_secret_survives(
    encoding: str, secret: str, before: str, after: str
) -> None:
    encoded = ENCODINGS[encoding](secret)
    assume(encoded not in before + after)
    redacted = Redactor([secret]).redact(before + encoded + after)
    for name, encode in ENCODINGS.items():
        assert encode(secret) not in redacted, name
    assert MASK in redacted


@given(
    secret=secrets,
    before=st.binary(max_size=7),
    after=st.binary(max_size=7),
    urlsafe=st.booleans(),
    frame=st.sampled_from(["{}", "Basic {}", '"auth": "{}"', "x {} y"]),
)
@settings(max_examples=150, deadline=None)
def test_no_secret_survives_in_base64(
    secret: str, before: bytes, after: bytes, urlsafe: bool, frame: str
) -> None:
    encode = base64.urlsafe_b64encode if urlsafe else base64.b64encode
    encoded = encode(before + secret.encode() + after).decode()
    redacted = Redactor([secret]).redact(frame.format(encoded))
    assert MASK in redacted
    assert not holds_in_base64(redacted, secret)


@given(secret=secrets, before=texts, kept=st.integers(6, 39), tail=st.sampled_from(["", "..."]))
@settings(max_examples=100, deadline=None)
def test_a_secret_that_a_cap_cut_does_not_survive(
    secret: str, before: str, kept: int, tail: str
) -> None:
    prefix = secret[:kept]
    assume(prefix not in before and prefix not in PUBLIC)
    assert prefix not in Redactor([secret]).redact(before + prefix + tail)


@given(secret=secrets, before=texts, after=texts, size=st.integers(20, 60))
@settings(max_examples=200, deadline=None)
def test_a_secret_whose_middle_or_beginning_was_left_out_does_not_survive(
    secret: str, before: str, after: str, size: int
) -> None:
    """As pytest shows what differs, and as we show the end of what a program said."""
    redactor, whole = Redactor([secret]), f"{before}{secret}{after}"
    for shown in (saferepr(whole, size), ending(whole, size)):
        parts = [secret[at : at + 7] for at in range(len(secret) - 6)]
        assume(not any(part in before + after for part in parts))
        redacted = redactor.redact(shown)
        assert [part for part in parts if part in redacted] == []
        assert redactor.redact(redacted) == redacted


def test_dots_before_what_is_no_secret_stay() -> None:
    redactor = Redactor(["correct-horse-battery"])
    for text in ("...batter", "and so on... battery", "…horse-b is", "....tery", "..battery"):
        assert redactor.redact(text) == text
    assert redactor.redact("'co...horse-b...' '…battery'") == "'co...***...' '…***'"


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_encoded_secret_cut_anywhere_does_not_survive(encoding: str) -> None:
    redactor = Redactor([PASSWORD])
    least = len(ENCODINGS[encoding](PASSWORD[:6]))
    text = ENCODINGS[encoding](PASSWORD)
    for length in range(least, len(text)):
        assert redactor.redact("sent: " + text[:length]) == f"sent: {MASK}"


def test_a_base64_header_cut_anywhere_does_not_survive() -> None:
    secret = "correct-horse-battery"
    for user in ("a", "ab", "abc"):
        text = base64.b64encode(f"{user}:{secret}".encode()).decode()
        for length in range(16, len(text)):
            assert MASK in Redactor([secret]).redact(f"basic, {text[:length]}")


def test_wrapped_base64_does_not_survive() -> None:
    secret = "correct-horse-battery-staple"
    wrapped = base64.encodebytes(b"x" * 40 + secret.encode() + b"y" * 40).decode()
    assert "\n" in wrapped.strip()
    for text in (wrapped, json.dumps(wrapped)):
        redacted = Redactor([secret]).redact(text)
        joined = redacted.replace("\\n", "").replace("\n", "").strip('"')
        assert MASK in redacted
        assert not holds_in_base64(joined, secret)


@given(secret=st.text("abcXYZ019/+%", min_size=8), text=st.text("ab= :/@password", max_size=60))
@settings(max_examples=100, deadline=None)
def test_redacting_twice_changes_nothing(secret: str, text: str) -> None:
    redactor = Redactor([secret])
    once = redactor.redact(f"{text} password={secret[:3]} {secret}{text}")
    assert redactor.redact(once) == once


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("password=abc rest", "password=*** rest"),
        ("PGPASSWORD=abc", "PGPASSWORD=***"),
        ("RABBITMQ_DEFAULT_PASS: guest", "RABBITMQ_DEFAULT_PASS: ***"),
        ('{"password": "a\\"b", "user": "u"}', '{"password": "***", "user": "u"}'),
        ("{'api_key': 'abc', 'n': 1}", "{'api_key': '***', 'n': 1}"),
        ("DB_PWD=abc PGPASS=abc", "DB_PWD=*** PGPASS=***"),
        ("DB_CREDENTIAL=abc", "DB_CREDENTIAL=***"),
        ('{"SIGNING_KEY": "abc"}', '{"SIGNING_KEY": "***"}'),
        ('{"passwd":"abc"}', '{"passwd":"***"}'),
        ('"{\\"token\\": \\"abc\\", \\"n\\": 1}"', '"{\\"token\\": \\"***\\", \\"n\\": 1}"'),
        ("client-secret = abc;", "client-secret = ***;"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("authorization: Basic YTpi\nHost: x", "authorization: Basic ***\nHost: x"),
        ("('authorization', 'Basic YTpi')", "('authorization', '***')"),
        ("(b'authorization', b'Basic YTpi')", "(b'authorization', b'***')"),
        ("Cookie: a=b; c=d\nHost: x", "Cookie: ***\nHost: x"),
        ("Set-Cookie: sid=1; Path=/", "Set-Cookie: ***"),
        ("OTEL_EXPORTER_OTLP_HEADERS=a=Basic b, c=d\nX=1", "OTEL_EXPORTER_OTLP_HEADERS=***\nX=1"),
        (
            '{"OTEL_EXPORTER_OTLP_LOGS_HEADERS": "a=b"}',
            '{"OTEL_EXPORTER_OTLP_LOGS_HEADERS": "***"}',
        ),
        ("postgresql://u:abc@h:1/d", "postgresql://u:***@h:1/d"),
        ("amqp://:abc@h/", "amqp://:***@h/"),
        ('invalid port in "u:abc@api:82/x" of', 'invalid port in "u:***@api:82/x" of'),
        ("dial u:abc@tcp(db:3306)/shop", "dial u:***@tcp(db:3306)/shop"),
        ("amqp://u:p@q@h/", "amqp://u:***@h/"),
        ('{"dsn": "redis:\\/\\/u:abc@h"}', '{"dsn": "redis:\\/\\/u:***@h"}'),
        ('{"password": "abc', '{"password": "***'),
    ],
)
def test_by_key(text: str, redacted: str) -> None:
    assert Redactor().redact(text) == redacted


@pytest.mark.parametrize(
    "text",
    [
        "GET /tasks/1 -> 200 in 3 ms",
        "assert token == expected",
        "http://localhost:8001/a:b@c",
        "5 tokens: one, two",
        "redis:7@sha256:1234567890abcdef",
        "12:30:01 rabbit@broker: connection from 10.0.0.1:5672 of guest@db:5432",
        "the password was not accepted for user u",
        "trials/test_p1_health.py::test_api[3-True]",
        "2024-01-01T00:00:00+00:00",
        "password=",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://c:4318 headers: x, HTTP_HEADERS=y",
        "PWD=/srv/app OLDPWD=/srv HOME=/root",
        '{"routing_key": "orders.created", "idempotency_key": "seatrial-7"}',
        "key: value, primary key=id, pass: 12, fail: 3, compass: north, bypass=on",
        '{"password": ""}',
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert Redactor(["correct-horse", "Zq8kwPw0rd"]).redact(text) == text


def test_short_values_are_redacted_by_key_only() -> None:
    assert Redactor(["guest"]).redact("guest password=guest") == "guest password=***"
    assert Redactor(["guests"]).redact("guests") == MASK


def test_a_public_word_is_redacted_by_key_only() -> None:
    redactor = Redactor(["postgres", "mailhog"], public=["mailhog"])
    assert redactor.redact("postgres mailhog") == "postgres mailhog"
    assert redactor.redact("password: postgres") == "password: ***"


def test_what_is_a_part_of_a_public_name_hides_nothing() -> None:
    redactor = Redactor(["airflow", "webserver-9"], public=["airflow-scheduler"])
    assert redactor.redact("airflow-scheduler airflow") == "airflow-scheduler airflow"
    assert redactor.redact("://airflow:airflow@db") == f"://airflow:{MASK}@db"
    assert redactor.redact("at webserver-9") == f"at {MASK}"
    redactor.publish(["test_webserver-9_answers"])
    assert redactor.redact("at webserver-9") == "at webserver-9"
    redactor.add(["webserver-9", "scheduler-7"])
    assert redactor.redact("webserver-9 scheduler-7") == f"webserver-9 {MASK}"


def test_words_of_our_own_sentences_stay_though_somebody_took_one_for_a_password() -> None:
    redactor = Redactor(["password", "secret"])
    assert redactor.redact("a wrong password or secret") == "a wrong password or secret"
    assert redactor.redact("DB_PASSWORD=password") == f"DB_PASSWORD={MASK}"


def test_a_public_word_that_begins_a_secret_stays() -> None:
    redactor = Redactor(["postgres_pass", "worker-7-secret"], public=["worker"])
    assert redactor.redact("cannot reach postgres") == "cannot reach postgres"
    assert redactor.redact("worker") == "worker"
    assert redactor.redact("cannot reach postgres_p") == "cannot reach ***"


def test_each_line_of_a_secret_is_one() -> None:
    key = "-----BEGIN KEY-----\nMIIline1AAAABBBB\r\n  MIIline2CCCCDDDD\n-----END KEY-----\n"
    text = "E   -----BEGIN KEY-----\nE   MIIline1AAAABBBB\nE     MIIline2CCCCDDDD\n"
    assert Redactor([key]).redact(text) == f"E   -----BEGIN KEY-----\nE   {MASK}\nE     {MASK}\n"
    for line in text.splitlines():
        assert "MII" not in Redactor([key]).redact(line)


def test_secrets_can_be_added() -> None:
    redactor = Redactor()
    assert redactor.redact("correct-horse") == "correct-horse"
    redactor.add(["correct-horse"])
    assert redactor.redact("correct-horse") == MASK


def test_json_is_redacted_by_value_and_by_key() -> None:
    value = {"a": ["correct-horse", 1, None], "token": "ab", "n": {"password": ["correct-horse"]}}
    assert Redactor(["correct-horse"]).redact_json(value) == {
        "a": [MASK, 1, None],
        "token": MASK,
        "n": {"password": [MASK]},
    }


def test_overlapping_secrets_leave_nothing_of_either() -> None:
    assert Redactor(["abcdefgh", "ghijklmn"]).redact("<abcdefghijklmn>") == "<***>"


def test_an_item_is_masked_whole_if_its_key_says_so() -> None:
    redactor = Redactor(["correct-horse"])
    assert redactor.redact_item("X-Api-Key", "a b c") == MASK
    assert redactor.redact_item("note", "see correct-horse") == "see ***"
    assert redactor.redact_item("password", "") == ""


def test_hostile_text_is_redacted_in_good_time() -> None:
    import time

    redactor = Redactor(["\\" * 10 + "abc", "%25%25%25%25", "correct-horse-battery"])
    started = time.perf_counter()
    for text in (
        "\\" * 8192,
        "%25" * 2730,
        "a" * 8192,
        "password" * 1000,
        "://a:" * 1600,
        "...a" * 2000,
    ):
        redactor.redact(text)
        redactor.redact("cookie: " + text)
    assert time.perf_counter() - started < 10  # a quadratic pattern takes minutes


def test_masked_urls() -> None:
    assert mask_urls("amqp://u:a%40b@h:1/v, http://h/") == "amqp://u:***@h:1/v, http://h/"


@given(text=texts, limit=st.integers(0, 80))
def test_a_capped_text_is_short_and_says_what_it_lacks(text: str, limit: int) -> None:
    capped = cap(text, limit)
    if len(text.encode()) <= limit:
        assert capped == text
    else:
        kept, _, note = capped.rpartition("... (")
        assert text.startswith(kept)
        assert len(kept.encode()) <= limit
        assert note == f"{len(text.encode()) - limit} bytes more)"


def test_names_of_services_are_public(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(
        "services: {airflow-web: {image: x, environment: {WEB_PASSWORD: airflow}}}"
    )
    (tmp_path / "seatrial.yaml").write_text(
        "system: shop\ncompose: compose.yaml\n"
        "components: {web: {kind: process, service: airflow-web}}\n"
    )
    redactor = redactor_of(load(tmp_path, KINDS, variables={}))
    redactor.add(["airflow"])
    assert redactor.redact("compose start airflow-web") == "compose start airflow-web"
