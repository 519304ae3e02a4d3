"""A validator for the part of JSON Schema that our own schema uses; it refuses any other part."""

from __future__ import annotations

from datetime import datetime
from typing import Any

_NOTES = {"title", "description", "$schema", "$defs"}
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def problems(value: Any, schema: dict[str, Any], root: dict[str, Any], at: str = "$") -> list[str]:
    """Where and how the value breaks the schema."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        return problems(value, root["$defs"][name], root, at)
    found: list[str] = []
    for keyword, rule in schema.items():
        match keyword:
            case "type":
                wrong_bool = isinstance(value, bool) and rule != "boolean"
                if not isinstance(value, _TYPES[rule]) or wrong_bool:
                    return [f"{at}: {value!r} is no {rule}"]
            case "anyOf":
                if all(problems(value, one, root, at) for one in rule):
                    found.append(f"{at}: {value!r} is none of {rule}")
            case "enum":
                if value not in rule:
                    found.append(f"{at}: {value!r} is not in {rule}")
            case "const":
                if value != rule:
                    found.append(f"{at}: {value!r} is not {rule!r}")
            case "required":
                found += [f"{at}.{key} is missing" for key in rule if key not in value]
            case "properties":
                for key in rule.keys() & value.keys():
                    found += problems(value[key], rule[key], root, f"{at}.{key}")
            case "propertyNames":
                for key in value:
                    found += problems(key, rule, root, f"{at}.{key}")
            case "additionalProperties":
                for key in value.keys() - schema.get("properties", {}).keys():
                    found += problems(value[key], rule, root, f"{at}.{key}")
            case "items":
                for n, item in enumerate(value):
                    found += problems(item, rule, root, f"{at}[{n}]")
            case "prefixItems":
                for n, (item, one) in enumerate(zip(value, rule, strict=False)):
                    found += problems(item, one, root, f"{at}[{n}]")
            case "minItems":
                found += [f"{at} is too short"] if len(value) < rule else []
            case "maxItems":
                found += [f"{at} is too long"] if len(value) > rule else []
            case "format":
                assert rule == "date-time", rule
                if isinstance(value, str):
                    datetime.fromisoformat(value)
            case _:
                assert keyword in _NOTES, f"this validator does not know {keyword}"
    return found
