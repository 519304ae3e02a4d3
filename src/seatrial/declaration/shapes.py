"""What a model accepts where: its keys and types along a path, for checks and for hints."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from seatrial.declaration.models import NamesComponent
from seatrial.declaration.problems import Path_


def types_at(model: type[BaseModel], path: Path_) -> list[object]:
    """The types that may stand at a path, unions taken apart; none where the model ends."""
    found: list[object] = [model]
    for part in path:
        found = [below for member in found for below in _step(member, part)]
    return found


def valid_keys(model: type[BaseModel], path: Path_) -> list[str]:
    """The keys that may stand under a path."""
    return [
        info.alias or name
        for member in models_at(model, path)
        for name, info in member.model_fields.items()
    ]


def models_at(model: type[BaseModel], path: Path_) -> list[type[BaseModel]]:
    return [
        member
        for member in types_at(model, path)
        if isinstance(member, type) and issubclass(member, BaseModel)
    ]


def is_collection(model: type[BaseModel], path: Path_) -> bool:
    """Whether a list or mapping of things that the user names stands at a path."""
    return any(isinstance(get_origin(member), type) for member in types_at(model, path))


def is_typed(model: type[BaseModel], path: Path_) -> bool:
    """Whether the model says what stands at a path, and does not leave it free (JSON, say)."""
    found = types_at(model, path)
    return any(isinstance(member, type) or get_origin(member) for member in found) and not (
        object in found or Any in found
    )


def is_number_only(model: type[BaseModel], path: Path_) -> bool:
    """Whether only a number can stand at a path."""
    found = [member for member in types_at(model, path) if member is not types.NoneType]
    return bool(found) and all(member in (int, float) for member in found)


def names_component(model: type[BaseModel], path: Path_) -> bool:
    """Whether the text at a path must be the name of a component."""
    return any(isinstance(member, NamesComponent) for member in types_at(model, path))


def keys_name_components(model: type[BaseModel], path: Path_) -> bool:
    """Whether the keys under a path must be names of components."""
    return any(
        isinstance(member, NamesComponent)
        for mapping in types_at(model, path)
        if _is_mapping(mapping)
        for member in _members(get_args(mapping)[0])
    )


def description(model: type[BaseModel], path: Path_) -> str | None:
    """What the model says of the key that a path ends with."""
    for member in models_at(model, path[:-1]):
        for name, info in member.model_fields.items():
            if path[-1] == (info.alias or name) and info.description:
                return f"{path[-1]}: {info.description}"
    return None


def _is_mapping(annotation: object) -> bool:
    origin = get_origin(annotation)
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _members(annotation: object) -> Iterator[object]:
    """The members of a union, however it is wrapped, and markers; else the annotation itself."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *extras = get_args(annotation)
        yield from _members(inner)
        yield from (extra for extra in extras if isinstance(extra, NamesComponent))
    elif origin in (Union, types.UnionType):
        for member in get_args(annotation):
            yield from _members(member)
    else:
        yield annotation


def _step(member: object, part: str | int) -> Iterator[object]:
    """What stands under a key of, or at an index into, a value of this type."""
    if isinstance(member, type) and issubclass(member, BaseModel):
        for name, info in member.model_fields.items():
            if part == (info.alias or name):
                yield from _members(info.annotation)
                yield from (extra for extra in info.metadata if isinstance(extra, NamesComponent))
    elif _is_mapping(member):
        yield from _members(get_args(member)[1])
    elif isinstance(get_origin(member), type) and get_args(member):
        yield from _members(get_args(member)[0])
