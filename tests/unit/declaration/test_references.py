"""References in strings: what is one, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from seatrial.declaration import references
from seatrial.declaration.references import Found, escape, find, resolve
from seatrial.errors import DeploymentError


@dataclass(frozen=True)
class Address:
    host: str
    port: int
    user: str | None = None
    password: str | None = None
    path: str = ""

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}{self.path}"


EVERYWHERE: references.Endpoints = {
    "db": {"sql": (Address("d", 1, "u", "p", "/x"),)},
    "q": {"amqp": (Address("q", 2),), "management": (Address("m", 3),)},
    "api": {"http": (Address("a", 4), Address("b", 5))},
    "none": {"http": ()},
}


@pytest.mark.parametrize(
    ("text", "resolved"),
    [
        ("{db.url}", "http://d:1/x"),
        ("{db.sql.url}", "http://d:1/x"),
        ("{db.host}:{db.port}", "d:1"),
        ("{db.user}:{db.password}@{db.path}", "u:p@/x"),
        ("{q.user}{q.password}{q.path}", ""),
        ("{q.url} {q.management.url}", "http://q:2 http://m:3"),
        ("{api.url}", "http://a:4"),
        ("{api.urls}", "http://a:4,http://b:5"),
        ("{{db.url}}", "{db.url}"),
        ("{{db.sql.url}}", "{db.sql.url}"),
        ("{{{db.url}}}", "{{db.url}}"),
        ("{{db.url}", "{http://d:1/x"),
        ("{db.url}}", "http://d:1/x}"),
        ('{"a": {"b": 1.5}, "c": "{db.port}"}', '{"a": {"b": 1.5}, "c": "1"}'),
        ("{} {db} {db.} {.url} {db .url} {1.2} {a.b.c.d}", None),
        ("%(asctime)s ${X} {0} {x!r:>10}", None),
    ],
)
def test_resolve(text: str, resolved: str | None) -> None:
    assert resolve(text, EVERYWHERE) == (text if resolved is None else resolved)


def test_a_component_sees_its_own_replica_and_the_first_of_others() -> None:
    text = "{api.port} {api.urls}"
    assert resolve(text, EVERYWHERE, viewer="api", replica=1) == "5 http://a:4,http://b:5"
    assert resolve(text, EVERYWHERE, viewer="worker", replica=1) == "4 http://a:4,http://b:5"


@pytest.mark.parametrize("text", ["{x.url}", "{db.other.url}", "{none.url}", "{db.nope}"])
def test_what_has_no_address_says_so(text: str) -> None:
    with pytest.raises(DeploymentError, match=r"cannot be filled in"):
        resolve(text, EVERYWHERE)


def test_a_replica_that_is_not_there() -> None:
    with pytest.raises(DeploymentError, match="replica 2"):
        resolve("{api.port}", EVERYWHERE, viewer="api", replica=2)


def test_find() -> None:
    assert list(find("a {db.url} {{x.y}} {q.management.port} {z}")) == [
        Found("{db.url}", "db", None, "url"),
        Found("{q.management.port}", "q", "management", "port"),
    ]


@given(st.text(alphabet="{}.ab$ \n", max_size=60) | st.text())
@example("{a.b}")
@example("{{a.b}}")
@example("{{{a.b.a}}")
def test_escaped_text_comes_back(text: str) -> None:
    assert not list(find(escape(text)))
    assert resolve(escape(text), {}) == text


@given(st.text(alphabet="{}.ab$ \n", max_size=60) | st.text())
def test_text_without_references_is_left_alone(text: str) -> None:
    if "{{" not in text and not list(find(text)):
        assert resolve(text, {}) == text
        assert escape(text) == text
