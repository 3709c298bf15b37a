"""The OpenAPI document, held against real answers: what a front-end team that reads nothing else would see."""

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from jsonschema_rs import Draft202012Validator

from api.openapi.document import openapi_document
from api.routes import ROUTES

Json = Any

_PARAMETER = re.compile(r"\\\{\w+\\\}")
_OF_ALL_PATHS = {"not_found": 404, "method_not_allowed": 405}
"""Problems of paths and methods that are not there."""

_OF_THE_FRAME = {"Cache-Control"}
"""Every answer that is personal has it, saying that it must not be kept."""


class Document:
    """A document that knows what each of its operations may answer."""

    def __init__(self, document: Json) -> None:
        self.document = document
        self._patterns = {
            path: re.compile(_PARAMETER.sub("[^/]+", re.escape(path)) + "/?") for path in document["paths"]
        }
        self._validators: dict[str, Draft202012Validator] = {}

    def check(self, method: str, path: str, status: int, headers: Mapping[str, str], content: bytes) -> None:
        """Fails unless an answer is documented: its status, its headers and what they say, its media type, its body."""
        operation = self._operation(method, path)
        if operation is None:
            assert status == _OF_ALL_PATHS[json.loads(content)["code"]], (method, path, status, content)
            return
        where = f"{method} {path} -> {status}: {content[:500]!r}"
        response = self._resolved(operation["responses"].get(str(status)))
        assert response is not None, f"undocumented: {where}"
        required = [name for name, header in response["headers"].items() if self._resolved(header).get("required")]
        assert [name for name in required if name not in headers] == [], where
        for name in set(headers) & set(self.document["components"]["headers"]) - _OF_THE_FRAME:
            assert name in response["headers"], f"{name}: {where}"
            schema = self._resolved(response["headers"][name])["schema"]
            value = int(headers[name]) if schema["type"] == "integer" else headers[name]
            assert self.validator(schema).is_valid(value), f"{name}: {headers[name]}: {where}"
        if "content" not in response:
            assert content == b"", where
            return
        media = headers["Content-Type"].partition(";")[0]
        assert media in response["content"], f"{media}: {where}"
        if media.endswith("json"):
            validator = self.validator(response["content"][media]["schema"])
            errors = [str(error) for error in validator.iter_errors(json.loads(content))]
            assert errors == [], where
        examples = response["content"][media].get("examples")
        if media == "application/problem+json" and examples:
            assert json.loads(content)["code"] in examples, where

    def validator(self, schema: Json) -> Draft202012Validator:
        """A judge of values by the schema, with its formats. Kept, because making one takes some milliseconds."""
        key = json.dumps(schema, sort_keys=True)
        if key not in self._validators:
            whole = {**schema, "components": self.document["components"]}
            self._validators[key] = Draft202012Validator(whole, validate_formats=True)
        return self._validators[key]

    def _operation(self, method: str, path: str) -> Json:
        """The operation of a request, None if there is none. A path that is spelt out goes before one with names."""
        bare = path.partition("?")[0]
        found = [each for each, pattern in self._patterns.items() if pattern.fullmatch(bare)]
        if not found:
            return None
        return self.document["paths"][min(found, key=lambda each: each.count("{"))].get(method.lower())

    def _resolved(self, node: Json) -> Json:
        if node is None or "$ref" not in node:
            return node
        found = self.document
        for name in node["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        return found


@cache
def our_document() -> Document:
    """The document as it is served."""
    return Document(openapi_document(ROUTES))
