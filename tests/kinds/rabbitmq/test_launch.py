from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from seatrial.errors import DeploymentError, ServerMissing
from seatrial.kinds.base import Target
from seatrial.kinds.rabbitmq.client import RabbitmqClient
from seatrial.kinds.rabbitmq.config import RabbitmqConfig
from seatrial.kinds.rabbitmq.installed import find_server
from seatrial.kinds.rabbitmq.launch import LAUNCH
from seatrial.kinds.rabbitmq.slim import TRIED, slim_home
from seatrial.kinds.rabbitmq.template import Template
from seatrial.outcome import Health
from seatrial.waiting import Deadline, eventually
from tests.kinds.harness import Reserved, Running, alive, descendants, open_folder, running
from tests.kinds.rabbitmq.admin import Admin
from tests.kinds.rabbitmq.conftest import Look, make_config


def _version() -> str:
    """Of what is installed; "" where nothing is, which the tests themselves will say."""
    try:
        return find_server(None).version
    except ServerMissing:
        return ""


def admin_of(one: Running, vhost: str = "%2F") -> Admin:
    return Admin(one.endpoints["management"], vhost)


def listening(pids: list[int]) -> set[str]:
    """Addresses on which these processes listen, as 127.0.0.1:PORT."""
    inodes = set()
    for pid in pids:
        for fd in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # it was open for a moment only
                inodes.add(os.readlink(fd))
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                address, _, port = fields[1].partition(":")
                words = [
                    bytes.fromhex(address[at : at + 8])[::-1] for at in range(0, len(address), 8)
                ]
                found.add(f"{ipaddress.ip_address(b''.join(words))}:{int(port, 16)}")
    return found


def test_a_started_broker(server: Running, look: Look) -> None:
    assert look(server.target).health is Health.HEALTHY
    admin = admin_of(server)
    assert [user["name"] for user in admin.call("GET", "users")] == ["quantum_user"]  # no guest
    assert admin.call("GET", "whoami")["tags"] == ["administrator"]
    endpoint = server.endpoints["amqp"]
    assert endpoint.path == "/%2F"
    assert endpoint.password is not None
    assert len(endpoint.password) >= 24
    assert server.endpoints["management"].password == endpoint.password


def test_all_that_it_opens_is_on_loopback(server: Running) -> None:
    assert server.process is not None
    pids = [server.process.pid, *(helper.pid for helper in server.helpers)]
    addresses = listening(pids)
    assert {endpoint.address for endpoint in server.endpoints.values()} < addresses
    ports = {address.rpartition(":")[2] for address in addresses}
    assert len(ports) == 4  # and the distribution, and the port mapper
    assert all(address.startswith(("127.0.0.1:", "::1:")) for address in addresses)


def test_the_password_is_in_no_file_and_no_environment(server: Running) -> None:
    assert server.process is not None
    password = server.endpoints["amqp"].password
    assert password is not None
    for file in server.site.folder.rglob("*"):
        if file.is_file():
            assert password.encode() not in file.read_bytes(), file
    for part in ("environ", "cmdline"):
        assert password.encode() not in Path(f"/proc/{server.process.pid}/{part}").read_bytes()
    assert password not in server.log.read_text()
    modes = {oct(file.stat().st_mode & 0o077) for file in server.site.folder.glob("*.json")}
    assert modes == {"0o0"}


def test_nothing_of_the_machine_is_read(server: Running) -> None:
    """Its own port mapper, no daemon; and no file of /etc/rabbitmq in its environment."""
    assert server.process is not None
    environment = Path(f"/proc/{server.process.pid}/environ").read_text().split("\0")
    values = dict(entry.partition("=")[::2] for entry in environment if entry)
    assert not any(value.startswith("/etc/") for value in values.values())
    assert values["RABBITMQ_CONFIG_FILES"].startswith(str(server.site.folder))
    log = server.log.read_text()
    assert "/etc/rabbitmq" not in log
    assert f"home dir       : {server.site.folder}" in log


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start it as another user")
def test_as_root_it_runs_as_rabbitmq(server: Running) -> None:
    assert server.plan is not None
    assert server.process is not None
    for process in (server.plan.process, *server.plan.helpers):
        assert process.user == "rabbitmq"
    assert Path(f"/proc/{server.process.pid}").stat().st_uid != 0


def test_two_nodes_of_one_name_side_by_side(server: Running, cache: Path, look: Look) -> None:
    with running(make_config(vhost="orders/eu"), component="other", cache=cache) as other:
        for one in (server, other):
            assert look(one.target).health is Health.HEALTHY
        names = [
            admin_of(one).call("GET", "nodes?columns=name")[0]["name"] for one in (server, other)
        ]
        assert names[0] == names[1]
        vhosts = [one["name"] for one in admin_of(other).call("GET", "vhosts")]
        assert vhosts == ["orders/eu"]
        assert other.endpoints["amqp"].path == "/orders%2Feu"


def kept_message(target: Target) -> None:
    """A confirmed persistent message in a durable queue."""
    with RabbitmqClient(target) as client:
        client.publish("kept", "tasks")


