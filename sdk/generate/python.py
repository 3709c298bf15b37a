"""Types and methods for the Python client."""

import keyword
from typing import Any

from api.http.problems import KINDS, MEMBERS, Code
from api.route import JSON
from sdk.generate.operations import Api, Operation

Json = Any

_HEAD = "# Made by `make sdk`; do not edit.\n"


def models(api: Api) -> str:
    """A TypedDict for each object, and a name for each list of words."""
    parts = [
        f'"""Types of bodies and answers."""\n\n{_HEAD}\n',
        "from __future__ import annotations\n\n",
        "from typing import Any, Literal, NotRequired, TypeAlias, TypedDict\n\n",
    ]
    named = sorted(api.schemas.items(), key=lambda each: "enum" not in each[1])  # aliases stand before their users
    parts += [_model(name, schema) for name, schema in named]
    parts += [_problem(code, api.problem_members) for code in Code]
    union = "".join(f"    | {_problem_name(code)}\n" for code in Code).replace("    | ", "    ", 1)
    parts.append(f"Problem: TypeAlias = (\n{union})\n")
    parts.append('"""A problem document (RFC 9457): `code` tells which."""\n\n')
    words = "".join(f'    "{code}",\n' for code in Code)
    parts.append(f"ProblemCode: TypeAlias = Literal[\n{words}]\n")
    return "".join(parts)


def _model(name: str, schema: Json) -> str:
    if "enum" in schema:
        return f"{_class(name)}: TypeAlias = {_type(schema)}\n"
    required = set(schema.get("required", ()))
    members = [
        (member, _type(shape) if member in required else f"NotRequired[{_type(shape)}]")
        for member, shape in schema.get("properties", {}).items()
    ]
    return _typed_dict(_class(name), _sentence(schema, name), members)


def _typed_dict(name: str, about: str, members: list[tuple[str, str]]) -> str:
    if any(keyword.iskeyword(member) for member, _ in members):
        rows = "".join(f'        "{member}": {_quoted(kind)},\n' for member, kind in members)
        return f'\n\n{name} = TypedDict(\n    "{name}",\n    {{\n{rows}    }},\n)\n"""{about}"""\n'
    rows = "".join(f"    {member}: {kind}\n" for member, kind in members)
    return f'\n\nclass {name}(TypedDict):\n    """{about}"""\n\n{rows}'.rstrip() + "\n"


def _quoted(kind: str) -> str:
    """An annotation of which a part may be defined further below."""
    if kind.startswith("NotRequired["):
        return f'NotRequired["{kind.removeprefix("NotRequired[").removesuffix("]")}"]'
    return f'"{kind}"'


def _problem(code: Code, members: Json) -> str:
    told = [(name.rstrip("?"), name.endswith("?")) for name in MEMBERS.get(code, ())]
    rows = [
        *(("type", "str"), ("title", "str"), ("status", "int"), ("detail", "str")),
        ("code", f"Literal['{code}']"),
        *((name, f"NotRequired[{_type(members[name])}]" if maybe else _type(members[name])) for name, maybe in told),
    ]
    return _typed_dict(_problem_name(code), f"{KINDS[code][1]}.", rows)


def _problem_name(code: Code) -> str:
    return "".join(word.capitalize() for word in code.value.split("_")) + "Problem"


def _class(name: str) -> str:
    """Page_Event_ is a page of events."""
    return f"{name.removeprefix('Page_').rstrip('_')}Page" if name.startswith("Page_") else name


def _sentence(schema: Json, name: str) -> str:
    about = " ".join((schema.get("description") or f"{name}.").split("\n\n")[0].split())
    return about.replace('"', "'")


def _type(schema: Json) -> str:
    if "$ref" in schema:
        return _class(schema["$ref"].rpartition("/")[2])
    if "enum" in schema:
        return f"Literal[{', '.join(repr(word) for word in schema['enum'])}]"
    if "const" in schema:
        return f"Literal[{schema['const']!r}]"
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " | ".join(dict.fromkeys(_type(option) for option in schema[several]))
    match schema.get("type"):
        case "array":
            if "prefixItems" in schema:
                return f"list[{' | '.join(dict.fromkeys(_type(each) for each in schema['prefixItems']))}]"
            return f"list[{_type(schema['items']) if schema.get('items') else 'Any'}]"
        case "object":
            return "dict[str, Any]"
        case None:
            return "Any"
        case kind:
            return {"integer": "int", "number": "float", "string": "str", "boolean": "bool", "null": "None"}[kind]


