"""A project of Seatrial's own has nothing that could meet the user's."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml

from seatrial.compose.copies import LONGEST, copies_in
from seatrial.compose.engine import EngineError
from seatrial.compose.own import built_by, own, resolved
from seatrial.errors import UsageError

PRINTED = """
name: shop
services:
  db:
    image: postgres:15
    container_name: shop-db
    ports: [{mode: ingress, target: 5432, published: "5432", protocol: tcp}]
    networks: {default: null}
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
volumes:
  backups: {name: shop_backups}
networks:
  default: {name: shop_default}
  company: {name: company, external: true}
"""


def of(text: str, **reached_at: list[int]) -> tuple[Any, tuple[str, ...]]:
    """The services' project of our own, and what is told of it."""
    numbers = count(40001)
    folder = "/home/me/shop"
    made = own(
        resolved(text), "seatrial-x", folder, reached_at, lambda: next(numbers), "copy of {}".format
    )
    return yaml.safe_load(made.text), made.apart


def made() -> Any:
    return of(PRINTED, db=[5432], worker=[9000])[0]


def test_ports_are_free_ones_of_the_loopback() -> None:
    services = made()["services"]
    assert services["db"]["ports"] == ["127.0.0.1:40001:5432/tcp"]
    assert services["web"]["ports"] == ["127.0.0.1:40002:8000/tcp", "127.0.0.1:40003:5000/udp"]
    assert services["worker"]["ports"] == ["127.0.0.1::9000/tcp"]  # two cannot share one


def test_no_name_is_that_of_the_user() -> None:
    found = made()
    assert "name" not in found
    assert "container_name" not in found["services"]["db"]
    assert found["volumes"]["backups"] == {}
    assert found["networks"] == {"default": {}, "company": {}}


def test_images_that_are_built_do_not_take_the_users_tag() -> None:
    services = made()["services"]
    assert services["web"]["image"] == services["worker"]["image"] == "seatrial-x-web"
    assert services["db"]["image"] == "postgres:15"


def test_no_other_names_are_given_and_no_cache_is_written() -> None:
    build = {"context": ".", "tags": ["me/shop:extra"], "cache_to": ["type=registry,ref=me/c"]}
    kept = {"context": ".", "cache_from": ["me/c"], "args": {"A": "1"}}
    found, _ = of(json.dumps({"services": {"web": {"build": build | kept}}}))
    assert found["services"]["web"]["build"] == kept


def test_images_that_the_users_project_built_are_taken_as_they_are() -> None:
    tree = resolved(PRINTED)
    tree["services"]["web"]["pull_policy"] = "build"
    tree["services"]["page"] = {"build": {"context": "/home/me/page"}}
    built = built_by(tree, "shop-")
    assert built == {"web": "me/shop:latest", "page": "shop-page"}
    text = own(tree, "seatrial-x", "/home/me/shop", {}, lambda: 1, str, built).text
    services = yaml.safe_load(text)["services"]
    assert [services[name]["image"] for name in ("web", "worker", "page", "db")] == [
        *("me/shop:latest", "me/shop:latest", "shop-page", "postgres:15")
    ]
    assert not {"build", "pull_policy"} & (services["web"].keys() | services["page"].keys())


@pytest.mark.parametrize("text", ["[", "a", "services: 3"])
def test_what_is_no_project_is_refused(text: str) -> None:
    with pytest.raises(EngineError):
        resolved(text)


# -- data --------------------------------------------------------------------------------------


def test_no_two_servers_share_a_data_folder() -> None:
    found, told = of(PRINTED)
    volumes = found["services"]["db"]["volumes"]
    assert volumes[0] == "seatrial-1:/var/lib/postgresql/data"
    assert [one["target"] for one in volumes[1:]] == ["/docker-entrypoint-initdb.d", "/backups"]
    assert found["volumes"]["seatrial-1"] == {}
    assert told[0] == (
        "db has a new, empty volume at /var/lib/postgresql/data, not your /home/me/shop/pgdata"
    )


