"""What pydantic found wrong, in plain sentences with key, line, the value found and a hint."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from seatrial.declaration import shapes
from seatrial.declaration.problems import NOT_SHOWN, Path_, Problems, nearest, show
from seatrial.declaration.source import Entry, ListNode, MapNode, Node, Scalar, locate, step

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
    "tuple_type": "a list",
    "list_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
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

#: What a validator of the kind's own raises.
_OWN_WORDS = ("value_error", "assertion_error")


def report(
    error: ValidationError, model: type[BaseModel], entry: Entry, path: Path_, problems: Problems
) -> None:
    """Add every mistake that `model` found in the entry, which stands at `path`."""
    grouped: dict[Path_, list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False):
        grouped.setdefault(_path_in(entry.node, detail), []).append(detail)
    for where, details in grouped.items():
        # A union reports one error for each of its members: only the deepest ones tell something.
        if not any(other != where and other[: len(where)] == where for other in grouped):
            if details[0]["type"] in _OWN_WORDS and problems.settled_below((*path, *where)):
                continue  # the kind's own check of the whole follows from a mistake in a part
            message, hint = _one(details, model, entry.node, where, path)
            problems.add(locate(entry, where), (*path, *where), message, hint)


def _path_in(node: Node, detail: ErrorDetails) -> Path_:
    """Pydantic's location without the names of union members, which are not in the file."""
    found: list[str | int] = []
    current: Node | None = node
    for index, part in enumerate(detail["loc"]):
        child = step(current, part)
        if child is not None:
            found.append(part)
            current = child
        elif detail["type"] == "missing" and index == len(detail["loc"]) - 1:
            found.append(part)
    return tuple(found)


def _one(
    details: list[ErrorDetails], model: type[BaseModel], root: Node, where: Path_, path: Path_
) -> tuple[str, str | None]:
    """The message and the hint for what is wrong at one place."""
    found_types = {detail["type"] for detail in details}
    node = _walk(root, where)
    if "extra_forbidden" in found_types:
        valid = shapes.valid_keys(model, where[:-1])
        return "unknown key", nearest(str(where[-1]), valid) or "remove it"
    if "missing" in found_types:
        return "this key is missing", shapes.description(model, where)
    others = [detail for detail in details if detail["type"] not in _WANTED]
    if others:
        return _unfit(others[0], node, (*path, *where))
    wanted = list(dict.fromkeys(_WANTED[detail["type"]] for detail in details))
    return wrong_type(wanted, node, (*path, *where))


def _walk(node: Node | None, path: Path_) -> Node | None:
    for part in path:
        node = step(node, part)
    return node


def wrong_type(wanted: list[str], node: Node | None, path: Path_) -> tuple[str, str | None]:
    """The message and the hint for a value of another type than those wanted."""
    message = f"must be {' or '.join(wanted)}, found {found(node, path)}"
    if not isinstance(node, Scalar) or _shown(node, path) == NOT_SHOWN or not node.text:
        return message, None
    if "text" in wanted:
        return message, f'as text it is written in quotes: "{node.text}"'
    if wanted == ["a list"]:
        return message, f"a list of one is written [{_shown(node, path)}]"
    return message, None


def found(node: Node | None, path: Path_) -> str:
    """The value of a node for a message."""
    if isinstance(node, MapNode):
        return "a mapping" if node.entries else "an empty mapping"
    if isinstance(node, ListNode):
        return "a list" if node.items else "an empty list"
    if node is None or node.value is None:
        return "nothing"
    shown = _shown(node, path)
    return f'"{shown}"' if isinstance(node.value, str) and shown != NOT_SHOWN else shown


def _shown(node: Scalar, path: Path_) -> str:
    return show(node.text, path, hidden=node.hidden)


def _unfit(detail: ErrorDetails, node: Node | None, path: Path_) -> tuple[str, str | None]:
    """A value of the right type that the model refuses all the same."""
    context: dict[str, Any] = detail.get("ctx", {})
    if detail["type"] in _OWN_WORDS:
        return _own_words(str(context.get("error", detail["msg"])), node, path), None
    hint = None
    if detail["type"] in _LIMITS:
        numbers = {key: f"{value:g}" for key, value in context.items() if isinstance(value, float)}
        message = _LIMITS[detail["type"]].format(**{**context, **numbers})
    elif detail["type"] in ("enum", "literal_error"):
        choices = str(context.get("expected", "")).replace("'", "")
        names = choices.replace(" or ", ", ").split(", ")
        message = f"must be {choices}"
        if isinstance(node, Scalar):
            hint = nearest(node.text, names, whole_list=False)
    else:
        message = (
            f"must {detail['msg'].removeprefix('Input should ').removeprefix('Value should ')}"
        )
    return f"{message}, found {found(node, path)}", hint


def _own_words(message: str, node: Node | None, path: Path_) -> str:
    """What a validator of the kind's says, with the value found unless it is told already."""
    if not isinstance(node, Scalar) or not node.text:
        return message
    if _shown(node, path) == NOT_SHOWN and node.text in message:
        return f"does not fit, found {NOT_SHOWN}"
    return message if node.text in message else f"{message}, found {found(node, path)}"
