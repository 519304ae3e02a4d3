"""What a declaration without mistakes becomes."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.declaration import load as loading
from seatrial.declaration.graph import Graph
from seatrial.declaration.models import EnvironmentConfig, Reference, RemoteEndpoint
from seatrial.errors import DeclarationError
from tests.unit.declaration.fake_kinds import KINDS, load_text, problems_of

QUEUE = """\
system: queue
python: "${PY:-python3}"
components:
  store:  {kind: db, database: tasks}
  broker: {kind: broker}
  api:
    kind: web
    run: [python, -m, api, "--port={api.port}"]
    needs: [store]
    env: {STORE: "{store.url}", MANAGE: "{broker.management.url}", JSON: '{"a": {"b": 1}}'}
  worker: {kind: job, needs: [api], env: {API: "{api.urls}"}, consumes: {broker: jobs}}
environments:
  local: {provider: local}
  far:
    provider: remote
    endpoints:
      api: ["${API_1:-http://one:1}", "${API_2}"]
      store: "${STORE_URL:-postgresql://u:p@h:5432/d}"
      broker:
        amqp: "amqp://${HOST}:5672"
        management: {url: "${MANAGE_URL}", user: "${MANAGE_USER:-guest}", password: x}
  other: {provider: remote, endpoints: {store: "${NEVER_SET}"}}
expect:
  store: {tables: {tasks: {columns: {id: uuid}}, empty: {}}, enums: {state: [a, b]}}
  broker: {queues: {jobs: {durable: true, consumers: 1, consumer: worker}}}
  api: {json: {error: null, list: [], nothing: {}}}
clean_up:
  store: {find: "SELECT 1", remove: ["DELETE FROM tasks"]}
