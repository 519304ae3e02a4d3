"""What of a value under a name that names a secret must be shown nowhere."""

from __future__ import annotations

import pytest

from seatrial.evidence.redaction import Redactor
from seatrial.secrecy import LEFT_OUT, last_lines, may_name_secret, names_secret
from seatrial.secrecy.told import secrets_under

HEADERS = [
    "OTEL_EXPORTER_OTLP_HEADERS",
    *(f"OTEL_EXPORTER_OTLP_{signal}_HEADERS" for signal in ("TRACES", "METRICS", "LOGS")),
]


@pytest.mark.parametrize("name", HEADERS)
def test_headers_for_a_collector_are_secrets_together_and_alone(name: str) -> None:
    value = "Authorization=Bearer%20first/0ne==, x-tenant=sec0nd"
    assert names_secret(name)
    assert may_name_secret(name)
    redactor = Redactor(secrets_under(name, value))
    for text in ("first/0ne==", "first%2F0ne%3D%3D", "sec0nd"):
        assert redactor.redact(f"it sent {text} alone") == "it sent *** alone"
    assert redactor.redact("Authorization, x-tenant") == "Authorization, x-tenant"
    assert "0n" not in Redactor().redact(f"{name}={value}\n")


@pytest.mark.parametrize(
    ("name", "value", "secrets"),
    [
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization: Basic bWU6bXlzZWxm", ["bWU6bXlzZWxm"]),
        ("OTEL_EXPORTER_OTLP_HEADERS", "bWU6bXlzZWxmIQ==", ["bWU6bXlzZWxmIQ=="]),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=b=c,,d=", ["b=c", "d="]),
        ("AUTHORIZATION", "Bearer a,b=c", ["a,b=c"]),
        ("DB_PASSWORD", "a=b,c", ["a=b,c"]),
        ("DB_PASSWORD", "", []),
        ("GITHUB_PAT", "a", ["a"]),
        ("HASH_SALT", "a", ["a"]),
        ("BEARER", "a", ["a"]),
        ("X_BEARER", "a", ["a"]),
        ("FERNET", "a", ["a"]),
        ("NPM_AUTH", "a", ["a"]),
        ("REDIS_SENTINEL_AUTH", "a", ["a"]),
        ("VAPID_PRIVATE", "a", ["a"]),
        ("WEBHOOK_SIGNING", "a", ["a"]),
        ("RAILS_MASTER", "a", ["a"]),
        ("FORBEARER", "a", []),
        ("IS_PRIVATE", "a", []),
        ("SEARCH_PATH", "a", []),
        ("SALT", "a", []),
        ("HTTP_HEADERS", "a=b", []),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318", []),
    ],
)
def test_of_one_value(name: str, value: str, secrets: list[str]) -> None:
    assert list(secrets_under(name, value)) == secrets


@pytest.mark.parametrize(
    "name",
    [
        *("SECRET_KEY_BASE", "APP_KEY", "AIRFLOW__CORE__FERNET_KEY"),
        *("DB_PW", "AZURE_STORAGE_KEY", "JWT_SIGNING"),
    ],
)
def test_keys_of_frameworks(name: str) -> None:
    assert list(secrets_under(name, "s0me/key")) == ["s0me/key"]
    assert "s0me" not in Redactor().redact(f"{name}=s0me/key\n{name}: s0me/key")


@pytest.mark.parametrize(
    "name", ["BASIC_AUTH", "HTPASSWD", "a.basicauth.users", "ADMIN_LOGIN", "HTTP_BASIC"]
)
def test_an_error_quotes_no_login(name: str) -> None:
    assert may_name_secret(name)
    assert not names_secret("AUTH_MODE")
    assert not may_name_secret("AUTH_MODE")


def test_the_last_lines_of_a_whole_log_are_its_lines() -> None:
    assert last_lines("a\nb\nc\n", 2, cut=False) == ("b", "c")
    assert last_lines("", 2, cut=False) == ()


def test_what_is_left_of_a_line_that_was_cut_is_no_line() -> None:
    assert last_lines("st\nb\nc\n", 9, cut=True) == (LEFT_OUT, "b", "c")
    assert last_lines("st\nb\nc\n", 2, cut=True) == ("b", "c")
    assert last_lines("st", 9, cut=True) == (LEFT_OUT,)
    assert last_lines("s" * 8_192 + "rest", 9, cut=True) == (LEFT_OUT, "rest")


@pytest.mark.parametrize(
    "printed",
    [
        "le\x1b[0mak-\x1b[38;5;196;1mkey",
        "\x1b]0;a title\x07leak-\x1b]52;c;Y29weQ==\x1b\\key",
        "leak\x9b31m-\x9d2;title\x9ckey\x1b(B\x1b7",
        "\u202eleak\b-\x00key\u2069",
        "leak-key\x1b[",
        "leak-key\x1b]0;never ended",
    ],
)
def test_a_line_of_a_log_is_text_alone(printed: str) -> None:
    (line,) = last_lines(printed, 9, cut=False)
    assert line == "leak-key"
    assert Redactor(["leak-key"]).redact(line) == "***"
    assert last_lines(f"st\n{printed}", 1, cut=True) == ("leak-key",)


def test_what_a_log_says_otherwise_stays() -> None:
    said = "\tcaf\u00e9: 5 \u2264 7 [0m \U0001f600"
    assert last_lines(said, 1, cut=False) == (said,)
