"""Whether a folder of the host that a service may write in holds data: two servers on one folder
destroy it, and what a trial writes there is the user's."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Collection, Iterator
from itertools import islice, pairwise

from seatrial.compose.merging import Tree, by_name
from seatrial.declaration.source import Plain
from seatrial.kinds.containers import Mount

#: Where images of servers keep their data.
_FOLDERS = (
    *("/data", "/var/lib", "/var/opt", "/var/spool", "/var/mail", "/bitnami"),
    *("/usr/share/elasticsearch/data", "/usr/share/opensearch/data", "/opt/couchdb/data"),
    *("/qdrant/storage", "/meili_data", "/prometheus", "/alertmanager", "/loki", "/etcd-data"),
    *("/consul/data", "/vault/file", "/vault/data", "/zookeeper", "/nats", "/cockroach"),
    *("/root/.ollama", "/datalog", "/var/jenkins_home", "/unifi"),
)
#: What servers only read, wherever it lies.
_SETTINGS = re.compile(
    r"/(etc|conf|config|init\w*|scripts?|plugins|extensions|certs?|ssl|tls|provisioning"
    r"|dashboards|docker-entrypoint-\w+|[^/]*\.d)(/|$)"
)
#: What programs of any sort put there for their users, and do without.
_OF_USERS = re.compile(
    r"/(uploads?|uploaded|media|attachments?|avatars?|downloads?|user-?(files|content)|backups?"
    r"|dumps?|logs?|mail(dir)?|spool)(/|$)"
)
_OPTIONS = re.compile(
    r"(--(?:dir|datadir|data-?dir|data|dbpath|db-?path|data-?path|path\.data|storage-?dir|store-?dir"
    r"|storage\.tsdb\.path|storage-?path)|-D)(?:=(.*))?"
)
_POSTGRES = re.compile("PGDATA")
_OTHERS = re.compile(r"(\w+_)?(DATA_?(DIR|PATH|FOLDER)|DB_?PATH|DATADIR|STORAGE_(DIR|PATH))")
#: Files and folders by which a server's data is known.
_MARKS = frozenset(
    (
        *("PG_VERSION", "postmaster.pid", "ibdata1", "mysql.ibd", "aria_log_control"),
        *("WiredTiger", "mongod.lock", "dump.rdb", "appendonlydir", "appendonly.aof"),
        *("mnesia", ".erlang.cookie", "node.lock", "_state", "meta.properties", "version-2"),
        *("data.mdb", "raft_state.json", "chunks_head", "neostore", "_dbs.couch", "raft.db"),
        *("level.dat", ".minio.sys", "influxd.bolt", "grafana.db", "indexdb", "commitlog"),
    )
)
_SOURCE = re.compile(
    r".*\.(py|rb|php|mjs|cjs|ts|jsx|tsx|vue|svelte|go|rs|java|kt|scala|cs|ex|exs|erl|lua|pl)"
    r"|Dockerfile.*|Makefile"
)
#: Pages, scripts and settings: people write them, and lay them beside their data.
_WRITTEN = re.compile(
    r".*\.(js|sh|sql|html|css|scss|ya?ml|toml|ini|cfg|conf|properties|pem|crt|key)"
)
_SQLITE = re.compile(r".*\.(db|db3|sqlite|sqlite3)")
_TEXT = re.compile(r".*\.(md|txt|json|xml)")  # written by people, or by programs
_DEEPEST = 3  # folders below the one that is bound
_MOST = 2_000  # names that are looked at


def holds_data(mount: Mount, one: Tree, code: Collection[str]) -> bool:
    """Of a folder that the service `one` may write in; `code` are folders that are built from, or
    hold the compose file."""
    if not _SETTINGS.search(mount.target):
        if any(_within(mount.target, folder) for folder in _FOLDERS):
            return True
        if any(_within(mount.target, folder) for folder in _options(one)):
            return True
        if any(_within(folder, mount.target) for folder in _variables(one, _POSTGRES)):
            return True  # there it may lie deeper than what is bound
    if any(_within(folder, mount.source) for folder in code):
        return False
    if any(_within(mount.target, folder) for folder in _variables(one, _OTHERS)):
        return True
    names = list(islice(_names(mount.source, _DEEPEST), _MOST))
    if _is_hidden(mount.source) or any(os.path.basename(name) in _MARKS for name in names):
        return True
    if any(_is(_SOURCE, name) for name in names):
        return False
    if any(_is(_SQLITE, name) and is_sqlite(name) for name in names):
        return True
    if _SETTINGS.search(mount.target):
        return False
    if _OF_USERS.search(mount.target):
        return True
    top = (name for name in names if os.path.dirname(name) == mount.source)
    return not any(_is(_WRITTEN, name) for name in names) and not any(_is(_TEXT, n) for n in top)


def databases_in(folder: str) -> list[str]:
    """Those in one file, of a folder that stays the user's."""
    names = islice(_names(folder, _DEEPEST), _MOST)
    return sorted(name for name in names if _is(_SQLITE, name) and is_sqlite(name))


def _is(sort: re.Pattern[str], path: str) -> bool:
    return sort.fullmatch(os.path.basename(path)) is not None


def is_sqlite(file: str) -> bool:
    """A database in one file; one that we may not read is none that we know of."""
    try:
        with open(file, "rb") as stream:
            return stream.read(16) == b"SQLite format 3\0"
    except OSError:
        return False


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _variables(one: Tree, names: re.Pattern[str]) -> Iterator[str]:
    """Folders that they name as those of its data."""
    for name, value in by_name(one.get("environment"), "=").items():
        if names.fullmatch(name):
            yield os.path.normpath(str(value))


def _options(one: Tree) -> Iterator[str]:
    """Likewise those of its command."""
    words = [*_words(one.get("entrypoint")), *_words(one.get("command"))]
    for word, following in pairwise([*words, ""]):
        if (option := _OPTIONS.fullmatch(word)) is not None:
            yield os.path.normpath(following if option[2] is None else option[2])


def _words(value: Plain) -> list[str]:
    if isinstance(value, list):
        return [word for one in value for word in _words(str(one))]  # `sh -c "redis-server ..."`
    try:
        return shlex.split(str(value or ""))
    except ValueError:
        return str(value).split()


def _is_hidden(folder: str) -> bool:
    """What we may not look into belongs to whom a server runs as."""
    return os.path.isdir(folder) and not os.access(folder, os.R_OK | os.X_OK)


def _names(folder: str, deep: int) -> Iterator[str]:
    """Everything in it, and in folders so deep below it."""
    try:
        with os.scandir(folder) as entries:
            found = [(one.path, one.is_dir(follow_symlinks=False)) for one in entries]
    except OSError:
        return
    yield from (path for path, _ in found)
    for path, is_folder in found:
        if is_folder and deep > 0:
            yield from _names(path, deep - 1)