def operations(api: Api) -> str:
    """A method for each operation."""
    methods = "".join(_stream(each) if _streams(each) else _method(each) for each in api.operations)
    types = {_type(schema) for each in api.operations for schema in _schemas(each)}
    names = sorted({word for kind in types for word in kind.replace("|", " ").split() if word in _classes(api)})
    imported = "".join(f"    {name},\n" for name in names)
    return (
        f'"""A method for each operation of the API."""\n\n{_HEAD}\n'
        "from collections.abc import AsyncIterator\n"
        "from typing import Any, Literal\n\n"
        "from onsale_client.calls import Calls\n"
        f"from onsale_client.models import (\n{imported})\n"
        "from onsale_client.streams import StreamEvent\n\n\n"
        f'class Operations(Calls):\n    """The operations, named as in the OpenAPI document."""\n{methods}'
    )


def _classes(api: Api) -> set[str]:
    return {_class(name) for name in api.schemas}


def _schemas(operation: Operation) -> list[Json]:
    answers = [answer.schema for answer in operation.answers if answer.media == JSON]
    parameters = [parameter["schema"] for parameter in operation.parameters]
    return [schema for schema in (operation.body, *answers, *parameters) if schema is not None]


def _streams(operation: Operation) -> bool:
    return any(answer.media == "text/event-stream" for answer in operation.answers)


def _answer(operation: Operation) -> str:
    """The type of what comes back."""
    kinds = []
    for answer in operation.answers:
        if answer.media is None:
            kinds.append("None")
        elif answer.media == JSON:
            kinds.append(_type(answer.schema))
        else:
            kinds.append("bytes")
    return " | ".join(dict.fromkeys(kinds))


def _method(operation: Operation) -> str:
    path = [(each["name"], _type(each["schema"])) for each in operation.located("path")]
    query = [(each["name"], _type(each["schema"])) for each in operation.located("query")]
    arguments = [f"{_argument(name)}: {kind}" for name, kind in path]
    given = ['"' + operation.method + '"', f'"{operation.path}"']
    if path:
        given.append(f"path={{{', '.join(f'{name!r}: {_argument(name)}' for name, _ in path)}}}")
    if operation.body is not None:
        kind = _type(operation.body)
        arguments.append(f"body: {kind}" if operation.body_required else f"body: {kind} | None = None")
        given.append("body=body")
    if query or operation.keyed:
        arguments.append("*")
    arguments += [f"{_argument(name)}: {kind} | None = None" for name, kind in query]
    if query:
        given.append(f"query={{{', '.join(f'{name!r}: {_argument(name)}' for name, _ in query)}}}")
    if operation.keyed:
        arguments.append("idempotency_key: str | None = None")
        given += ["keyed=True", "idempotency_key=idempotency_key"]
    answer = _answer(operation)
    result = "" if answer == "None" else f"answer: {answer} = "
    told = "" if answer == "None" else "        return answer\n"
    return (
        f"\n    async def {operation.name}(self, {', '.join(arguments)}) -> {answer}:\n"
        f'        """{_summary(operation)}"""\n'
        f"        {result}await self.call({', '.join(given)})\n{told}"
    )


def _stream(operation: Operation) -> str:
    path = [(each["name"], _type(each["schema"])) for each in operation.located("path")]
    arguments = ", ".join(f"{name}: {kind}" for name, kind in path)
    values = ", ".join(f"{name!r}: {name}" for name, _ in path)
    return (
        f"\n    def {operation.name}(self, {arguments}) -> AsyncIterator[StreamEvent]:\n"
        f'        """{_summary(operation)}"""\n'
        f'        return self.stream("{operation.path}", {{{values}}})\n'
    )


def _summary(operation: Operation) -> str:
    return operation.summary.replace('"', "'") + "."


def _argument(name: str) -> str:
    return f"{name}_" if keyword.iskeyword(name) or name in ("format",) else name
