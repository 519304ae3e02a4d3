"""What pydantic found wrong, in plain sentences with key, line, the value found and a hint."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from seatrial.declaration.problems import Path_, Problems, nearest, show
from seatrial.declaration.source import ListNode, MapNode, Node, Scalar, locate, step

#: Type errors: what was expected instead.
_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "none_required": "nothing",
    "tuple_type": "a list",
    "list_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "iterable_type": "a list",
    "mapping_type": "a mapping",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
#: Limits: a sentence with the limit from pydantic's context.
_LIMITS = {
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "string_pattern_mismatch": "must have the form {pattern}",
}


def report(
    error: ValidationError, model: type[BaseModel], node: Node, path: Path_, problems: Problems
) -> None:
    """Add every mistake that `model` found in `node`, which stands at `path`."""
    grouped: dict[Path_, list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False):
        grouped.setdefault(_path_in(node, detail), []).append(detail)
    for where, details in grouped.items():
        # A union reports one error for each of its members: only the deepest ones tell something.
        if not any(other != where and other[: len(where)] == where for other in grouped):
            _report_one(details, model, node, where, path, problems)


def _path_in(node: Node, detail: ErrorDetails) -> Path_:
    """Pydantic's location without the names of union members, which are not in the file."""
    found: list[str | int] = []
    current: Node | None = node
    location = detail["loc"]
    for index, part in enumerate(location):
        child = step(current, part)
        if child is not None:
            found.append(part)
            current = child
        elif detail["type"] == "missing" and index == len(location) - 1:
            found.append(part)
    return tuple(found)


def _report_one(
    details: list[ErrorDetails],
    model: type[BaseModel],
    root: Node,
    where: Path_,
    path: Path_,
    problems: Problems,
) -> None:
    full = (*path, *where)
    at = locate(root, where)
    name = str(where[-1]) if where else ""
    kinds = {detail["type"] for detail in details}
    if "extra_forbidden" in kinds:
        valid = valid_keys(model, where[:-1])
        present = _keys_of(root, where[:-1])
        hint = nearest(name, [key for key in valid if key not in present])
        problems.add(at, full, "unknown key", hint or "remove it")
    elif "missing" in kinds:
        problems.add(at, full, "this key is missing", _description(model, where))
    else:
        node: Node | None = root
        for part in where:
            node = step(node, part)
        message, hint = _sentence(details, node)
        problems.add(at, full, f"{message}, found {found(node, full)}", hint)


def _keys_of(node: Node | None, path: Path_) -> set[str]:
    for part in path:
        node = step(node, part)
    return set(node.entries) if isinstance(node, MapNode) else set()


def found(node: Node | None, path: Path_) -> str:
    """The value of a node for a message."""
    if isinstance(node, MapNode):
        return "a mapping" if node.entries else "an empty mapping"
    if isinstance(node, ListNode):
        return "a list" if node.items else "an empty list"
    if node is None or node.value is None:
        return "nothing"
    shown = show(node.text, path, hidden=node.hidden)
    return f'"{shown}"' if isinstance(node.value, str) and shown[:8] != "a value " else shown


def _sentence(details: list[ErrorDetails], node: Node | None) -> tuple[str, str | None]:
    """What must be there, and a hint."""
    wanted = list(dict.fromkeys(_WANTED[d["type"]] for d in details if d["type"] in _WANTED))
    others = [detail for detail in details if detail["type"] not in _WANTED]
    if others:
        return _other(others[0], node)
    hint = None
    if "text" in wanted and isinstance(node, Scalar) and not isinstance(node.value, str | None):
        hint = f'as text it is written in quotes: "{node.text}"'
    elif wanted == ["a list"] and isinstance(node, Scalar) and node.text and not node.hidden:
        hint = f"a list of one is written [{node.text}]"
    return f"must be {' or '.join(wanted)}", hint


def _other(detail: ErrorDetails, node: Node | None) -> tuple[str, str | None]:
    context: dict[str, Any] = detail.get("ctx", {})
    if detail["type"] in _LIMITS:
        return _LIMITS[detail["type"]].format(**context), None
    if detail["type"] in ("enum", "literal_error"):
        choices = str(context.get("expected", "")).replace("'", "")
        names = choices.replace(" or ", ", ").split(", ")
        text = node.text if isinstance(node, Scalar) else ""
        return f"must be {choices}", nearest(text, names, whole_list=False)
    if detail["type"] in ("value_error", "assertion_error"):
        return str(context.get("error", detail["msg"])), None
    message = detail["msg"].removeprefix("Input should ").removeprefix("Value should ")
    return (f"must {message}" if message != detail["msg"] else message.lower()), None


def _members(annotation: object) -> Iterator[object]:
    """The members of a union, however it is wrapped; the annotation itself otherwise."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _members(get_args(annotation)[0])
    elif origin in (Union, types.UnionType):
        for member in get_args(annotation):
            yield from _members(member)
    else:
        yield annotation


def _below(annotation: object, part: str | int) -> Iterator[object]:
    """What a key of, or an index into, a value of this type may hold."""
    for member in _members(annotation):
        arguments = [argument for argument in get_args(member) if argument is not Ellipsis]
        if isinstance(member, type) and issubclass(member, BaseModel):
            for name, info in member.model_fields.items():
                if part in (name, info.alias):
                    yield info.annotation
        elif arguments:
            yield arguments[-1]


def _at(model: type[BaseModel], path: Path_) -> list[object]:
    found: list[object] = [model]
    for part in path:
        found = [below for annotation in found for below in _below(annotation, part)]
    return [member for annotation in found for member in _members(annotation)]


def valid_keys(model: type[BaseModel], path: Path_) -> list[str]:
    """The keys that a model accepts at a path within it."""
    return [
        info.alias or name
        for member in _at(model, path)
        if isinstance(member, type) and issubclass(member, BaseModel)
        for name, info in member.model_fields.items()
    ]


def is_known(model: type[BaseModel], path: Path_) -> bool:
    """Whether the model has anything at a path."""
    return bool(_at(model, path))


def is_collection(model: type[BaseModel], path: Path_) -> bool:
    """Whether what stands at a path is a list or mapping of things that the user names."""
    members = [member for member in _at(model, path) if member is not type(None)]
    return bool(members) and not any(
        isinstance(member, type) and issubclass(member, BaseModel) for member in members
    )


def _description(model: type[BaseModel], path: Path_) -> str | None:
    for member in _at(model, path[:-1]):
        if isinstance(member, type) and issubclass(member, BaseModel):
            for name, info in member.model_fields.items():
                if path[-1] in (name, info.alias) and info.description:
                    return f"{path[-1]}: {info.description}"
    return None
