"""Secrets that nobody declared are known by their shape; what only looks technical stays."""

from __future__ import annotations

import base64
import hashlib
import json
import time
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.evidence import shapes
from seatrial.evidence.redaction import MASK, Redactor

#: Taken to pieces, so that nobody's scanner takes this file for a leak.
TOKENS = {
    "AWS access key": "AKIA" + "IOSFODNN7EXAMPLE",
    "AWS access key of a session": "ASIA" + "IOSFODNN7EXAMPLE",
    "GitHub token": "ghp_" + "aB3" * 12,
    "GitHub token of an app": "ghs_" + "aB3" * 12,
    "GitHub token, fine-grained": "github_pat_" + "11ABCDEFG0aB3_" * 4,
    "Stripe key": "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc",
    "Stripe key for tests": "sk_test_" + "4eC39HqLyjWDarjtT1zdp7dc",
    "GitLab token": "glpat-" + "aB3-_" * 5,
    "SendGrid key": "SG." + "aB3-_" * 4 + "." + "aB3-_" * 8,
    "OpenAI or Anthropic key": "sk-proj-" + "aB3-_" * 8,
    "Slack token": "xoxb-" + "123456789012-abcDEF",
    "JWT": "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0In0" + ".dozjgNryP4J3jVmNHl0w5N",
    "JWT whose signature is cut off": "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0In0",
}
BODY = "\n".join(base64.b64encode(hashlib.sha384(bytes([n])).digest()).decode() for n in range(6))
KINDS = ["PRIVATE KEY", "RSA PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK"]


def key(kind: str = "PRIVATE KEY") -> str:
    return f"-----BEGIN {kind}-----\n{BODY}\nabcd==\n-----END {kind}-----"


def shown_of_key(text: str) -> list[str]:
    """Its lines that are still there."""
    return [line for line in BODY.splitlines() if line in text]


@pytest.mark.parametrize("what", TOKENS)
@pytest.mark.parametrize(
    "frame", ["{}", "got {} back", '{{"it": "{}"}}', "<{}>", "a\n{}\nb", "it={}"]
)
def test_tokens_that_say_what_they_are(what: str, frame: str) -> None:
    redacted = Redactor().redact(frame.format(TOKENS[what]))
    assert redacted == frame.format(MASK)
    assert Redactor().redact(redacted) == redacted


@pytest.mark.parametrize(
    ("line", "redacted"),
    [
        ("pip from https://tok2abcdefgh@pypi.corp/simple", "pip from https://***@pypi.corp/simple"),
        ("DSN=https://0af1c2d3e4f56789@o1.ingest.io/1", "DSN=https://***@o1.ingest.io/1"),
        ("https://hooks.slack.com/services/T0/B0/XXY", "https://hooks.slack.com/services/***"),
        ("https://discord.com/api/webhooks/12/a-b_c!", "https://discord.com/api/webhooks/***!"),
        ("https://all-the-maintainers@git.corp/x", "https://all-the-maintainers@git.corp/x"),
        ("https://somebody2@git.corp/x", "https://somebody2@git.corp/x"),
        ("amqp://worker-number-1@mq/", "amqp://worker-number-1@mq/"),
        ("https://example.com/a1b2c3d4e5f6@2", "https://example.com/a1b2c3d4e5f6@2"),
    ],
)
def test_tokens_in_urls(line: str, redacted: str) -> None:
    once = Redactor().redact(line)
    assert once == redacted
    assert Redactor().redact(once) == once


