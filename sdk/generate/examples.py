"""An example of each schema: its own where it has one, else made of those of its parts."""

from typing import Any

Json = Any

_TEXTS = {
    "date-time": "2027-06-01T18:00:00Z",
    "date": "2027-06-01",
    "uuid": "6f4e1a52-7c2b-4d7e-9a35-0d8c1f2b3a49",
    "uri": "https://shop.example/onsale",
}
_PATTERNS = {
    r"^\d\d:\d\d(:\d\d)?$": "13:30",
    "^[A-Z]{3}$": "EUR",
    "^[0-9a-f]+$": "9f86d081884c7d65",
    "^[ahsb]*$": "aahsb",
}


def example_of(schema: Json, document: Json) -> Json:
    """An example that fits the schema."""
    if "$ref" in schema:
        return example_of(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], document)
    if schema.get("examples"):
        return schema["examples"][0]
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return example_of(schema[several][0], document)
    return _of_type(schema, document)


def _of_type(schema: Json, document: Json) -> Json:
    match schema.get("type"):
        case "object":
            return {
                # The example of a page is the last one: who reads lists to their end comes to it.
                name: None if name == "next_cursor" else example_of(member, document)
                for name, member in schema.get("properties", {}).items()
                if name in schema.get("required", ())
            }
        case "array":
            if "prefixItems" in schema:
                return [example_of(item, document) for item in schema["prefixItems"]]
            return [example_of(schema["items"], document)] if schema.get("items") else []
        case "integer":
            return max(1, schema.get("minimum", 1))
        case "number":
            return 1.0
        case "boolean":
            return False
        case "null" | None:
            return None
        case _:
            text = _TEXTS.get(schema.get("format", "")) or _PATTERNS.get(schema.get("pattern", ""))
            return text if text is not None else "text"
