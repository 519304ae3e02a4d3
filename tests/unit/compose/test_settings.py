"""Which settings of a gateway a container has and reads."""

from __future__ import annotations

import json
import os
from pathlib import Path
from time import process_time

import pytest

from seatrial.compose.gateways import passed_on
from seatrial.compose.project import read_project
from seatrial.compose.targets import targets
from seatrial.declaration.load import load
from seatrial.kinds.registry import KINDS

from .test_gateways import NGINX, told
from .test_targets import of


def lines(folder: Path, **web: object) -> list[str]:
    """Where web is told of others."""
    web = {"image": "nginx", **web} if "build" not in web else {"command": "nginx", **web}
    (folder / "compose.yaml").write_text(json.dumps({"services": {"web": web}}))
    project = read_project(folder / "compose.yaml", {})
    return [one.where for one in passed_on(project, project.services["web"])]


@pytest.mark.parametrize(
    "copy",
    [
        "COPY gate/a.conf /etc/nginx/conf.d/a.conf",
        "COPY --chown=1:1 gate/a.conf /etc/nginx/conf.d/",
        'ADD ["./gate/a.conf", "/etc/nginx/conf.d/"]',
        "COPY gate /etc/nginx/conf.d",
        "COPY gate /etc/nginx/conf.d\nFROM 0",
        "COPY gate/*.conf /etc/nginx/conf.d/",
        "COPY none.conf gate/a.conf /etc/nginx/conf.d",
        "WORKDIR /etc/nginx\nWORKDIR conf.d\nCOPY gate/a.conf .",
        "COPY gate/** /etc/nginx/conf.d/\nRUN echo /etc/nginx/conf.d/a.conf",
        "COPY gate/a.conf /etc/nginx/conf.d/\nRUN rm /etc/passwd && apt-get update",
        "WORKDIR /etc/nginx/conf.d\nFROM 0\nCOPY gate/a.conf ./a.conf",
    ],
)
def test_built_in(tmp_path: Path, copy: str) -> None:
    (tmp_path / "gate").mkdir()
    (tmp_path / "gate" / "a.conf").write_text("proxy_pass http://a:1;")
    (tmp_path / "gate" / "mime.types").write_text("http://b:1;")
    (tmp_path / "Dockerfile").write_text(f"FROM nginx\n{copy}\n")
    has = "(which web has at /etc/nginx/conf.d/a.conf)"
    assert lines(tmp_path, build=".") == [f"gate/a.conf:1 {has}"]