@pytest.mark.parametrize(
    ("line", "redacted"),
    [
        ("serve --password hunter2 -h db", "serve --password *** -h db"),
        ("it --api-key 'a b' --port 1", "it --api-key '***' --port 1"),
        ('it --auth-token "a b"', 'it --auth-token "***"'),
        ("it --pass x", "it --pass ***"),
        ("it --password=hunter2", "it --password=***"),
        (
            r'{"cmd": "mysql --password \"hunter2\" -h db"}',
            r'{"cmd": "mysql --password \"***\" -h db"}',
        ),
        ('it --password "hunter2', 'it --password "***'),
        ("it --password \\\n  hunter2", "it --password \\\n  ***"),
        ("it --password STRONGHOLD", "it --password ***"),
        ("it --password string1 --token TOKEN2", "it --password *** --token ***"),
        ("it --password password", "it --password ***"),
        ("it --password isotope --token 'is'", "it --password *** --token '***'"),
        ("it --password <hunter2>", "it --password ***"),
        ("it --api-key TOKEN", "it --api-key ***"),
        ("psql; it --password hunter2", "psql; it --password ***"),
        ("psql failed, it --password hunter2", "psql failed, it --password ***"),
        (r"psql -h db\nit --password hunter2", r"psql -h db\nit --password ***"),
        ("my-psql --password hunter2", "my-psql --password ***"),
        ("psql --admin-password hunter2", "psql --admin-password ***"),
        ("psql --password=hunter2", "psql --password=***"),
        ("sent Bearer /abcdefgh+12345678", "sent Bearer ***"),
        ("sent Bearer /abcdefGh/12345678", "sent Bearer ***"),
        ("sent Bearer /abcdefgh/12345678==", "sent Bearer ***"),
        ("psql --no-password inventory", "psql --no-password inventory"),
        ("gh auth login --with-token < file", "gh auth login --with-token < file"),
        ("password=hunter2", "password=***"),
        ("['--password', 'hunter2']", "['--password', '***']"),
        ("Authorization: Bearer abc", "Authorization: Bearer ***"),
        ("sent Bearer abcdefgh-12345678", "sent Bearer ***"),
    ],
)
def test_what_stands_behind_a_name(line: str, redacted: str) -> None:
    assert Redactor().redact(line) == redacted
    assert Redactor().redact(redacted) == redacted


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", ["lines", "json", "prefixed"])
def test_a_private_key(kind: str, way: str) -> None:
    text = key(kind)
    if way == "json":
        text = json.dumps(text)
    elif way == "prefixed":
        text = "\n".join(f"api | {line}" for line in text.splitlines())
    redacted = Redactor().redact(f"before\n{text}\nafter")
    assert shown_of_key(redacted) == []
    assert redacted.startswith("before\n")
    assert redacted.endswith("\nafter")
    assert Redactor().redact(redacted) == redacted


@pytest.mark.parametrize("cut", ["its end", "its beginning"])
@pytest.mark.parametrize("escaped", [False, True])
def test_what_is_left_of_a_private_key(cut: str, escaped: bool) -> None:
    text = key()[:250] if cut == "its end" else key()[-250:]
    text = json.dumps(text)[1:-1] if escaped else text
    redacted = Redactor().redact(f"a word before: {text}\n, and after")
    assert shown_of_key(redacted) == []
    assert redacted.startswith("a word before: ")
    assert redacted.endswith(", and after")
    assert Redactor().redact(redacted) == redacted


def test_a_public_key_is_none() -> None:
    text = key().replace("PRIVATE", "PUBLIC")
    assert Redactor().redact(text) == text
    told = "expected a first line -----BEGIN PRIVATE KEY-----, found none"
    assert Redactor().redact(told) == told


@pytest.mark.parametrize(
    "line",
    [
        "the bearer of this, Bearer authentication-of-everybody, Bearer realm=shop",
        "usage: it [--password-file FILE] [--port PORT]",
        "usage: it [--password PASSWORD] [--api-key KEY | --auth-token AUTH_TOKEN]",
        "usage: it --password <password> [--api-key <api-key>] [--token <TOKEN>]",
        "  --password string   of its user, --token TEXT  [required], --db-password VALUE",
        "--token is missing; --password must be set, --token, or --api-key. --secret and --token",
        "options --token or --password, --api-key cannot be both",
        "pg_dump --password inventory",
        "/usr/bin/psql -h db --port=5432 -U me --password inventory",
        "pg_restore --host db.example.org -v --password inventory",
        "rejected: bearer /api/v1/orders/17 and bearer /health/ready/2026-11-28/",
        "-----BEGIN CERTIFICATE-----",
        "sk-live_abcdefghijkl risk_live_abcdefghijkl xox-abcdefghijkl eyJhbGciOiJIUzI1NiJ9.json",
    ],
)
def test_what_only_begins_like_one_stays(line: str) -> None:
    assert Redactor().redact(line) == line