"""


def test_everything_is_bound(tmp_path: Path) -> None:
    system = load_text(tmp_path, QUEUE)
    assert system.name == "queue"
    assert system.folder == tmp_path.resolve()
    assert system.file == tmp_path.resolve() / "seatrial.yaml"
    assert system.python == "python3"
    assert system.trials == "trials"
    assert system.environment == "local"
    assert system.config == EnvironmentConfig.model_validate({"provider": "local"})
    assert list(system.components) == ["store", "broker", "api", "worker"]
    assert system.components["store"].config == KINDS["db"].config.model_validate(
        {"database": "tasks"} | {"kind": "db"}
    )
    assert system.components["api"].location.line == 6
    assert system.clean_up["store"].remove == ("DELETE FROM tasks",)


def test_references_become_edges_and_json_does_not(tmp_path: Path) -> None:
    system = load_text(tmp_path, QUEUE)
    assert system.components["api"].references == (
        Reference("api", "api", "http", "port", "run.3"),
        Reference("api", "store", "sql", "url", "env.STORE"),
        Reference("api", "broker", "management", "url", "env.MANAGE"),
    )
    assert Graph(system.components).direct("api") == ("store", "broker")
    assert Graph(system.components).direct("worker") == ("api", "broker")


def test_expectations_are_instances_of_the_kinds_models(tmp_path: Path) -> None:
    system = load_text(tmp_path, QUEUE)
    api, store = system.components["api"].expect, system.components["store"].expect
    assert api is not None
    assert store is not None
    assert api.model_dump()["answer"] == {"error": None, "list": [], "nothing": {}}
    assert store.model_dump()["tables"]["empty"] == {"columns": {}, "indexes": ()}
    assert system.components["worker"].expect is None


def test_only_the_environment_in_use_is_filled_in(tmp_path: Path) -> None:
    variables = {"API_2": "http://two:2", "HOST": "h", "MANAGE_URL": "http://m"}
    system = load_text(tmp_path, QUEUE, environment="far", variables=variables)
    assert system.config.endpoints == {
        "api": ("http://one:1", "http://two:2"),
        "store": "postgresql://u:p@h:5432/d",
        "broker": {
            "amqp": "amqp://h:5672",
            "management": RemoteEndpoint(url="http://m", user="guest", password="x"),
        },
    }
    assert system.environments["other"].endpoints == {"store": "${NEVER_SET}"}


def test_variables_of_remote_environments_whichever_is_in_use(tmp_path: Path) -> None:
    assert load_text(tmp_path, QUEUE).variables == {
        "far": {
            "api": {"http": {"url": "API_1", "url.1": "API_2"}},
            "store": {"sql": {"url": "STORE_URL"}},
            "broker": {"management": {"url": "MANAGE_URL", "user": "MANAGE_USER"}},
        },
        "other": {"store": {"sql": {"url": "NEVER_SET"}}},
    }


@pytest.mark.parametrize(
    ("environments", "wanted", "chosen"),
    [
        ("", None, "local"),
        ("", "local", "local"),
        ("environments: {a: {provider: local}}\n", None, "a"),
        ("environments: {a: {provider: local}, local: {provider: local}}\n", None, "local"),
        ("environments: {a: {provider: local}, local: {provider: local}}\n", "a", "a"),
    ],
)
def test_which_environment(
    environments: str, wanted: str | None, chosen: str, tmp_path: Path
) -> None:
    text = f"system: s\ncomponents: {{d: {{kind: db}}}}\n{environments}"
    assert load_text(tmp_path, text, environment=wanted).environment == chosen


def test_values_of_variables_are_data(tmp_path: Path) -> None:
    """They hold neither references nor further variables, however much they look like it."""
    text = 'system: s\ncomponents: {d: {kind: db}, a: {kind: web, env: {A: "${A} {d.url}"}}}\n'
    system = load_text(tmp_path, text, variables={"A": "{x.y} ${B}"})
    assert [ref.owner for ref in system.components["a"].references] == ["d"]
    assert system.components["a"].config.model_dump()["env"] == {"A": "{{x.y}} ${B} {d.url}"}


def test_numbers_and_flags_from_variables(tmp_path: Path) -> None:
    text = (
        'system: s\ncomponents:\n  a: {kind: web, replicas: "${N:-3}"}\n  q: {kind: broker}\n'
        'expect: {q: {queues: {j: {durable: "${D}"}}}}\n'
    )
    system = load_text(tmp_path, text, variables={"D": "true"})
    assert system.components["a"].config.model_dump()["replicas"] == 3
    expect = system.components["q"].expect
    assert expect is not None
    assert expect.model_dump()["queues"]["j"]["durable"] is True


def test_yaml_of_today(tmp_path: Path) -> None:
    """`no` and `on` are text, as editors have it, and merged keys give way to own ones."""
    text = (
        "system: s\ncomponents:\n"
        "  a: &a {kind: web, env: {COUNTRY: no, SWITCH: on, TIME: 12:30:45}, replicas: 2}\n"
        "  b: {<<: *a, replicas: 3}\n"
    )
    components = load_text(tmp_path, text).components
    config = components["b"].config.model_dump()
    assert config["env"] == {"COUNTRY": "no", "SWITCH": "on", "TIME": "12:30:45"}
    assert config["replicas"] == 3
    assert components["a"].config.model_dump()["replicas"] == 2


def test_mutual_references_are_no_circle(tmp_path: Path) -> None:
    text = (
        "system: s\ncomponents:\n"
        '  a: {kind: web, env: {B: "{b.url}", A: "{a.url}"}}\n'
        '  b: {kind: web, env: {A: "{a.url}"}, needs: [a]}\n'
    )
    assert Graph(load_text(tmp_path, text).components).direct("a") == ("b",)


def test_the_file_itself_can_be_named(tmp_path: Path) -> None:
    file = tmp_path / "other.yaml"
    file.write_text("system: s\ncomponents: {d: {kind: db}}\n")
    assert loading.load(file, KINDS, variables={}).file == file.resolve()


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError) as raised:
        loading.load(tmp_path, KINDS, variables={})
    problem = raised.value.problems[0]
    assert (problem.file, problem.line) == (str(tmp_path / "seatrial.yaml"), 1)
    assert problem.message == "there is no such file"
    assert "seatrial init" in problem.hint
    assert raised.value.exit_code == 2


# --- the digest ---------------------------------------------------------------------------------

ONE = 'system: s\ncomponents: {d: {kind: db, database: "${D:-x}"}}\n'


def test_digest_does_not_depend_on_how_it_is_written(tmp_path: Path) -> None:
    other = "# a remark\ncomponents:\n  d:\n    database: x\n    kind: db\nsystem: s\n"
    assert load_text(tmp_path, ONE).digest == load_text(tmp_path, other).digest


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        (ONE, {"D": "y"}),
        (ONE.replace("kind: db,", "kind: db, port: 1,"), {}),
        (ONE + "environments: {other: {provider: local}}\n", {}),
        (ONE + "python: python3\n", {}),
        (ONE.replace("{d:", "{e: {kind: db}, d:"), {}),
    ],
)
def test_digest_tells_deployments_apart(
    text: str, variables: dict[str, str], tmp_path: Path
) -> None:
    changed = load_text(tmp_path, text, variables=variables)
    assert changed.digest != load_text(tmp_path, ONE).digest


@pytest.mark.parametrize(
    "name", ["compose.yaml", "compose.override.yaml", "compose.override.yml", ".env"]
)
def test_what_compose_reads_by_itself_makes_another_deployment(name: str, tmp_path: Path) -> None:
    text = f"{ONE}compose: compose.yaml\n"
    (tmp_path / "compose.yaml").write_text("services: {}\n")
    digests = [load_text(tmp_path, text).digest]
    for said in ("a", "b"):
        (tmp_path / name).write_text(said)
        digests.append(load_text(tmp_path, text).digest)
    assert len(set(digests)) == 3


def test_digest_leaves_expectations_out(tmp_path: Path) -> None:
    with_expectation = ONE + "expect: {d: {tables: {t: {}}}}\n"
    assert load_text(tmp_path, with_expectation).digest == load_text(tmp_path, ONE).digest


# --- secrets ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("{a: {kind: db, password: hunter22}}", {}),
        ("{a: {kind: web, env: {API_TOKEN: {hunter22: 1}, X_SECRET: 1, y: [hunter22]}}}", {}),
        ('{a: {kind: web, replicas: "${MY_PASSWORD}"}}', {"MY_PASSWORD": "hunter22"}),
        ('{a: {kind: web, replicas: "${MY_PASSWORD:-hunter22}"}}', {}),
        ("{a: {kind: web, health: 'http://user:hunter22@host/'}}", {}),
        ("{a: {kind: web, health: 'x://user:hunter22@a, y://u:hunter22@b'}}", {}),
        ("{a: {kind: web, needs: 'http://hunter22@host/'}}", {}),
        ("{a: {kind: web, needs: ['http://u:hunter22@host/']}}", {}),
        ('{a: {kind: web, needs: "${MY_PASSWORD}"}}', {"MY_PASSWORD": "hunter22"}),
        ("{a: {kind: db, api_token: hunter22}}", {}),
    ],
)
def test_secrets_are_never_shown(text: str, variables: dict[str, str], tmp_path: Path) -> None:
    assert "hunter22" in text or "hunter22" in variables.values()
    whole = f"system: s\ncomponents: {text}\n"
    problems = problems_of(tmp_path, whole, variables=variables)
    assert problems
    shown = "\n".join(
        f"{problem.message} {problem.hint}"
        for problem in problems
        if not problem.key.endswith("hunter22")
    )
    assert "hunter22" not in shown


def test_a_secret_of_digits_is_not_quoted_in_a_hint(tmp_path: Path) -> None:
    text = "system: s\ncomponents:\n  a: {kind: web, env: {DB_PASSWORD: 91827364}}\n"
    (problem,) = problems_of(tmp_path, text)
    assert problem.message == "must be text, found a value that is not shown"
    assert problem.hint is None


def test_the_secrets_that_it_holds_are_known_by_value(tmp_path: Path) -> None:
    text = """\
