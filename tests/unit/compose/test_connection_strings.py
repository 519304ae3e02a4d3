"""Addresses of PostgreSQL and Redis that are no URLs, and logins in the query of those that are."""

from __future__ import annotations

import pytest

from seatrial.compose.connection_strings import endpoint_of, with_login_of_query
from seatrial.kinds.base import Endpoint


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("host=db user=me password=X dbname=shop", "postgresql://me:X@db:0/shop"),
        ("host=db port=5433 dbname=shop", "postgresql://db:5433/shop"),
        (
            r"user=me password='it\'s \\ mine' host=db dbname=x",
            r"postgresql://me:it%27s%20%5C%20mine@db:0/x",
        ),
        ("host = db dbname = x", "postgresql://db:0/x"),
        ("host=db user=me sslmode=require", "postgresql://me@db:0?sslmode=require"),
        (
            "Host=db;Port=5433;Database=shop;Username=me;Password=a b",
            "postgresql://me:a%20b@db:5433/shop",
        ),
        ("Host=db;User Id=me;Pwd=X;Database=x;", "postgresql://me:X@db:0/x"),
        ('Host=db; Password="a;b" ;Database=x;', "postgresql://:a%3Bb@db:0/x"),
        ("host=db port=65536 dbname=x", ""),
        (f"host=db port={'9' * 5000} dbname=x", ""),
        ("Server=db,1433;Database=shop;User Id=me", ""),
        ("host=a,b user=me", ""),
        ("host=/run/postgresql user=me", ""),
        ("host=db", ""),
        ("host=db port=x user=me", ""),
        ("host=mail port=1025 user=me password=X", ""),
        ("host=rabbit;username=me;password=X;virtualHost=x", ""),
        ("postgres://me@db/shop", ""),
        ("Host=db;Database=x;SSL Mode=Require", "postgresql://db:0/x?sslmode=require"),
        ("cache:6380,password=X#y/z=,ssl=False", "redis://:X%23y%2Fz%3D@cache:6380"),
        ("cache,abortConnect=false, Password = X", "redis://:X@cache:0"),
        ("cache:6379,user=me,password=X,defaultDatabase=3", "redis://me:X@cache:6379/3"),
        ("cache:6380,ssl=True", "rediss://cache:6380"),
        ("cache:65536,ssl=True", ""),
        ("cache:6379,other:6379,password=X", ""),
        ("cache:6379,name=x", ""),
        ("cache:6379", ""),
        ("", ""),
    ],
)
def test_strings(text: str, url: str) -> None:
    found = endpoint_of(text)
    assert (found.url if found is not None else "") == url


@pytest.mark.parametrize(
    ("text", "password"),
    [
        ("host=db user=me password='a;b' dbname=shop", "a;b"),
        ("host=db user=me password=a;b dbname=shop", "a;b"),
        (r"host=db user=me password='q\'' dbname=shop", "q'"),
        (r"host=db user=me password=\'q\' dbname=shop", "'q'"),
        ('host=db user=me password="q" dbname=shop', '"q"'),
        ("host=db user=me password='' dbname=shop", None),
        ("Host=db;Username=me;Password=\"'q'\";Database=shop", "'q'"),
        ("Host=db;Username=me;Password='\"q\"';Database=shop", '"q"'),
        ("Host=db;Username=me;Password=q'; Database=shop", "q'"),
        ("Host=db;Username=me;Password='a;b' ; Database=shop", "a;b"),
        ("Host=db;Username=me;Password= a b   c ; Database=shop", "a b   c"),
        ("database=shop; username=me; password=X; host=db", "X"),
        ("Database=shop;Username=me;Password=X; host=db", "X"),
        ("host=db ;username=me ;password=X ;database=shop", "X"),
    ],
)
def test_passwords(text: str, password: str | None) -> None:
    found = endpoint_of(text)
    assert found is not None
    assert (found.host, found.user, found.path) == ("db", "me", "/shop")
    assert found.password == password


@pytest.mark.parametrize("text", [";a" + " " * 900_000, "a=b" + " " * 900_000 + "c;"])
def test_what_is_long_and_none(text: str) -> None:
    assert endpoint_of(text) is None


def test_a_server_of_which_it_is_known_what_it_is() -> None:
    told = "Server=db;Port=5433;Database=shop;User Id=me;Password=X"
    assert endpoint_of(told) is None, "it may be one of another kind"
    assert endpoint_of(told, {"cache"}) is None
    found = endpoint_of(told, {"db"})
    assert found is not None
    assert found.url == "postgresql://me:X@db:5433/shop"
    named = endpoint_of("host=db user=me password=X", {"db"})
    assert named is not None
    assert named.url == "postgresql://me:X@db:0"
    assert endpoint_of("host=db user=me password=X", {"cache"}) is None


@pytest.mark.parametrize(
    ("url", "user", "password", "path"),
    [
        (
            "postgresql://db/shop?user=me&password=a%20b&sslmode=require",
            "me",
            "a b",
            "/shop?sslmode=require",
        ),
        ("redis://cache:6379?password=X", None, "X", ""),
        ("redis://cache/2?username=me&password=X", "me", "X", "/2"),
        ("redis://you:Y@cache?password=X", "you", "Y", "?password=X"),
        ("postgresql://db/shop?user=me", None, None, "/shop?user=me"),
    ],
)
def test_queries(url: str, user: str | None, password: str | None, path: str) -> None:
    found = with_login_of_query(Endpoint.parse(url))
    assert (found.user, found.password, found.path) == (user, password, path)