VOLUMES = """
services:
  db:
    image: postgres:15
    volumes: ["ext:/a", "bound:/b", {type: volume, source: far, target: /c}, "memory:/d"]
  reader:
    image: nginx
    volumes: ["certs:/certs:ro", {type: volume, source: site, target: /e, read_only: true}]
volumes:
  ext: {name: keep, external: true}
  bound: {name: shop_bound, driver: local, driver_opts: {type: none, o: bind, device: /x}}
  far: {driver: sshfs}
  memory: {driver_opts: {type: tmpfs, device: tmpfs}}
  certs: {name: company-certs, external: true}
  site: {name: shop_site, driver_opts: {type: none, o: bind, device: /y}}
"""


def test_volumes_that_hold_the_users_data_are_new_ones() -> None:
    found, told = of(VOLUMES)
    volumes = found["volumes"]
    assert volumes["ext"] == volumes["bound"] == volumes["far"] == {}
    assert volumes["memory"] == {"driver_opts": {"type": "tmpfs", "device": "tmpfs"}}
    assert sorted(line.split()[2] for line in told) == ["bound", "ext", "far"]


def test_a_volume_that_is_only_read_stays_the_users() -> None:
    volumes = of(VOLUMES)[0]["volumes"]
    assert volumes["certs"] == {"name": "company-certs", "external": True}
    assert volumes["site"]["driver_opts"]["device"] == "/y"
    assert "name" not in volumes["site"]


def test_all_services_see_the_same_new_volume(tmp_path: Path) -> None:
    text = f"""
services:
  db: {{image: "postgres:15", volumes: ["{tmp_path}:/var/lib/postgresql/data:rw"]}}
  copier: {{image: alpine, volumes: ["{tmp_path}:/from:ro"]}}
"""
    services = of(text)[0]["services"]
    assert services["db"]["volumes"] == ["seatrial-1:/var/lib/postgresql/data"]
    assert services["copier"]["volumes"] == ["seatrial-1:/from:ro"]


def test_the_volumes_of_a_container_elsewhere_are_not_taken() -> None:
    text = """
services:
  db: {image: "postgres:15", container_name: store}
  copier: {image: alpine, volumes_from: ["container:store:ro", "container:others", "db"]}
"""
    found, told = of(text)
    assert found["services"]["copier"]["volumes_from"] == ["db:ro", "db"]
    assert "container others" in told[0]


@pytest.mark.parametrize("mode", ["", ":ro"])
def test_nobody_reaches_the_engine(tmp_path: Path, mode: str) -> None:
    (tmp_path / "docker.sock").touch()
    text = f"""
services:
  watcher:
    image: watchtower
    volumes: ["/x/docker.sock:/var/run/docker.sock{mode}", "{tmp_path}:/var/run{mode}"]
"""
    found, told = of(text)
    assert found["services"]["watcher"]["volumes"] == []
    assert len(told) == 2


def test_a_database_that_is_a_file_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "app.db").write_bytes(b"SQLite format 3\0...")
    (tmp_path / "nginx.conf").write_text("server {}")
    volumes = [f"{tmp_path}/app.db:/app/app.db", f"{tmp_path}/nginx.conf:/etc/nginx.conf"]
    found, told = of(f"services: {{web: {{image: web, volumes: {volumes}}}}}")
    assert found["services"]["web"]["volumes"] == [f"copy of {volumes[1]}"]
    assert len(told) == 1


