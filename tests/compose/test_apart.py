"""Nothing of the user's project is harmed, and what cannot be kept apart is refused."""

from __future__ import annotations

import pytest

from tests.compose.conftest import Copy, Project
from tests.compose.engine import Engine

COMPOSE = """
services:
  db:
    image: postgres:15
    container_name: shared_db
    environment: {POSTGRES_PASSWORD: apart-pw-1}
    volumes: ["keep:/var/lib/postgresql/data"]
    networks: {shared: {ipv4_address: 10.213.77.5}}
  other:
    image: postgres:15
    environment: {POSTGRES_PASSWORD: apart-pw-1}
    volumes: ["./pgdata:/var/lib/postgresql/data"]
    networks: [back]
  cache:
    image: redis:7
    container_name: shared_cache
    command: redis-server --dir /var/lib/redis --appendonly yes
    volumes: ["files:/var/lib/redis"]
    networks: [shared, back]
  vpn:
    image: python:3.11-slim
    command: python3 -m http.server 7000
    networks: [shared]
  web:
    image: python:3.11-slim
    command: python3 -m http.server 8011
    network_mode: "service:vpn"
    depends_on: [vpn]
    environment: {PORT: "8011"}
volumes:
  keep: {external: true, name: apart-keep}
  files: {driver_opts: {type: none, o: bind, device: "${PWD}/redis"}}
networks:
  shared: {external: true, name: apart-net}
  back: {ipam: {config: [{subnet: 10.213.78.0/24}]}}
"""

DECLARED = """
system: apart
compose: compose.yaml
components:
  db: {kind: postgres}
  cache: {kind: redis}
  vpn: {kind: http}
  web: {kind: http}
"""


def project(copy: Copy, engine: Engine | None = None) -> Project:
    """The copy of a project that is none of those that are copied, but in its place."""
    found = copy("bookshop", engine)
    for file in found.folder.iterdir():
        file.unlink()
    (found.folder / "compose.yaml").write_text(COMPOSE)
    (found.folder / "seatrial.yaml").write_text(DECLARED)
    return found


@pytest.mark.parametrize("mode", ["host", "container:elsewhere"])
def test_what_cannot_be_kept_apart_is_refused(copy: Copy, mode: str) -> None:
    bad = project(copy)
    file = bad.folder / "compose.yaml"
    file.write_text(COMPOSE.replace('"service:vpn"', f'"{mode}"'))
    up = bad.seatrial("up")
    assert up.code == 2, up.err
    assert f"the service web has `network_mode: {mode}`" in up.err
    assert "a profile" in up.err
    file.write_text(file.read_text().replace("  web:\n", "  web:\n    profiles: [debug]\n"))
    assert bad.seatrial("up").code == 3  # nothing but the engine is missing
