"""One compose file on top of another.

Only what Seatrial looks at is merged with care: the services' own keys. Compose itself stays the
judge of the rest when it starts the project.
"""

from __future__ import annotations

from seatrial.declaration.source import Plain

Tree = dict[str, Plain]

SECTIONS = ("services", "volumes", "networks", "secrets", "configs")

#: Keys that may be a list ("A=1") or a mapping, and are merged by name.
_NAMED = {"environment": "=", "labels": "=", "depends_on": "", "secrets": "", "networks": ""}
_APPENDED = ("ports", "expose", "volumes", "env_file", "profiles")


def items(value: Plain) -> list[Plain]:
    """What may be one or a list of such."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def by_name(value: Plain, separator: str) -> dict[str, Plain]:
    """A list of names (or of NAME=VALUE) as the mapping that it stands for."""
    if isinstance(value, dict):
        return value
    found: dict[str, Plain] = {}
    for one in items(value):
        if isinstance(one, dict):
            found[str(one.get("source"))] = one
        elif isinstance(one, str) and separator:
            name, given, rest = one.partition(separator)
            found[name] = rest if given else None
        elif one is not None:
            found[str(one)] = None
    return found


def merged(base: Tree, over: Tree) -> Tree:
    result = {**base, **over}
    for section in SECTIONS:
        below, above = base.get(section), over.get(section)
        if not isinstance(below, dict) or not isinstance(above, dict):
            result[section] = above or below
            continue
        both = {**below, **above}
        for name in below.keys() & above.keys():
            one, other = below[name], above[name]
            if section == "services" and isinstance(one, dict) and isinstance(other, dict):
                both[name] = merged_service(one, other)
        result[section] = both
    return result


def merged_service(base: Tree, over: Tree) -> Tree:
    result = {**base, **over}
    for key in base.keys() & over.keys():
        below, above = base[key], over[key]
        if key in _NAMED:
            result[key] = {**by_name(below, _NAMED[key]), **by_name(above, _NAMED[key])}
        elif key in _APPENDED:
            result[key] = [*items(below), *items(above)]
        elif isinstance(below, dict) and isinstance(above, dict):
            result[key] = {**below, **above}
    return result