system: queue
components:
  store: {kind: db}
  web:
    kind: web
    run: [python, "--peer=redis://:in%2Furl@h"]
    env:
      SIGNING_KEY: s1gning
      AUTHORIZATION: Bearer t0ken-words
      DB_PASSWORD: "{store.password}"
      STORE: "postgresql://u:{store.password}@h/d"
      SALT: "${MY_PWD}"
      SUGAR: "x ${OTHER_TOKEN:-of-default}"
      OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20the/first==, tenant=the%20second"
      OTEL_EXPORTER_OTLP_METRICS_HEADERS: "${MY_OTLP_LOGS_HEADERS}"
      ROUTING_KEY: orders.created
      PWD: /srv/app
environments:
  local: {provider: local}
  far: {provider: remote, endpoints: {store: "postgresql://u:faraway@h/d"}}
expect:
  store: {tables: {users: {columns: {password: text, api_key: uuid}}}}
"""
    given = {"MY_PWD": "{web.of} a variable", "MY_OTLP_LOGS_HEADERS": "x=of-headers"}
    system = load_text(tmp_path, text, variables=given)
    known = {"t0ken-words", "in/url", "s1gning", "{web.of} a variable", "of-default"}
    known |= {"the/first==", "the second", "of-headers"}
    known |= {"Bearer%20the/first==", "Bearer%20the/first==,"}  # as words of a command
    assert set(system.secrets) == known
    far = load_text(tmp_path, text, environment="far", variables={**given, "MY_PWD": "a variable"})
    assert set(far.secrets) == known - {"{web.of} a variable"} | {"a variable", "faraway"}
