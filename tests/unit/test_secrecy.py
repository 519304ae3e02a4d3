"""What of a value under a name that names a secret must be shown nowhere."""

from __future__ import annotations

import pytest

from seatrial.evidence.redaction import Redactor
from seatrial.secrecy import may_name_secret, names_secret, secrets_under

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
        ("HTTP_HEADERS", "a=b", []),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318", []),
    ],
)
def test_of_one_value(name: str, value: str, secrets: list[str]) -> None:
    assert list(secrets_under(name, value)) == secrets
