"""Starting a private RabbitMQ node.

Everything is its own: node name, cookie, port mapper, ports, data, configuration. Nothing of the
machine's RabbitMQ is read (not even /etc/rabbitmq) or touched, and no daemon is left behind: the
port mapper is a helper process, and the node is told not to start one.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from seatrial.declaration.models import ComponentConfig
from seatrial.errors import DeploymentError
from seatrial.kinds.base import Endpoint, Target
from seatrial.kinds.installed import RunAs
from seatrial.kinds.launching import Plan, Ports, Process, Ready, Site
from seatrial.kinds.placing import put_file
from seatrial.kinds.rabbitmq.config import RabbitmqConfig
from seatrial.kinds.rabbitmq.definitions import definitions_for, see_loaded
from seatrial.kinds.rabbitmq.installed import Server, find_server, run_as
from seatrial.kinds.rabbitmq.slim import slim_home
from seatrial.kinds.rabbitmq.template import DATA, Template, is_empty
from seatrial.waiting import Deadline

_HOST = "127.0.0.1"
#: Always the same: nodes are told apart by their port mappers, and a data folder knows its node.
NODE = "seatrial@localhost"
_MANAGEMENT = "rabbitmq_management"
#: Within this time of SIGTERM connections are closed and data is on disk (some 0.05 s). What then
#: takes 5 more seconds is only the management plugin's supervisors; SIGKILL cuts that short.
_GRACE = 1.0  # s

#: What keeps a broker small and quick to tell; `options` of the declaration may change these.
_SETTINGS = {
    "log.console": "true",
    "log.console.level": "info",
    "vm_memory_high_watermark.absolute": "1GB",
    "disk_free_limit.absolute": "50MB",
    # The management API's counts are then at most 1.5 s old, and not 10 s.
    "collect_statistics_interval": "500",  # ms
    "management.sample_retention_policies.global.minute": "1",  # s between samples
    "management.sample_retention_policies.basic.minute": "1",
    "management.sample_retention_policies.detailed.minute": "1",
    "loopback_users": "none",  # it listens on loopback only
}
#: A bounded number of schedulers whatever the machine, and none that waits busily.
_VM = "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none"


class RabbitmqLaunch:
    def allocate(self, config: ComponentConfig, ports: Ports) -> Mapping[str, Endpoint]:
        assert isinstance(config, RabbitmqConfig)
        user, password = config.user, secrets.token_urlsafe(24)
        path = f"/{quote(config.vhost, safe='')}"
        return {
            "amqp": Endpoint("amqp", _HOST, config.port or ports(), path, user, password),
            "management": Endpoint(
                "http", _HOST, config.management_port or ports(), user=user, password=password
            ),
        }

    async def plan(self, site: Site) -> Plan:
        return await asyncio.to_thread(_plan, site)

    async def after_start(self, target: Target, site: Site, deadline: Deadline) -> None:
        """Keep its data for later starts; see that all declared definitions have been loaded.

        User and permissions are there before it says that it is ready. Raises DeploymentError.
        """
        config = site.config
        assert isinstance(config, RabbitmqConfig)
        if config.definitions is not None:
            await see_loaded(site, config, deadline)
            return
        template = _template(site, config, find_server(config.version))
        if await asyncio.to_thread(template.keep, site.folder):
            empty = await is_empty(site, deadline)
            await asyncio.to_thread(template.confirm, site.folder, empty)


LAUNCH = RabbitmqLaunch()


def _plan(site: Site) -> Plan:
    config = site.config
    assert isinstance(config, RabbitmqConfig)
    server, user, folder = find_server(config.version), run_as(), site.folder
    plugins = _plugins(config)
    _known_plugins(site, server, plugins)
    home = slim_home(server, plugins, site.cache)
    definitions = definitions_for(site, config, server)
    _write(folder / "definitions.json", json.dumps(definitions))
    _write(folder / "rabbitmq.conf", _settings(site, config))
    _write(folder / "advanced.config", "[].\n")
    _write(folder / "enabled_plugins", f"[{','.join(plugins)}].\n")
    _write(folder / "environment.conf", "")
    # Names are looked up in this file first, so that no resolver process is needed for localhost.
    _write(folder / "inetrc", '{lookup,[file,native]}.\n{host,{127,0,0,1},["localhost"]}.\n')
    if config.definitions is None:
        _template(site, config, server).lay(folder)
    cookie = folder / ".erlang.cookie"
    if not cookie.exists():
        _write(cookie, secrets.token_hex(16), 0o400)
    user.give(folder, *folder.rglob("*"))
    mapper, distribution = site.ports(), site.ports()
    env = _environment(folder, home, mapper, distribution)
    script = (home or server.home) / "sbin" / "rabbitmq-server"
    broker = Process(
        (str(script),),
        env,
        folder,
        user.name,
        stop_signal=signal.SIGTERM,
        grace=_GRACE,
        discard_signal=signal.SIGKILL,
    )
    return Plan(broker, Ready.NOTIFY, (_port_mapper(server, folder, mapper, user),))


def _plugins(config: RabbitmqConfig) -> tuple[str, ...]:
    return (_MANAGEMENT, *config.plugins)


def _template(site: Site, config: RabbitmqConfig, server: Server) -> Template:
    return Template.of(server, config, _plugins(config), site.cache)


def _port_mapper(server: Server, folder: Path, port: int, user: RunAs) -> Process:
    return Process(
        (server.epmd, "-port", str(port), "-address", _HOST),
        {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder)},
        folder,
        user.name,
        stop_signal=signal.SIGKILL,
        grace=1.0,
    )


def _environment(folder: Path, home: Path | None, mapper: int, distribution: int) -> dict[str, str]:
    # The distribution starts with the virtual machine. Left to RabbitMQ, it would first boot a
    # second machine only to start a port mapper.
    erlang = (
        f"{_VM} -sname {NODE} -start_epmd false "
        f"-kernel inet_dist_use_interface {{127,0,0,1}} "
        f"-kernel inet_dist_listen_min {distribution} -kernel inet_dist_listen_max {distribution}"
    )
    env = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "ERL_CRASH_DUMP_SECONDS": "0",
        "ERL_INETRC": str(folder / "inetrc"),
        "ERL_EPMD_PORT": str(mapper),
        "ERL_EPMD_ADDRESS": _HOST,
        "RABBITMQ_NODENAME": NODE,
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_CTL_DIST_PORT_MIN": str(distribution),
        "RABBITMQ_CTL_DIST_PORT_MAX": str(distribution),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": erlang,
        "RABBITMQ_LOGS": "-",
    }
    places = {
        "RABBITMQ_CONF_ENV_FILE": "environment.conf",
        "RABBITMQ_CONFIG_FILE": "rabbitmq.conf",
        "RABBITMQ_CONFIG_FILES": "conf.d",  # else it reads /etc/rabbitmq/conf.d
        "RABBITMQ_ADVANCED_CONFIG_FILE": "advanced.config",
        "RABBITMQ_ENABLED_PLUGINS_FILE": "enabled_plugins",
        "RABBITMQ_MNESIA_BASE": DATA,
        "RABBITMQ_LOG_BASE": "log",
        "RABBITMQ_GENERATED_CONFIG_DIR": "generated",
        "RABBITMQ_PLUGINS_EXPAND_DIR": "expanded",
        "RABBITMQ_PID_FILE": "pid",
    }
    env |= {name: str(folder / place) for name, place in places.items()}
    if home is not None:
        env["RABBITMQ_SCRIPTS_DIR"] = str(home / "sbin")
        env["RABBITMQ_HOME"] = str(home)
        env["RABBITMQ_PLUGINS_DIR"] = env["ERL_LIBS"] = str(home / "plugins")
    return env


def _settings(site: Site, config: RabbitmqConfig) -> str:
    amqp, management = site.endpoints["amqp"], site.endpoints["management"]
    own = (line.partition("=") for line in config.options)
    private = {
        "listeners.tcp.1": f"{_HOST}:{amqp.port}",
        "management.tcp.ip": _HOST,
        "management.tcp.port": str(management.port),
        "load_definitions": str(site.folder / "definitions.json"),
    }
    settings = _SETTINGS | {key.strip(): value.strip() for key, _, value in own} | private
    return "".join(f"{key} = {value}\n" for key, value in settings.items())


def _known_plugins(site: Site, server: Server, plugins: tuple[str, ...]) -> None:
    for plugin in plugins:
        if not any((server.home / "plugins").glob(f"{plugin}-[0-9]*")):
            raise DeploymentError(
                f"{site.component}: RabbitMQ {server.version} here has no plugin {plugin}",
                hint=f"ls {server.home / 'plugins'}   (shows what there is)",
            )


def _write(path: Path, text: str, mode: int = 0o600) -> None:
    put_file(path, text, mode)  # at a restart the folder is the broker's already