def metadata(one: Running) -> list[Path]:
    """The files in which the broker keeps what was declared."""
    return [f for f in one.site.folder.rglob("*") if f.suffix in (".LOG", ".DCL", ".DCD")]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_what_was_confirmed_outlives_a_restart(cache: Path, how: signal.Signals) -> None:
    with running(make_config(), component="broker", cache=cache) as one:
        admin_of(one).queue("tasks")
        kept_message(one.target)
        # Mnesia may keep a queue's declaration, or the end of it, to itself for two seconds. What
        # it writes, it writes in order.
        admin_of(one).queue("later")
        eventually(lambda: any(b"later" in f.read_bytes() for f in metadata(one)), timeout=10)
        assert one.process is not None
        assert one.plan is not None
        pids = [one.process.pid, *descendants(one.process.pid)]
        one.process.send_signal(how)
        grace = 0.0 if how is signal.SIGKILL else one.plan.process.grace
        _end(one, grace)
        # Nothing of it stays: its children notice its end themselves.
        eventually(lambda: not [pid for pid in pids if alive(pid)], timeout=5)
        one.start()
        with RabbitmqClient(one.target) as client:
            message = client.get("tasks")
        assert message is not None
        assert message.text == "kept"


def _end(one: Running, grace: float) -> None:
    """As the keeper ends a component: SIGKILL after its grace, then the helpers."""
    assert one.process is not None
    try:
        one.process.wait(grace)
    except Exception:
        one.process.kill()
        one.process.wait()
    for helper in one.helpers:
        helper.kill()
        helper.wait()
    one.helpers = []


def test_connections_are_closed_before_the_grace_is_over(cache: Path) -> None:
    """SIGTERM is worth its second: clients are told, and what they sent is written."""
    with running(make_config(), component="broker", cache=cache) as one:
        admin_of(one).queue("tasks")
        with RabbitmqClient(one.target) as client:
            client.publish("transient", "tasks", persistent=False)
        assert one.process is not None
        assert one.plan is not None
        one.process.send_signal(signal.SIGTERM)
        _end(one, one.plan.process.grace)
        assert "stopped TCP listener" in one.log.read_text()
        assert "msg_store_persistent' is stopped" in one.log.read_text()


def test_definitions_are_loaded(cache: Path, tmp_path: Path) -> None:
    file = tmp_path / "definitions.json"
    definitions = {
        "users": [{"name": "quantum_user", "password": "overridden", "tags": ""}],
        "vhosts": [{"name": "shop"}],
        "queues": [
            {
                "name": "orders",
                "vhost": "shop",
                "durable": True,
                "auto_delete": False,
                "arguments": {},
            }
        ],
        "permissions": [
            {
                "user": "quantum_user",
                "vhost": "shop",
                "configure": "^$",
                "write": "^$",
                "read": "^$",
            }
        ],
    }
    file.write_text(json.dumps(definitions))
    config = make_config(vhost="shop", definitions=str(file), options=["channel_max = 77"])
    with running(config, component="broker", cache=cache) as one:
        with RabbitmqClient(one.target) as client:
            client.publish("x", "orders")  # with our password and permissions
        admin = admin_of(one, "shop")
        assert [vhost["name"] for vhost in admin.call("GET", "vhosts")] == ["shop"]
        assert "channel_max = 77" in (one.site.folder / "rabbitmq.conf").read_text()


@pytest.mark.skipif(
    _version().startswith("4."), reason="RabbitMQ 4 takes what 3 drops: a queue without auto_delete"
)
def test_definitions_that_the_broker_drops_without_a_word(cache: Path, tmp_path: Path) -> None:
    file = tmp_path / "definitions.json"
    queue = {"name": "orders", "vhost": "/", "durable": True, "arguments": {}}  # no auto_delete
    file.write_text(json.dumps({"queues": [queue]}))
    with (
        pytest.raises(DeploymentError, match="queue orders"),
        running(make_config(definitions=str(file)), component="broker", cache=cache),
    ):
        pass


