"""What a generated Python client has lost of the document: nothing, or this fails.

Asked are the members of every schema, and every documented reply, which the client reads. The members of schemas are
also written as questions to the TypeScript compiler, which answers them when it compiles the file.
"""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import httpx
from ruamel.yaml import YAML

# Objects whose members the document leaves open, by the names under which they stand.
OPEN = {"data", "old", "new", "row_key", "effect"}

document, package, typescript = map(Path, sys.argv[1:])
api: dict[str, Any] = YAML(typ="safe").load(document)
schemas: dict[str, Any] = api["components"]["schemas"]
sys.path.insert(0, str(package.parent))
client = importlib.import_module(package.name).Client(base_url="http://127.0.0.1")
models = vars(importlib.import_module(f"{package.name}.models"))


def resolved(value: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in value:
        target = api
        for step in value["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        value = target
    return value


def properties(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    schema = resolved(schema)
    found = dict(schema.get("properties", {}))
    for part in schema.get("allOf", ()):
        found |= properties(part)
    return found


def objects(name: str, asked: str, schema: dict[str, Any]) -> Iterator[tuple[str, str, list[str]]]:
    """The object and those within it that have no name of their own: Python's name, TypeScript's, and the members."""
    if found := properties(schema):
        yield name, asked, sorted(found)
    for member, inner in found.items():
        yield from within(f"{name}_{member}", f'Of<{asked}, "{member}">', inner)
    for number, one in enumerate(schema.get("oneOf", ())):
        if "$ref" not in one:
            yield from objects(f"{name}_type_{number}", asked, one)


def within(name: str, asked: str, schema: dict[str, Any]) -> Iterator[tuple[str, str, list[str]]]:
    if "$ref" not in schema:
        yield from objects(name, asked, schema)
        if items := schema.get("items"):
            yield from within(f"{name}_item", f"Of<{asked}, number>", items)


def plain(name: str) -> str:
    """A name as both write it: `RiskAtLevel` and `risk_at_level`, `from` and `from_`."""
    return name.replace("_", "").lower()


def lost_members() -> Iterator[str]:
    generated = {plain(name): getattr(model, "__annotations__", {}) for name, model in models.items()}
    questions = [
        'import type { components } from "./api.js";',
        'type Schemas = components["schemas"];',
        "type Keys<T> = T extends unknown ? keyof T : never;",
        "type Of<T, K> = T extends unknown ? (K extends keyof T ? NonNullable<T[K]> : never) : never;",
        "type Has<T, K extends string extends Keys<T> ? never : Keys<T>> = K;",
    ]
    inner = 0
    for name, schema in schemas.items():
        for number, (python, asked, names) in enumerate(objects(name, f'Schemas["{name}"]', schema)):
            inner += number > 0
            kept = {plain(member) for member, kind in generated.get(plain(python), {}).items() if kind != "Any"}
            yield from (f"{python}.{member}" for member in names if plain(member) not in kept)
            union = " | ".join(f'"{member}"' for member in names)
            questions.append(f"export type {name}_{number} = Has<{asked}, {union}>;")
    if inner < 20:
        yield f"{inner} objects within others"
    typescript.write_text("\n".join(questions) + "\n")


def replies() -> Iterator[tuple[str, Any, httpx.Response]]:
    for operation in (operation for path in api["paths"].values() for operation in path.values()):
        name = operation["operationId"].replace("-", "_")
        module = importlib.import_module(f"{package.name}.api.{operation['tags'][0]}.{name}")
        for status, response in operation["responses"].items():
            for content in resolved(response)["content"].values():
                for example in content.get("examples", {}).values():
                    yield f"{name} {status}", module, httpx.Response(int(status), json=resolved(example)["value"])


def untyped(model: Any, at: str) -> Iterator[str]:
    """Where a reply has members that its type does not know."""
    for place, item in enumerate(model if isinstance(model, list) else ()):
        yield from untyped(item, f"{at}/{place}")
    for field in attrs.fields(type(model)) if attrs.has(type(model)) else ():
        value = getattr(model, field.name)
        if field.name != "additional_properties":
            yield from untyped(value, f"{at}/{field.name}")
        elif value and at.rsplit("/", 1)[-1] not in OPEN:
            yield f"{at}: {type(model).__name__} does not know {sorted(value)}"


lost = list(lost_members())
read = 0
for name, module, reply in replies():
    read += 1
    model = module._parse_response(client=client, response=reply)
    lost += untyped(model, name) if model is not None else [f"{name} is nothing"]
print(f"{len(schemas)} schemas, {read} replies, {len(lost)} lost: {lost}")
sys.exit(bool(lost) or read < 100)
