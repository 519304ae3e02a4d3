"""The JSON Schema of seatrial.yaml, for editors: what `load` accepts, as far as JSON can say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, JsonValue
from pydantic.json_schema import models_json_schema

from seatrial.declaration.bind import KindModels, Kinds
from seatrial.declaration.load import NAME, Header
from seatrial.declaration.models import EnvironmentConfig

Schema = dict[str, JsonValue]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TOLD = ("title", "description", "default")
_VARIABLE: Schema = {"type": "string", "pattern": r"\$\{"}


def json_schema(kinds: Kinds) -> Schema:
    """The schema (draft 2020-12) of a declaration that uses these kinds."""
    named = [kinds[name] for name in sorted(kinds)]
    expected = [kind.expect for kind in named if kind.expect]
    cleaned = [kind.clean_up for kind in named if kind.clean_up]
    models: list[type[BaseModel]] = [EnvironmentConfig, *cleaned]
    models += [kind.config for kind in named]
    models += expected
    refs, definitions = _definitions(models)
    header = Header.model_json_schema()
    properties: Schema = {
        **_as_schema(header["properties"]),
        "components": _by_name(
            _component(named, refs), "the parts of the system, by name", named=True
        ),
        "environments": _by_name(
            refs[EnvironmentConfig],
            "where the system runs (default: local, started natively)",
            named=True,
        ),
        "expect": _by_name(
            _any_of(expected, refs),
            "by component: what it must be like",
        ),
        "clean_up": _by_name(
            _any_of(cleaned, refs),
            "by component: how what trials created is found again and removed",
        ),
    }
    return {
        "$schema": _DIALECT,
        "title": "seatrial.yaml",
        "description": "A system that is put through its sea trials before traffic reaches it",
        "type": "object",
        "properties": properties,
        "required": ["system", "components"],
        "additionalProperties": False,
        "$defs": definitions,
    }


def _definitions(
    models: Sequence[type[BaseModel]],
) -> tuple[dict[type[BaseModel], Schema], Schema]:
    """A reference to each model, and the definitions that they refer to."""
    inputs: list[tuple[type[BaseModel], Literal["validation"]]] = [
        (model, "validation") for model in dict.fromkeys(models)
    ]
    keyed, whole = models_json_schema(inputs, ref_template="#/$defs/{model}")
    refs = {model: _as_schema(keyed[model, "validation"]) for model, _ in inputs}
    definitions = _as_schema(whole.get("$defs", {}))
    fixed = str(refs[EnvironmentConfig].get("$ref", "")).rpartition("/")[2]
    for name, definition in definitions.items():
        # What an environment is, and whether it is protected, cannot be a variable.
        skipped = ("provider", "protected") if name == fixed else ("kind",)
        definitions[name] = _with_variables(definition, skipped)
    return refs, definitions


def _as_schema(value: object) -> Schema:
    assert isinstance(value, dict)
    return value


def _any_of(models: Sequence[type[BaseModel]], refs: Mapping[type[BaseModel], Schema]) -> JsonValue:
    if not models:
        return False
    return {"minProperties": 1, "anyOf": [refs[model] for model in models]}


def _by_name(value: JsonValue, description: str, *, named: bool = False) -> Schema:
    schema: Schema = {
        "description": description,
        "type": "object",
        "minProperties": 1,
        "additionalProperties": value,
    }
    if named:
        schema["propertyNames"] = {"pattern": f"^{NAME.pattern}$"}
    return schema


def _component(named: Sequence[KindModels], refs: Mapping[type[BaseModel], Schema]) -> Schema:
    """One component: its `kind` decides which keys it has, and an editor says so of just those."""
    return {
        "type": "object",
        "properties": {"kind": {"enum": [kind.name for kind in named]}},
        "required": ["kind"],
        "allOf": [
            {
                "if": {"properties": {"kind": {"const": kind.name}}, "required": ["kind"]},
                "then": dict(refs[kind.config]),
            }
            for kind in named
        ],
    }


def _with_variables(value: JsonValue, skipped: Sequence[str] = ()) -> JsonValue:
    """The schema in which numbers and flags may also be text that holds a ${VAR}."""
    if isinstance(value, list):
        return [_with_variables(item, skipped) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("type") in ("integer", "number", "boolean"):
        told: Schema = {key: value[key] for key in _TOLD if key in value}
        bare: Schema = {key: item for key, item in value.items() if key not in told}
        return {**told, "anyOf": [bare, _VARIABLE]}
    changed: Schema = {}
    for key, item in value.items():
        if key in ("default", "const", "enum", "examples"):
            changed[key] = item
        elif key == "properties" and isinstance(item, dict):
            changed[key] = {
                name: below if name in skipped else _with_variables(below)
                for name, below in item.items()
            }
        else:
            changed[key] = _with_variables(item)
    return changed
