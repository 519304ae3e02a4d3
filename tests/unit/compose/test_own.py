"""A project of Seatrial's own has nothing that could meet the user's, and shares what is
external."""

from __future__ import annotations

from itertools import count

import pytest
import yaml

from seatrial.compose.engine import EngineError
from seatrial.compose.own import Apart, built_by, own, resolved

PRINTED = """
name: shop
services:
  db:
    image: postgres:15
    container_name: shop-db
    ports: [{mode: ingress, target: 5432, published: "5432", protocol: tcp}]
    volumes:
      - {type: bind, source: /home/me/shop/pgdata, target: /var/lib/postgresql/data}
      - {type: bind, source: /home/me/shop/init, target: /docker-entrypoint-initdb.d}
      - {type: volume, source: backups, target: /backups}
  web:
    image: me/shop:latest
    build: {context: /home/me/shop}
    ports: ["8000:8000", "5000:5000/udp"]
  worker:
    image: me/shop:latest
    deploy: {replicas: 2}
    expose: ["9000"]
  agent:
    image: agent
    network_mode: host
volumes:
  backups: {name: shop_backups}
  shared: {name: company, external: true}
networks:
  default: {name: shop_default}
  company: {name: company, external: true}
"""


def made() -> dict[str, dict[str, dict[str, object]]]:
    numbers = count(40001)
    apart = {"db": Apart((5432,), ("/var/lib/postgresql",)), "worker": Apart((9000,), ())}
    found = yaml.safe_load(own(resolved(PRINTED), "seatrial-x", apart, lambda: next(numbers)))
    assert isinstance(found, dict)
    return found


def test_ports_are_free_ones_of_the_loopback() -> None:
    services = made()["services"]
    assert services["db"]["ports"] == ["127.0.0.1:40001:5432/tcp"]
    assert services["web"]["ports"] == ["127.0.0.1:40002:8000/tcp", "127.0.0.1:40003:5000/udp"]
    assert services["worker"]["ports"] == ["127.0.0.1::9000/tcp"]  # two cannot share one
    assert "ports" not in services["agent"]


def test_no_name_is_that_of_the_user() -> None:
    found = made()
    assert "name" not in found
    assert "container_name" not in found["services"]["db"]
    assert found["volumes"]["backups"] == {}
    assert found["networks"]["default"] == {}


def test_what_is_external_stays_shared() -> None:
    found = made()
    assert found["volumes"]["shared"] == {"name": "company", "external": True}
    assert found["networks"]["company"] == {"name": "company", "external": True}


def test_images_that_are_built_do_not_take_the_users_tag() -> None:
    services = made()["services"]
    assert services["web"]["image"] == services["worker"]["image"] == "seatrial-x-web"
    assert services["db"]["image"] == "postgres:15"


def test_images_that_the_users_project_built_are_taken_as_they_are() -> None:
    tree = resolved(PRINTED)
    tree["services"]["web"]["pull_policy"] = "build"
    tree["services"]["page"] = {"build": {"context": "/home/me/page"}}
    built = built_by(tree, "shop-")
    assert built == {"web": "me/shop:latest", "page": "shop-page"}
    services = yaml.safe_load(own(tree, "seatrial-x", {}, lambda: 1, built))["services"]
    assert [services[name]["image"] for name in ("web", "worker", "page", "db")] == [
        *("me/shop:latest", "me/shop:latest", "shop-page", "postgres:15")
    ]
    assert not {"build", "pull_policy"} & (services["web"].keys() | services["page"].keys())


def test_no_two_servers_share_a_data_folder() -> None:
    volumes = made()["services"]["db"]["volumes"]
    assert isinstance(volumes, list)
    assert [one["target"] for one in volumes] == ["/docker-entrypoint-initdb.d", "/backups"]


@pytest.mark.parametrize("text", ["[", "a", "services: 3"])
def test_what_is_no_project_is_refused(text: str) -> None:
    with pytest.raises(EngineError):
        resolved(text)