def test_a_file_that_may_be_written_is_a_copy_for_all(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    file.write_text("{}")
    long = {"type": "bind", "source": str(file), "target": "/b", "bind": {"selinux": "z"}}
    read = [f"{file}:/c:ro", {**long, "read_only": True}]
    text = json.dumps(
        {"services": {"web": {"image": "web", "volumes": [f"{file}:/a", long, *read]}}}
    )
    found, told = of(text)
    first, second, *rest = found["services"]["web"]["volumes"]
    assert first == f"copy of {file}:/a"
    assert second == {**long, "source": f"copy of {file}"}
    copied = [f"copy of {file}:/c:ro", {**long, "source": f"copy of {file}", "read_only": True}]
    assert (rest, told) == (copied, ()), "whoever reads it sees what is written"


@pytest.mark.parametrize(
    ("mode", "kept"),
    [(":z", ":z"), (":rw,Z", ":Z"), (":rw", ""), (":", ""), (":ro,z", ":z,ro"), (":ro", ":ro")],
)
def test_how_else_it_is_mounted_stays(tmp_path: Path, mode: str, kept: str) -> None:
    file = tmp_path / "state.json"
    file.touch()
    volumes = [f"{file}:/a{mode}", f"{file}:/b"]
    found, _ = of(json.dumps({"services": {"web": {"image": "web", "volumes": volumes}}}))
    copy = f"copy of {file}"
    assert found["services"]["web"]["volumes"] == [f"{copy}:/a{kept}", f"{copy}:/b"]


def test_a_file_that_nobody_may_write_stays_the_users(tmp_path: Path) -> None:
    (tmp_path / "state.json").touch()
    volumes = [f"{tmp_path}/state.json:/a:ro"]
    found, told = of(json.dumps({"services": {"web": {"image": "web", "volumes": volumes}}}))
    assert (found["services"]["web"]["volumes"], told) == (volumes, ())


def test_where_there_can_be_no_copy_it_is_only_read(tmp_path: Path) -> None:
    file = tmp_path / "big"
    with file.open("wb") as stream:
        stream.truncate(LONGEST + 1)
    long = {"type": "bind", "source": str(file), "target": "/b"}
    text = json.dumps({"services": {"web": {"image": "web", "volumes": [f"{file}:/a", long]}}})
    found, told = of(text)
    assert found["services"]["web"]["volumes"] == [f"{file}:/a:ro", {**long, "read_only": True}]
    (line,) = told
    assert line == f"web may only read your {file}: it is larger than 10 MiB"


def test_copies_are_made_once_with_their_rights(tmp_path: Path) -> None:
    file = tmp_path / "run.sh"
    file.write_text("true")
    file.chmod(0o751)
    copy = copies_in(tmp_path / "data" / "mounted")
    with pytest.raises(OSError, match="No such file"):
        copy(str(file))  # of a deployment that is gone: nothing of it may come back
    (tmp_path / "data").mkdir()
    there = Path(copy(str(file)))
    assert (there.read_text(), there.stat().st_mode & 0o777) == ("true", 0o751)
    assert there.parent.stat().st_mode & 0o777 == 0o700
    there.write_text("false")
    assert copy(str(file)) == str(there)
    assert (there.read_text(), file.read_text()) == ("false", "true")
    with pytest.raises(OSError, match="No such file"):
        copy(str(tmp_path / "none"))


def test_folders_that_may_be_written_are_told(tmp_path: Path) -> None:
    for name in ("src", "conf", "data"):
        (tmp_path / name).mkdir()
        (tmp_path / name / {"src": "a.py", "conf": "a.yml", "data": "a.bin"}[name]).touch()
    volumes = [f"{tmp_path}/src:/app", f"{tmp_path}/conf:/etc/x:ro", f"{tmp_path}/data:/things"]
    services = {name: {"image": "web", "volumes": volumes} for name in ("web", "worker")}
    _, told = of(json.dumps({"services": services}))
    writes = [line for line in told if "may write into" in line]
    assert len(writes) == 1
    assert writes[0].startswith(f"web and worker may write into your {tmp_path}/src: ")


def test_a_database_among_source_code_is_told(tmp_path: Path) -> None:
    for name, content in (("a.py", b""), ("no.db", b"x"), ("site.db", b"SQLite format 3\0...")):
        (tmp_path / name).write_bytes(content)
    services = {
        name: {"image": "web", "volumes": [f"{tmp_path}:/app{mode}"]}
        for name, mode in (("web", ""), ("reader", ":ro"))
    }
    found, told = of(json.dumps({"services": services}))
    assert found["services"]["web"]["volumes"] == [f"{tmp_path}:/app"]
    line, folder = told
    assert line.startswith(f"web writes into your {tmp_path}/site.db")
    assert folder.startswith(f"web may write into your {tmp_path}: ")


# -- networks ----------------------------------------------------------------------------------


def test_networks_are_inside_and_at_addresses_of_their_own() -> None:
    text = """
services:
  db:
    image: postgres:15
    mac_address: 02:42:ac:11:00:03
    networks: {back: {ipv4_address: 172.30.9.5, ipv6_address: "2001:db8::5", aliases: [store]}}
  web: {image: web, networks: {back: {mac_address: 02:42:ac:11:00:04}}, external_links: [other]}
networks:
  back:
    name: shop_back
    internal: true
    enable_ipv6: true
    driver_opts: {com.docker.network.bridge.name: br-shop, com.docker.network.driver.mtu: "1400"}
    ipam: {config: [{subnet: 172.30.9.0/24}]}
  lan: {driver: macvlan, driver_opts: {parent: eth0}}
  shared: {external: true, name: shared-net}
"""
    found, told = of(text)
    assert found["networks"] == {
        "back": {"internal": True, "driver_opts": {"com.docker.network.driver.mtu": "1400"}},
        "lan": {},
        "shared": {},
    }
    services = found["services"]
    assert services["db"]["networks"] == {"back": {"aliases": ["store"]}}
    assert "mac_address" not in services["db"]
    assert services["web"]["networks"] == {"back": None}
    assert "external_links" not in services["web"]
    assert "the network shared is a new one: yours is external" in told
    assert any("172.30.9.5" in line for line in told)


@pytest.mark.parametrize(
    ("networks", "expected"),
    [
        ("", {"default": {"aliases": ["wiki_db"]}}),
        ("networks: [a, b]", {"a": {"aliases": ["wiki_db"]}, "b": {"aliases": ["wiki_db"]}}),
        ("networks: {a: {aliases: [wiki_db, x]}}", {"a": {"aliases": ["wiki_db", "x"]}}),
    ],
)
def test_the_name_of_a_container_stays_a_name_to_reach_it(
    networks: str, expected: dict[str, object]
) -> None:
    text = f"services:\n  db:\n    image: x\n    container_name: wiki_db\n    {networks}\n"
    assert of(text)[0]["services"]["db"]["networks"] == expected


SHARED = """
services:
  vpn: {image: vpn, container_name: tunnel, ports: ["7000:7000"]}
  torrent: {image: t, network_mode: "service:vpn", ports: ["8011:8011"]}
  seeder: {image: t, network_mode: "container:tunnel", ipc: "container:tunnel"}
  offline: {image: t, network_mode: none}
"""


def test_ports_are_published_where_the_network_is() -> None:
    services = of(SHARED, torrent=[8011], seeder=[8012])[0]["services"]
    assert [one.split(":")[2] for one in services["vpn"]["ports"]] == [
        *("7000/tcp", "8011/tcp", "8012/tcp")
    ]
    for name in ("torrent", "seeder", "offline"):
        assert services[name]["ports"] == []
        assert "networks" not in services[name]
    assert services["seeder"]["network_mode"] == services["seeder"]["ipc"] == "service:vpn"
    assert services["offline"]["network_mode"] == "none"


@pytest.mark.parametrize("mode", ["host", "container:others"])
def test_what_cannot_be_kept_apart_is_refused(mode: str) -> None:
    with pytest.raises(UsageError, match=f"the service web has `network_mode: {mode}`"):
        of(f"services: {{web: {{image: x, network_mode: '{mode}'}}}}")


def test_other_ways_out_of_the_project_are_closed() -> None:
    found, told = of(
        "services: {a: {image: x, network_mode: shared-net, ipc: host, pid: 'container:others'}}"
    )
    assert not {"network_mode", "ipc", "pid"} & found["services"]["a"].keys()
    assert len(told) == 3
