from __future__ import annotations

import pytest

from quantum_queue.contracts.environment import Problem, SettingsError, mask
from quantum_queue.contracts.settings import Settings, read_database_url, read_settings

GOOD = {
    "DATABASE_URL": "postgresql://quantum_user:quantum_pass@localhost:5432/quantum_db",
    "RABBITMQ_URL": "amqp://quantum_user:quantum_pass@localhost:5672/",
}


def problems(**changes: str | None) -> list[Problem]:
    environ = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}
    with pytest.raises(SettingsError) as caught:
        read_settings(environ)
    return caught.value.problems


def test_defaults() -> None:
    assert read_settings(GOOD) == Settings(GOOD["DATABASE_URL"], GOOD["RABBITMQ_URL"])
    assert read_settings(GOOD).port == 8001
    assert read_settings(GOOD).max_qubits == 24


def test_everything_can_be_set() -> None:
    found = read_settings({**GOOD, "PORT": "0", "MAX_QUBITS": "5", "LOG_LEVEL": "debug"})
    assert found.metrics_port is None
    assert (found.port, found.max_qubits, found.log_level) == (0, 5, "DEBUG")


@pytest.mark.parametrize("name", ["DATABASE_URL", "RABBITMQ_URL"])
def test_a_missing_variable_is_named_with_a_remedy(name: str) -> None:
    (problem,) = problems(**{name: None})
    assert problem.variable == name
    assert "not set" in problem.found
    assert f"set {name}=" in problem.remedy


def test_an_empty_variable_is_missing() -> None:
    (problem,) = problems(DATABASE_URL="  ")
    assert "empty" in problem.found


@pytest.mark.parametrize("misspelt", ["DATABSE_URL", "DATABASEURL", "database_url"])
def test_a_misspelt_variable_is_recognised(misspelt: str) -> None:
    (problem,) = problems(DATABASE_URL=None, **{misspelt: GOOD["DATABASE_URL"]})
    assert misspelt in problem.found
    assert "did you mean DATABASE_URL" in problem.remedy


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("localhost:5432/db", "must start with postgresql://"),
        ("postgresql+asyncpg://u:hunter22@h/db", "must start with postgresql://"),
        ("mysql://u:hunter22@h/db", "must start with postgresql://"),
        ("postgresql://u:hunter22@h:port/db", "port"),
        ("postgresql://u:hunter22@h:0/db", "port 0"),
        ("postgresql://u:hunter22@h:99999/db", "port"),
        ("postgresql://u:hunter22@h", "no database"),
        ("postgresql://u:hunter22@h/a/b", "must not contain /"),
        ("postgresql:///db", "no host"),
        ("postgresql://u:hunter22@h/d b", "white space"),
        ("postgresql://u:hun@t/er22@h/db", "percent-encoded"),
    ],
)
def test_a_malformed_url_is_explained_and_masked(url: str, reason: str) -> None:
    (problem,) = problems(DATABASE_URL=url)
    assert reason in problem.remedy
    assert "hunter22" not in str(problem)
    assert "er22" not in str(problem)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "65536"),
        ("PORT", "8001.0"),
        ("MAX_QUBITS", "0"),
        ("TASK_DEADLINE_SECONDS", "-1"),
        ("TASK_DEADLINE_SECONDS", "nan"),
        ("RETRY_BACKOFF_SECONDS", "soon"),
        ("LOG_LEVEL", "LOUD"),
        ("QUEUE_NAME", "a b"),
    ],
)
def test_a_malformed_value_is_never_replaced_by_the_default(name: str, value: str) -> None:
    (problem,) = problems(**{name: value})
    assert (problem.variable, problem.found) == (name, repr(value))


def test_all_problems_are_told_at_once() -> None:
    found = problems(DATABASE_URL=None, RABBITMQ_URL="http://x/", PORT="x")
    assert [problem.variable for problem in found] == ["DATABASE_URL", "RABBITMQ_URL", "PORT"]


def test_a_misspelt_option_is_a_warning() -> None:
    (warning,) = read_settings({**GOOD, "MAX_QUBIT": "3"}).warnings
    assert "MAX_QUBIT" in warning


def test_secrets_are_known_plain_and_encoded() -> None:
    url = "postgresql://u:p%40ss-word@h/db"
    assert set(Settings(url, GOOD["RABBITMQ_URL"]).secrets) == {
        "p@ss-word",
        "p%40ss-word",
        "quantum_pass",
    }


@pytest.mark.parametrize(
    "name", ["OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"]
)
def test_headers_for_a_collector_are_secrets_in_every_form(name: str) -> None:
    settings = read_settings({**GOOD, name: "x-tenant=blue, Authorization=Bearer%20to%2Fken=="})
    assert {"blue", "Bearer%20to%2Fken==", "Bearer to/ken==", "to/ken=="} <= set(settings.secrets)
    assert "to/ken" not in repr(settings)


def test_masking_keeps_what_is_not_secret() -> None:
    assert mask("amqp://u:pw@h:1/v") == "amqp://u:***@h:1/v"
    assert mask("amqp://h:1/v") == "amqp://h:1/v"
    assert mask("u:pw@h/db") == "***@h/db"


def test_a_migration_needs_only_the_database() -> None:
    url = GOOD["DATABASE_URL"]
    assert read_database_url({"DATABASE_URL": url}) == url


@pytest.mark.parametrize(("text", "port"), [("", None), ("0", 0), (" 9100 ", 9100)])
def test_metrics_have_a_port_only_if_it_is_given(text: str, port: int | None) -> None:
    assert read_settings({**GOOD, "METRICS_PORT": text}).metrics_port == port


@pytest.mark.parametrize("text", ["x", "-1", "65536", "9100.0"])
def test_a_metrics_port_that_is_none_is_named(text: str) -> None:
    (problem,) = problems(METRICS_PORT=text)
    assert problem.variable == "METRICS_PORT"
