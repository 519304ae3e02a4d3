"""What gateways are told of other services, in their settings and in labels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from seatrial.compose.project import read_project
from seatrial.compose.targets import targets
from seatrial.declaration.load import load
from seatrial.kinds.base import Astray
from seatrial.kinds.registry import KINDS
from seatrial.listeners import Listener
from seatrial.outcome import Cause

from .test_targets import of

DECLARED = """
system: shop
compose: compose.yaml
components:
  web: {kind: process}
  orders: {kind: process}
  db: {kind: postgres}
"""
NGINX = "/etc/nginx/conf.d/default.conf"


def told(
    folder: Path,
    text: str = "",
    target: str = NGINX,
    *,
    component: str = "web",
    alias: str = "store",
    of_web: Mapping[str, object] = MappingProxyType({}),
    orders: dict[str, object] | None = None,
    **web: object,
) -> list[Astray]:
    """`text` is that of gate.conf, which web has at `target`; orders listens at 8000."""
    (folder / "gate.conf").write_text(text)
    mounted = {"volumes": [f"./gate.conf:{target}:ro"]} if target else {}
    services = {
        "web": {"image": "nginx:1.25", **mounted, **web},
        "orders": {
            "image": "x",
            "container_name": alias,
            "ports": ["18000:8000"],
            **(orders or {}),
        },
        "db": {"image": "postgres:15"},
    }
    (folder / "compose.yaml").write_text(json.dumps({"services": services}))
    (folder / "seatrial.yaml").write_text(DECLARED)
    project = read_project(folder / "compose.yaml", {})
    containers = [
        of(
            name,
            ran_for=61.0,
            exposed=(),
            environment=dict(project.services[name].environment),
            **{"listens": (Listener("0.0.0.0", port, ""),), **(of_web if name == "web" else {})},
        )
        for name, port in (("web", 80), ("orders", 8000), ("db", 5432))
    ]
    system = load(folder, KINDS, variables={})
    return list(targets(system, project, containers)[component].astray)


@pytest.mark.parametrize(
    ("line", "target"),
    [
        ("location / { proxy_pass http://orders:9999; }", NGINX),
        ("upstream orders { server web:80; server orders:9999; }", NGINX),
        ("    default orders:9999;", NGINX),  # of a map
        ("proxy_pass http://orders:9999/down;  # backup", NGINX),
        ("location / { proxy_pass http://orders:9999; proxy_set_header Host backup; }", NGINX),
        ('    "~*x" "http://orders:9999";', NGINX),
        (
            "proxy_set_header Host orders:1; proxy_pass http://orders:9999; add_header X db:1;",
            NGINX,
        ),
        ("        to orders:9999", "/etc/caddy/Caddyfile"),
        ("    BalancerMember http://orders:9999", "/usr/local/apache2/conf/httpd.conf"),
        ("    server-template a 1-3 orders:9999 check", "/etc/haproxy/haproxy.cfg"),
        ("    - 'orders:9999'", "/etc/prometheus/prometheus.yml"),
        ("- {targets: ['db:5432', 'orders:9999']}", "/etc/prometheus/prometheus.yml"),
        ("    replacement: orders:9999", "/etc/prometheus/prometheus.yml"),
        ('      address = "orders:9999"', "/etc/traefik/traefik.toml"),
        ("fastcgi_pass orders:9999;", "/etc/nginx/nginx.conf"),
        (
            "set $up http://Orders:9999/x;  # orders:1",
            "/opt/bitnami/nginx/conf/server_blocks/a.conf",
        ),
        ("proxy_pass http://${UPSTREAM}:${PORT};", "/etc/nginx/templates/default.conf.template"),
        ("reverse_proxy /api/* orders:9999 {", "/etc/caddy/Caddyfile"),
        ("reverse_proxy {$UPSTREAM}:{$PORT:8000}", "/etc/caddy/Caddyfile"),
        ("    server one orders:9999 check", "/usr/local/etc/haproxy/haproxy.cfg"),
        ("      - targets: ['orders:9999', 'db:5432']", "/etc/prometheus/prometheus.yml"),
        ('          - url: "http://orders:9999/"', "/traefik.yml"),
        ("ProxyPass / http://orders:9999/", "/usr/local/apache2/conf/httpd.conf"),
        ("uwsgi_pass orders:9999;", "/etc/nginx/sites-enabled/default"),
    ],
)
def test_where_nobody_listens(tmp_path: Path, line: str, target: str) -> None:
    environment = {"UPSTREAM": "orders", "PORT": "9999"}
    (one,) = told(tmp_path, f"# gate\n{line}\n", target, environment=environment)
    assert (one.cause, one.spare) == (Cause.REFUSED, True)
    assert one.found.lower() == "orders listens at 8000 in its container, not at 9999"
    made = ", made with its UPSTREAM, PORT" if "PORT" in line else ""
    has = f"(which web has at {target}{made})"
    assert one.fix == f"correct gate.conf:2 {has}: the port is 8000, then restart web"


def test_of_which_variables_it_is_made(tmp_path: Path) -> None:
    line = "proxy_pass http://${UPSTREAM}:9999/${NOBODY};"
    (one,) = told(tmp_path, line, environment={"UPSTREAM": "orders"})
    assert f"(which web has at {NGINX}, made with its UPSTREAM)" in one.fix


def test_the_port_on_the_host(tmp_path: Path) -> None:
    (one,) = told(tmp_path, "proxy_pass http://orders:18000;")
    assert "which is its port on the host" in one.found


@pytest.mark.parametrize(
    ("line", "target"),
    [
        ("proxy_pass http://orders;", NGINX),
        ("proxy_pass http://orders/x/;", NGINX),
        ("upstream it {\n  server orders;\n}", NGINX),
        ("reverse_proxy orders", "/etc/caddy/Caddyfile"),
        ("  to orders", "/etc/caddy/Caddyfile"),
        ("ProxyPass / http://orders/", "/usr/local/apache2/conf/httpd.conf"),
        ('- url: "http://orders"', "/etc/traefik/traefik.yml"),
        ('- url: "http://u:1@orders:80/push"', "/etc/prometheus/prometheus.yml"),
    ],
)
def test_where_it_names_no_port(tmp_path: Path, line: str, target: str) -> None:
    (one,) = told(tmp_path, line, target)
    assert one.found == "orders listens at 8000 in its container, not at 80"


@pytest.mark.parametrize("status", ["exited", "restarting", "created"])
def test_of_one_that_does_not_run_it_is_not_the_cause(tmp_path: Path, status: str) -> None:
    assert told(tmp_path, "proxy_pass http://orders:1;", of_web={"status": status}) == []


@pytest.mark.parametrize(
    ("line", "target"),
    [
        ("proxy_pass http://orders:8000;", NGINX),
        ("upstream orders {\n  server orders:8000;\n}\nproxy_pass http://orders;", NGINX),
        ("upstream orders {\n}\nserver orders;", NGINX),
        (
            'http { upstream "orders" { server orders:8000; }\nserver { proxy_pass http://orders;',
            NGINX,
        ),
        ('set $allowed_origin "http://orders:9999";', NGINX),
        ('set $back "http://localhost:8000";', NGINX),
        ("    default localhost:8000;", NGINX),
        ("    'default-src' http://orders:9999;", NGINX),
        ("<IfDefine X>\nProxyPass / http://orders:9999/\n</IfDefine>", "/etc/httpd/httpd.conf"),
        (".if a\n.if b\n.endif\nserver x orders:9999\n.endif", "/etc/haproxy/haproxy.cfg"),
        ("proxy_pass http://db.x; proxy_pass http://nowhere;", NGINX),
        ("proxy_pass https://orders;", NGINX),
        ("proxy_pass http://order;", NGINX),  # of a file that is not here
        ("proxy_pass $scheme://orders;", NGINX),
        ("server one orders", "/etc/haproxy/haproxy.cfg"),  # at the port that it was asked at
        ("    - orders", "/etc/traefik/traefik.yml"),
        ("server old orders:9999 disabled", "/etc/haproxy/haproxy.cfg"),
        ("upstream order { server orders:8000; } proxy_pass http://order;", NGINX),
        ("# proxy_pass http://orders:9999;", NGINX),
        ("listen 80;# orders:9999", NGINX),
        ("server orders:9999 backup;", NGINX),
        ("server orders:9999 down;", NGINX),
        ("return 301 https://orders:9999$request_uri;", NGINX),
        ("proxy_set_header Host orders:9999;", NGINX),
        ("add_header X http://orders:9999;", NGINX),
        ("proxy_pass http://$orders:9999;", NGINX),
        ("proxy_pass http://${NOBODY}:9999;", NGINX),
        ("proxy_pass http://api.orders:9999;", NGINX),
        ("proxy_pass http://x@orders:9999@y;", NGINX),
        ("proxy_pass http://orders:9999@elsewhere/;", NGINX),
        ("proxy_pass http://nowhere:9999;", NGINX),
        ("proxy_pass http://web:9999;", NGINX),
        ('ProxyPassReverse "/old" "http://orders:9999/"', "/usr/local/apache2/conf/httpd.conf"),
        ('sub_filter "http://orders:9999" "https://x.example"', NGINX),
        ("    http://orders:9999 'self';", NGINX),  # of a header that began above
        ('    "orders:9999" orders:8000;', NGINX),  # of a map
        ("    'self' data: http://orders:9999;", NGINX),  # of a header, likewise
        ('if ($http_host = "orders:9999") {', NGINX),
        ("proxy_ssl_name orders:9999;", NGINX),
        ('log_format x "orders:9999";', NGINX),
        ("server_name orders:9999;", NGINX),
        ("ServerAlias orders:9999", "/usr/local/apache2/conf/httpd.conf"),
        ("option httpchk GET / HTTP/1.1\\r\\nHost:\\ orders:9999", "/etc/haproxy/haproxy.cfg"),
        ("http-check send uri / orders:9999", "/etc/haproxy/haproxy.cfg"),
        ("http://orders:9999 {", "/etc/caddy/Caddyfile"),
        ("orders:9999, web {", "/etc/caddy/Caddyfile"),
        ("tcp-check send Host:\\ orders:9999", "/etc/haproxy/haproxy.cfg"),
        ("use-server a if { var(txn.h) -m str orders:9999 }", "/etc/haproxy/haproxy.cfg"),
        (".if defined(DEV)\n  server a orders:9999\n.endif", "/etc/haproxy/haproxy.cfg"),
        ('{{ if eq "a" "b" }}\n- url: "http://orders:9999"\n{{ end }}', "/etc/traefik/traefik.yml"),
        (
            "- {targets: ['orders:8000'], labels: {a: 'orders:9999'}}",
            "/etc/prometheus/prometheus.yml",
        ),
        ("  - {regex: 'orders:9999', target_label: a}", "/etc/prometheus/prometheus.yml"),
        ("acl a hdr(host) -i orders:9999", "/usr/local/etc/haproxy/haproxy.cfg"),
        ("proxy_pass http://orders:9999;", "/usr/share/nginx/html/a.conf"),
        ("proxy_pass http://orders:9999;", "/etc/nginx/html/a.conf"),
        ("proxy_pass http://orders:9999;", "/etc/nginx/sites-available/a.conf"),
        ("proxy_pass http://orders:9999;", "/etc/nginx/a.conf.disabled"),
        ("proxy_pass http://orders:9999;", "/etc/nginx/mime.types"),
        ("proxy_pass http://orders:9999;", "/app/nginx.conf"),
        ("proxy_pass http://orders:9999;", "/etc/nginxy/a.conf"),
    ],
)
def test_what_leads_somewhere_or_is_not_asked(tmp_path: Path, line: str, target: str) -> None:
    assert told(tmp_path, f"{line}\n", target) == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_the_container_itself(tmp_path: Path, host: str) -> None:
    (one,) = told(tmp_path, f"proxy_pass http://{host}:8000;")
    assert (one.cause, one.spare) == (Cause.REFUSED, True)
    assert one.found == f"{host} is there the container of web itself, not orders"
    assert one.fix.endswith(": the host is orders, then restart web")
    assert told(tmp_path, f"proxy_pass http://{host}:8001;") == [], "nobody does"
    for of_web in (
        {"listens": (Listener("127.0.0.1", 8000, ""),)},
        {"datagrams": frozenset({8000})},
        {"listens": None},
    ):
        assert told(tmp_path, f"proxy_pass http://{host}:8000;", of_web=of_web) == []


def test_the_service_itself_has_other_names(tmp_path: Path) -> None:
    assert told(tmp_path, "proxy_pass http://GATE:9999;", container_name="GATE") == []


# -- labels ----------------------------------------------------------------------------------------

PORT = "traefik.http.services.orders.loadbalancer.server.port"


def test_a_label_for_traefik(tmp_path: Path) -> None:
    labels = {"traefik.enable": "true", PORT: "9999"}
    (one,) = told(tmp_path, component="orders", image="traefik:v3.1", orders={"labels": labels})
    assert one.found == "orders listens at 8000 in its container, not at 9999"
    where = f"{PORT} (a label of the service orders of compose.yaml)"
    assert one.fix == f"correct {where}: the port is 8000"


def test_a_variable_for_nginx_proxy(tmp_path: Path) -> None:
    environment = {"VIRTUAL_HOST": "a.example", "VIRTUAL_PORT": "9999"}
    (one,) = told(
        tmp_path,
        component="orders",
        image="nginxproxy/nginx-proxy",
        orders={"environment": environment},
    )
    where = "VIRTUAL_PORT of the service orders of compose.yaml"
    assert one.fix == f"correct {where}: the port is 8000"


@pytest.mark.parametrize(
    ("image", "orders"),
    [
        ("traefik", {"labels": {PORT: "8000"}}),
        ("traefik", {"labels": {PORT: "9999"}, "image": "traefik:v3"}),
        ("traefik", {"labels": {PORT: "9999", "traefik.enable": "False"}}),
        ("traefik", {"labels": {PORT: "${NONE}"}}),
        ("traefik", {"labels": {PORT: "9" * 5_000}}),
        ("traefik", {"labels": {f"{PORT}s": "9999"}}),
        ("nginx-proxy", {"environment": {"VIRTUAL_PORT": "9999"}}),
        ("nginx-proxy", {"environment": {"VIRTUAL_HOST": "a", "VIRTUAL_PORT": "8000"}}),
    ],
)
def test_nothing_to_be_told(tmp_path: Path, image: str, orders: dict[str, object]) -> None:
    assert told(tmp_path, component="orders", image=image, orders=orders) == []


def test_what_a_file_for_many_announces(tmp_path: Path) -> None:
    (tmp_path / "all.env").write_text("VIRTUAL_HOST=a\nVIRTUAL_PORT=9999\n")
    assert told(tmp_path, component="orders", orders={"env_file": "all.env"}) == []
