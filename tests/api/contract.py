"""Reads docs/openapi.yaml, and holds answers to it."""

import json
import pathlib
import re
import warnings

import jsonschema
import yaml

warnings.filterwarnings("ignore", category=DeprecationWarning, module="jsonschema")

PATH = pathlib.Path(__file__).resolve().parents[2] / "docs" / "openapi.yaml"
METHODS = ("get", "head", "post", "put", "patch", "delete", "options")


def objects_in(node):
    """Every mapping in a document, itself first."""
    if isinstance(node, dict):
        yield node
    for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from objects_in(part)


class Contract:
    def __init__(self):
        self.document = yaml.safe_load(PATH.read_text(encoding="utf-8"))

    def resolve(self, node):
        """Follows local references until there is none."""
        while "$ref" in node:
            target = self.document
            assert node["$ref"].startswith("#/"), node
            for step in node["$ref"][2:].split("/"):
                target = target[step.replace("~1", "/").replace("~0", "~")]
            node = target
        return node

    def operations(self):
        """(path, method, operation), each once."""
        for path, item in self.document["paths"].items():
            for method in METHODS:
                if method in item:
                    yield path, method, item[method]

    def references(self):
        return [node for node in objects_in(self.document) if isinstance(node.get("$ref"), str)]

    def validate(self, value, schema):
        resolver = jsonschema.RefResolver("", self.document)
        jsonschema.Draft202012Validator(schema, resolver=resolver).validate(value)

    def operation(self, name):
        for _, _, operation in self.operations():
            if operation["operationId"] == name:
                return operation
        raise KeyError(name)

    def assert_documented(self, name, answer):
        """Status, header fields and body are what the operation documents."""
        responses = self.operation(name)["responses"]
        assert str(answer.status_code) in responses, f"{name}: {answer.status_code} is not documented"
        self.assert_matches(responses[str(answer.status_code)], answer)

    def assert_matches(self, response, answer):
        response = self.resolve(response)
        for field, header in response.get("headers", {}).items():
            self.assert_header(field, self.resolve(header), answer)
        content = response.get("content")
        if content is None:
            assert answer.content == b"" and "Content-Type" not in answer.headers
            return
        media_type = answer.headers["Content-Type"]
        assert media_type in content, f"{media_type} is not among {list(content)}"
        if answer.request.method == "HEAD":
            assert answer.content == b""
        else:
            self.validate(json.loads(answer.content), content[media_type]["schema"])

    def assert_header(self, field, header, answer):
        if field not in answer.headers:
            assert not header.get("required"), f"{field} is missing"
            return
        value, schema = answer.headers[field], header["schema"]
        if schema["type"] == "integer":
            assert re.fullmatch("[0-9]+", value)
            value = int(value)
        self.validate(value, schema)