@pytest.mark.parametrize("text", [None, "not json", "[]"])
def test_definitions_that_cannot_be_read(server: Running, tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "definitions.json"
    if text is not None:
        file.write_text(text)
    folder = tmp_path / "data"
    folder.mkdir()
    config = make_config(definitions=str(file))
    site = replace(server.site, config=config, folder=folder, ports=Reserved())
    with pytest.raises(DeploymentError, match="definitions"):
        asyncio.run(LAUNCH.plan(site))


def test_a_plugin_that_is_not_there(server: Running, tmp_path: Path) -> None:
    config = make_config(plugins=["rabbitmq_no_such_thing"])
    site = replace(server.site, config=config, folder=tmp_path, ports=Reserved())
    with pytest.raises(DeploymentError, match="rabbitmq_no_such_thing"):
        asyncio.run(LAUNCH.plan(site))


def test_more_plugins_and_odd_names(cache: Path, look: Look) -> None:
    """The slim home brings what plugins depend on; names are encoded in the URL."""
    odd = {"vhost": "a b/#?%41 ü", "user": "us er#/?@%41 ü"}
    config = make_config(plugins=["rabbitmq_consistent_hash_exchange"], **odd)
    with running(config, component="broker", cache=cache) as one:
        assert look(one.target).health is Health.HEALTHY
        assert one.endpoints["amqp"].path == "/a%20b%2F%23%3F%2541%20%C3%BC"
        kinds = admin_of(one).call("GET", "overview")["exchange_types"]
        assert "x-consistent-hash" in [kind["name"] for kind in kinds]


def test_the_stock_start_where_the_layout_is_unknown(
    cache: Path, monkeypatch: pytest.MonkeyPatch, look: Look
) -> None:
    monkeypatch.setattr("seatrial.kinds.rabbitmq.slim.TRIED", ("0.",))
    with running(make_config(), component="broker", cache=cache) as one:
        assert one.plan is not None
        assert one.plan.process.argv[0].startswith(str(find_server(None).home))
        assert look(one.target).health is Health.HEALTHY


@pytest.mark.skipif(not _version().startswith(TRIED), reason="its layout has not been tried")
def test_a_slim_home_is_made_once_and_again_when_it_is_gone(tmp_path: Path) -> None:
    server = find_server(None)
    plugins = ("rabbitmq_management",)
    first = slim_home(server, plugins, tmp_path)
    assert first is not None
    made = first.stat().st_mtime_ns
    assert slim_home(server, plugins, tmp_path) == first
    assert first.stat().st_mtime_ns == made
    assert slim_home(server, (*plugins, "rabbitmq_shovel"), tmp_path) != first
    shutil.rmtree(first)
    assert slim_home(server, plugins, tmp_path) == first
    assert [path for path in tmp_path.iterdir() if ".tmp-" in path.name] == []
    assert slim_home(server, ("no_such_plugin",), tmp_path) is None


def templates(cache: Path) -> list[Path]:
    return sorted(path for path in cache.iterdir() if path.name.startswith("rabbitmq-data-"))


def test_a_booted_folder_is_kept_and_used_again(cache: Path, look: Look) -> None:
    with open_folder() as own_cache:
        with running(make_config(), component="broker", cache=own_cache) as one:
            assert "attempt to enable" in one.log.read_text()  # a fresh node's feature flags
            admin_of(one).queue("declared_later")
        (kept,) = templates(own_cache)
        assert kept.stat().st_mode & 0o077 == 0
        with running(make_config(), component="broker", cache=own_cache) as one:
            assert "attempt to enable" not in one.log.read_text()
            assert look(one.target).health is Health.HEALTHY
            assert admin_of(one).call("GET", "queues") == []
            users = admin_of(one).call("GET", "users")
            assert [user["name"] for user in users] == ["quantum_user"]
        assert templates(own_cache) == [kept]
        assert template_of(make_config(), own_cache) == kept
        for other in ({"user": "u"}, {"vhost": "v"}, {"plugins": ["rabbitmq_shovel"]}):
            assert template_of(make_config(**other), own_cache) != kept


def template_of(config: RabbitmqConfig, cache: Path) -> Path:
    plugins = ("rabbitmq_management", *config.plugins)
    return Template.of(find_server(None), config, plugins, cache).path


def test_what_somebody_declared_gets_into_no_template() -> None:
    """A service may be quicker than we are: its queue must not be there in the next deployment."""
    with (
        open_folder() as own_cache,
        running(make_config(), component="broker", cache=own_cache) as one,
    ):
        shutil.rmtree(templates(own_cache)[0])
        (one.site.folder / "fresh").touch()  # as it is before `after_start`
        admin_of(one).queue("quick")
        asyncio.run(LAUNCH.after_start(one.target, one.site, Deadline.after(5)))
        assert templates(own_cache) == []
        # Nor the data of a node that was restarted, however empty.
        admin_of(one).delete("queues/%2F/quick")
        asyncio.run(LAUNCH.after_start(one.target, one.site, Deadline.after(5)))
        assert templates(own_cache) == []
        assert not (one.site.folder / "template").exists()
        (one.site.folder / "fresh").touch()
        asyncio.run(LAUNCH.after_start(one.target, one.site, Deadline.after(5)))
        assert len(templates(own_cache)) == 1


def test_missing_servers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(ServerMissing, match=">=99"):
        find_server(">=99")
    monkeypatch.setenv("SEATRIAL_RABBITMQ_HOME", str(tmp_path))
    with pytest.raises(ServerMissing) as caught:
        find_server(None)
    assert "SEATRIAL_RABBITMQ_HOME" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "keys",
    [
        {"version": "new"},
        {"user": ""},
        {"user": "a:b"},
        {"port": 0},
        {"port": 5672, "management_port": 5672},
        {"options": ["no equals sign"]},
        {"plugins": ["Not A Plugin"]},
        {"databse": "x"},
    ],
)
def test_declarations_that_are_refused(keys: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        make_config(**keys)


def test_fixed_ports_are_taken() -> None:
    config = make_config(port=12345, management_port=12346)
    assert isinstance(config, RabbitmqConfig)
    ports = Reserved()
    endpoints = LAUNCH.allocate(config, ports)
    assert [endpoint.port for endpoint in endpoints.values()] == [12345, 12346]
    assert ports.held == []
