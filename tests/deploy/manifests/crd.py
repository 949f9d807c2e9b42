"""Strict JSON schemas out of a CustomResourceDefinition: unknown fields are refused."""

import pathlib

import yaml

SCHEMAS = pathlib.Path(__file__).parent / "schemas"


def close(schema):
    """A schema in which an object has no other properties than those that it names."""
    if isinstance(schema, list):
        return [close(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: close(part) for key, part in schema.items() if key != "description"}
    is_open = "additionalProperties" in schema or schema.get("x-kubernetes-preserve-unknown-fields")
    if schema.get("type") == "object" and "properties" in schema and not is_open:
        closed["additionalProperties"] = False
    if schema.get("x-kubernetes-int-or-string"):
        closed["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    return closed


def load():
    """By kind and apiVersion."""
    schemas = {}
    for file in SCHEMAS.glob("*.yaml"):
        spec = yaml.safe_load(file.read_text())["spec"]
        for version in spec["versions"]:
            schema = close(version["schema"]["openAPIV3Schema"])
            schema["properties"]["metadata"] = {"type": "object"}
            schemas[spec["names"]["kind"], f"{spec['group']}/{version['name']}"] = schema
    return schemas