def test_what_is_built_in_is_to_be_built_anew(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM nginx\nCOPY gate.conf {NGINX}\n")
    line = "proxy_pass http://orders:9999;"
    (one,) = told(tmp_path, line, "", build=".")
    assert one.fix.endswith(": the port is 8000, then build web anew")


@pytest.mark.parametrize(
    "text",
    [
        "COPY --from=b nginx.conf /etc/nginx/",
        "COPY <<nginx.conf /etc/nginx/\nhttp://a:1\nnginx.conf\n",
        "COPY nginx.conf",
        "COPY nginx.conf /etc/nginx/\nRUN sed -i s/a/b/ /etc/nginx/nginx.conf",
        "COPY nginx.conf /etc/nginx/\nRUN cd /etc && sed -i s/a/b/ nginx/*.conf",
        "COPY nginx.conf /etc/nginx/\nRUN rm -r /etc/nginx",
        "COPY nginx.conf /etc/nginx/\nRUN <<EOF\nsed -i x nginx.conf\nEOF",
        "COPY nginx.conf /etc/nginx/\nCOPY --from=b nginx.conf /etc/nginx/",
        "COPY nginx\0.conf /etc/nginx/nginx.conf",
        "COPY",
        "FROM nginx",
        "COPY nginx.conf /etc/nginx/\nFROM nginx",
        "COPY / /",
    ],
)
def test_not_built_in(tmp_path: Path, text: str) -> None:
    (tmp_path / "nginx.conf").write_text("proxy_pass http://a:1;")
    (tmp_path / "Dockerfile").write_text(f"FROM nginx\n{text}\n")
    assert lines(tmp_path, build=".") == []


def test_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("conf.d/b/a.conf", "conf.d/a.conf", "conf.d/c.txt", "sites-enabled/default"):
        (tmp_path / "gate" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "gate" / name).write_text("\nproxy_pass http://a:1;")
    shown = [one.partition(" ")[0] for one in lines(tmp_path, volumes=["./gate:/etc/nginx/"])]
    assert shown == ["gate/conf.d/a.conf:2", "gate/sites-enabled/default:2"]
    assert lines(tmp_path, volumes=["./gate:/srv"]) == []
    monkeypatch.chdir(tmp_path)
    assert lines(tmp_path, volumes=["gate:/etc/nginx"]) == [], "a volume of that name"


@pytest.mark.parametrize(
    ("files", "command", "read"),
    [
        ({"prometheus.yml": "", "prometheus.prod.yml": ""}, "", "prometheus.yml"),
        (
            {"prometheus.yml": "", "prometheus.prod.yml": ""},
            "prometheus --config.file=/etc/gate/prometheus.prod.yml",
            "prometheus.prod.yml",
        ),
        ({"prometheus.yml": "", "other.yml": ""}, "--config.file=/etc/x.yml", "prometheus.yml"),
        ({"nginx.conf": "", "conf.d/a.conf": "", "b.conf": ""}, "nginx", "nginx.conf"),
        (
            {"nginx.conf": "include /etc/gate/conf.d/*.conf;", "conf.d/a.conf": "", "b.conf": ""},
            "",
            "conf.d/a.conf nginx.conf",
        ),
        (
            {"nginx.conf": "include conf.d/*.conf;", "templates/a.conf.template": "", "b.txt": ""},
            "",
            "nginx.conf templates/a.conf.template",
        ),
        (
            {"conf.d/a.conf": 'include "snippets/b.conf";', "snippets/b.conf": "", "c.conf": ""},
            "",
            "conf.d/a.conf snippets/b.conf",
        ),
        ({"Caddyfile": "import sites/*", "sites/a": "", "b/a": ""}, "", "Caddyfile sites/a"),
        ({"haproxy.cfg": "", "a/1.cfg": "", "2.cfg": ""}, "haproxy -f /etc/gate/a", "a/1.cfg"),
        (
            {"traefik.yml": "  directory: '/etc/gate/own/'", "own/a.yml": "", "b.yml": ""},
            "",
            "own/a.yml traefik.yml",
        ),
        (
            {"own/a.yml": "", "b.yml": ""},
            "traefik --providers.file.directory=/etc/gate/own",
            "own/a.yml",
        ),
        ({"nginx.conf": "root /etc/gate/html;", "html/a.js": ""}, "", "nginx.conf"),
        ({"sites-available/a": "", "a.conf.disabled": "", "mime.types": ""}, "", ""),
    ],
)
def test_which_are_read(tmp_path: Path, files: dict[str, str], command: str, read: str) -> None:
    for name, text in files.items():
        (tmp_path / "gate" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "gate" / name).write_text(text.replace("/gate/", "/nginx/") + "\nserver a:1;")
    volumes = ["./gate:/etc/nginx"]
    told_at = lines(tmp_path, volumes=volumes, command=command.replace("/gate/", "/nginx/"))
    assert " ".join(one.partition(":")[0].removeprefix("gate/") for one in told_at) == read


def test_of_configs(tmp_path: Path) -> None:
    (tmp_path / "gate.conf").write_text("server a:1;")
    web = {"image": "nginx", "configs": [{"source": "one", "target": NGINX}, "two"]}
    configs = {"one": {"file": "./gate.conf"}, "two": {"content": "x"}}
    text = json.dumps({"services": {"web": web}, "configs": configs})
    (tmp_path / "compose.yaml").write_text(text)
    project = read_project(tmp_path / "compose.yaml", {})
    (found,) = passed_on(project, project.services["web"])
    assert found.where == f"gate.conf:1 (which web has at {NGINX})"
    (mount,) = project.services["web"].mounts
    assert (mount.target, mount.read_only) == (NGINX, True)


def test_what_hides_what(tmp_path: Path) -> None:
    for name in ("prod.conf", "dev.conf"):
        (tmp_path / name).write_text("server a:1;")
    (tmp_path / "gate").mkdir()
    copies = f"COPY prod.conf {NGINX}\nFROM 0\nCOPY dev.conf {NGINX}"
    (tmp_path / "Dockerfile").write_text(f"FROM nginx\n{copies}\n")
    has = f"(which web has at {NGINX})"
    assert lines(tmp_path, build=".") == [f"dev.conf:1 {has}"]
    mounted = [f"./prod.conf:{NGINX}"]
    assert lines(tmp_path, build=".", volumes=mounted) == [f"prod.conf:1 {has}"]
    both = [*mounted, "./gate:/etc/nginx/conf.d/"]
    assert lines(tmp_path, build=".", volumes=both) == [f"prod.conf:1 {has}"]
    assert lines(tmp_path, build=".", volumes=["./gate:/etc/nginx"]) == []
    assert len(lines(tmp_path, build=".", volumes=["gate:/etc/nginx"])) == 1, "filled by the image"


def test_what_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is for whoever is not root; nothing else than settings is looked at at all."""
    looked: list[str] = []
    stat = os.stat

    def closed(path: Path | str, **more: bool) -> os.stat_result:
        if not str(path).startswith("/closed"):
            return stat(path, follow_symlinks=more.get("follow_symlinks", True))
        looked.append(str(path))
        raise PermissionError(13, "Permission denied")

    volumes = ["/closed/docker:/var/lib/docker", "/closed/gate:/etc/nginx"]
    with monkeypatch.context() as patched:
        patched.setattr(Path, "stat", closed)
        patched.setattr(os, "stat", closed)
        assert lines(tmp_path, volumes=volumes) == []
    assert looked
    assert not [one for one in looked if one.startswith("/closed/docker")]
    name = "x" * 5_000
    assert lines(tmp_path, volumes=[f"./{name}:/etc/nginx"]) == []


@pytest.mark.parametrize(
    ("image", "command", "read"),
    [
        ("certbot/certbot", "certbot renew", False),
        ("own/gate", "/docker-entrypoint.sh nginx -g 'daemon off;'", True),
        ("own/gate", "/start.sh", False),
        ("nginx", 'sh -c "sed -i s/1/2/ /etc/nginx/nginx.conf && nginx"', False),
        ("nginx", "sh -c 'envsubst < a > /etc/nginx/nginx.conf && nginx'", False),
    ],
)
def test_whose_settings_they_are(tmp_path: Path, image: str, command: str, read: bool) -> None:
    (tmp_path / "gate.conf").write_text("server a:1;")
    volumes = ["./gate.conf:/etc/nginx/nginx.conf"]
    assert bool(lines(tmp_path, image=image, command=command, volumes=volumes)) is read


def test_what_is_cut(tmp_path: Path) -> None:
    """The last line may be half of one."""
    line = "server orders:8000;\n"
    text = line * (65_536 // len(line)) + "server orders:8000;"
    assert told(tmp_path, text) == []
    assert len(text) > 65_536 > len(text) - len(line)


def test_whom_another_asks_for_it(tmp_path: Path) -> None:
    """It need not reach them itself; that nothing listens there counts."""
    text = "- targets: ['far:8000']\n  relabel_configs: [{target_label: __param_target}]"
    target = "/etc/prometheus/prometheus.yml"
    networks = {"networks": ["one"]}
    (tmp_path / "gate.conf").write_text(text)
    services = {
        "web": {"image": "prometheus", "volumes": [f"./gate.conf:{target}"], **networks},
        "far": {"image": "x", "networks": ["two"]},
    }
    nets = {"one": None, "two": None}
    (tmp_path / "compose.yaml").write_text(json.dumps({"services": services, "networks": nets}))
    (tmp_path / "seatrial.yaml").write_text(
        "system: s\ncompose: compose.yaml\ncomponents: {web: {kind: process}}"
    )
    project = read_project(tmp_path / "compose.yaml", {})
    system = load(tmp_path, KINDS, variables={})
    containers = [of(name, networks={}, exposed=()) for name in services]

    def found() -> list[str]:
        return [one.found for one in targets(system, project, containers)["web"].astray]

    assert found() == []
    (tmp_path / "gate.conf").write_text(text.replace("__param_target", "other"))
    assert found() == ["web and far share no network: far has no address there"]


def test_bounded(tmp_path: Path) -> None:
    (tmp_path / "gate").mkdir()
    for number in range(60):
        (tmp_path / "gate" / f"{number:02}.conf").write_text("server a:1;")
    assert len(lines(tmp_path, volumes=["./gate:/etc/nginx/conf.d"])) == 50
    (tmp_path / "long.conf").write_text("server a:1;\n" + " " * 70_000 + "\nserver a:2;")
    volumes = ["./long.conf:/etc/nginx/nginx.conf"]
    assert len(lines(tmp_path, volumes=volumes)) == 1
    os.mkfifo(tmp_path / "pipe.conf")
    assert lines(tmp_path, volumes=["./pipe.conf:/etc/nginx/nginx.conf"]) == []
    assert lines(tmp_path, volumes=["./none.conf:/etc/nginx/nginx.conf"]) == []


def test_as_it_says_now(tmp_path: Path) -> None:
    assert told(tmp_path, "proxy_pass http://orders:9999;") != []
    assert told(tmp_path, "proxy_pass http://orders:8000 ;") == []


@pytest.mark.parametrize(
    "text",
    [
        ".if\n" * 16_000,
        "{{if" * 16_000,
        "<If" * 20_000,
        "server to url " * 4_600,
        "{$A:" * 16_000,
        "url " * 16_000,
        "".join(f"import *{n}\n" for n in range(5_000)),
        "a." * 32_000,
        '"' * 65_000,
    ],
)
def test_a_long_text_takes_no_long_time(tmp_path: Path, text: str) -> None:
    (tmp_path / "gate").mkdir()
    (tmp_path / "gate" / "nginx.conf").write_text("include *.conf;")
    for number in range(8):
        (tmp_path / "gate" / f"{number}.conf").write_text(f"\n{text}\nserver a:{number + 1};")
    began = process_time()
    assert len(lines(tmp_path, volumes=["./gate:/etc/nginx"])) == (0 if "if" in text else 8)
    assert process_time() - began < 3.0  # tenths; where it grows as a square, many seconds