def test_lines_below_each_other_are_looked_at_one_by_one() -> None:
    redact = Redactor(["geheim-passwort-1234"]).redact_lines
    assert redact(["x geheim-passwo", "next line"]) == ["x ***", "next line"]
    assert redact(["could not read Password:", "2026-11-28 db down"])[1] == "2026-11-28 db down"


def test_lines_below_each_other_are_one_text() -> None:
    lines = ["before", *key().splitlines(), "after"]
    redacted = Redactor().redact_lines(lines)
    assert (redacted[0], redacted[-1]) == ("before", "after")
    assert shown_of_key("\n".join(redacted)) == []


hashes = st.binary(min_size=1, max_size=20).map(hashlib.sha256)
WORDS = (
    "started ready listening connection closed request user orders worker retrying in ms GET POST "
    "200 404 token. eyJ xoxo AKIA sk_live ghp_ --port 8080 --config a.yaml "
    "--password-file /run/secret --no-color -- --- a-b_c.d [info] <none> ~/.ssh null {} 100%"
)
ordinary = st.one_of(
    st.sampled_from(WORDS.split()),
    st.uuids().map(str),
    st.uuids().map(lambda one: one.hex.upper()),
    st.integers().map(str),
    st.floats(allow_nan=False).map(str),
    st.datetimes().map(lambda at: at.isoformat()),
    st.ip_addresses().map(str),
    hashes.map(lambda one: one.hexdigest()),
    hashes.map(lambda one: f"sha256:{one.hexdigest()}"),
    hashes.map(lambda one: f"sha256-{base64.b64encode(one.digest()).decode()}"),
    hashes.map(lambda one: base64.urlsafe_b64encode(one.digest()).decode()),
    st.builds(
        "{}://{}:{}/{}?page={}#top".format,
        st.sampled_from(["http", "https", "amqp", "postgresql"]),
        st.sampled_from(["localhost", "127.0.0.1", "db.example.org", "user@db"]),
        st.integers(1, 65_535),
        st.uuids(),
        st.integers(0, 99),
    ),
)


@given(
    words=st.lists(ordinary, min_size=1, max_size=12), between=st.sampled_from([" ", "\t", "\n"])
)
@settings(max_examples=400, deadline=None)
def test_ordinary_lines_stay_as_they_are(words: list[str], between: str) -> None:
    line = between.join(words)
    assert Redactor().redact(line) == line


@given(st.text(st.characters(codec="utf-8"), max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_text_is_redacted_once_and_for_all(text: str) -> None:
    redacted = Redactor().redact(text)
    assert Redactor().redact(redacted) == redacted


HOSTILE = [
    "eyJ",
    "eyJaaaaaaaa.",
    "eyJaaaaaaaa.eyaaa-",
    "xoxb-",
    *("glpat-", "SG.", "SG.aaaaaaaaaaaaaaaaaaaa-", "sk-ant-"),
    "AKIA",
    "ghp_",
    "github_pat_",
    "sk_live_",
    "bearer ",
    "Bearer aaaaaaaaaaaaaaaaaaaa",
    "--",
    "--password ",
    "--password '",
    "psql --password it ",
    "bearer /a/",
    "psql -a b ",
    "-----BEGIN PRIVATE KEY-----",
    "-----END PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----\\n",
    "-----BEGIN A ",
    "QUFB\n-----END PRIVATE KEY-----",
    "-----END PRIVATE KEY-----" + "Q" * 60 + "\n",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_text_takes_time_in_proportion(piece: str) -> None:
    started = time.perf_counter()
    shapes.find(piece * (200_000 // len(piece)))
    shapes.find("psql" + " -a b" * 40_000 + " --password x" * 10_000)
    shapes.find("-----BEGIN PRIVATE KEY-----" + "eyJ sk_live_ " + "a\\" * 100_000)
    assert time.perf_counter() - started < 10  # some tenths; a quadratic pattern takes minutes


def test_of_each_shape_there_is_an_example_here() -> None:
    example = {
        **TOKENS,
        "Bearer token": "Bearer " + str(uuid.UUID(int=1 << 127)),
        "Webhook of Slack or Discord": "https://hooks.slack.com/services/T0/B0/XXY",
        "Token alone in a URL": "https://tok2abcdefgh@pypi.corp/simple",
    }
    for shape in shapes.SHAPES:
        assert shape.what in example
        assert shape.pattern.search(example[shape.what])
