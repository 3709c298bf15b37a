"""Operations, problems and examples for the TypeScript client."""

from typing import Any

import msgspec

from api.http.problems import KINDS, MEMBERS, Code
from sdk.generate.operations import Api, Operation

_HEAD = "// Made by `make sdk`; do not edit.\n"


def operations(api: Api) -> str:
    """Method, path and problems of each operation, by its name."""
    rows = "".join(f"  {each.name}: {_row(each)},\n" for each in api.operations)
    return f"{_HEAD}\nexport const OPERATIONS = {{\n{rows}}} as const;\n"


def _row(operation: Operation) -> str:
    codes = ", ".join(f'"{code}"' for code in operation.codes)
    keyed = "true" if operation.keyed else "false"
    return f'{{ method: "{operation.method}", path: "{operation.path}", keyed: {keyed}, problems: [{codes}] }}'


def problems(api: Api) -> str:
    """The union of all problems, which `code` tells apart."""
    members = api.problem_members
    parts = [_HEAD, 'import type { components } from "./schema.js";\n\n', _COMMON]
    for code in Code:
        told = MEMBERS.get(code, ())
        lines = [f'  code: "{code}";\n', f"  status: {_statuses(code)};\n"]
        lines += [f"  {name}: {_type(members[name.rstrip('?')])};\n" for name in told]
        parts.append(
            f"\n/** {KINDS[code][1]}. */\nexport interface {_name(code)} extends Common {{\n{''.join(lines)}}}\n"
        )
    union = "".join(f"\n  | {_name(code)}" for code in Code)
    parts.append(f"\n/** A problem document (RFC 9457): `code` tells which. */\nexport type Problem ={union};\n")
    parts.append('\nexport type ProblemCode = Problem["code"];\n')
    return "".join(parts)


_COMMON = """interface Common {
  type: string;
  title: string;
  /** Tells a person what to do next. */
  detail: string;
}
"""


def _statuses(code: Code) -> str:
    """The status; some codes have others where HTTP has one of its own for what they tell."""
    others = {Code.MALFORMED_JSON: [408], Code.INVALID: [417, 421]}.get(code, [])
    return " | ".join(map(str, [KINDS[code][0], *others]))


def _name(code: Code) -> str:
    return "".join(word.capitalize() for word in code.value.split("_")) + "Problem"


def _type(schema: Any) -> str:
    if "$ref" in schema:
        return f'components["schemas"]["{schema["$ref"].rpartition("/")[2]}"]'
    if "enum" in schema:
        return " | ".join(f'"{word}"' for word in schema["enum"])
    if "anyOf" in schema:
        return " | ".join(_type(option) for option in schema["anyOf"])
    if schema["type"] == "array":
        return f"{_type(schema['items'])}[]"
    return {"integer": "number", "string": "string", "null": "null"}[schema["type"]]


def examples(api: Api) -> str:
    """An answer of each operation, and each problem."""
    answers = {
        each.name: [
            {"status": answer.status, "media": answer.media, "headers": answer.headers, "body": answer.example}
            for answer in each.answers
        ]
        for each in api.operations
    }
    told = {code.value: api.problem_example(code) for code in Code}
    return (
        f'{_HEAD}\nimport type {{ OperationId }} from "./types.js";\n'
        'import type { Problem, ProblemCode } from "./problems.js";\n\n'
        "export interface ExampleAnswer {\n  status: number;\n  media: string | null;\n"
        "  headers: Record<string, string>;\n  body: unknown;\n}\n\n"
        f"export const ANSWERS: Record<OperationId, ExampleAnswer[]> = {_literal(answers)};\n\n"
        f"export const PROBLEMS: Record<ProblemCode, Problem> = {_literal(told)};\n"
    )


def _literal(value: Any) -> str:
    """One line for each member: differences between versions can be read."""
    rows = "".join(f"  {name}: {msgspec.json.encode(member).decode()},\n" for name, member in value.items())
    return f"{{\n{rows}}}"
