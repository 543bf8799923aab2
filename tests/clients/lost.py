"""Which members of the document's schemas a generated client has lost: none, or this fails.

Writes the same question for the TypeScript compiler, which answers it when it compiles the file.
"""

import importlib
import sys
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

document, package, typescript = map(Path, sys.argv[1:])
schemas: dict[str, Any] = YAML(typ="safe").load(document)["components"]["schemas"]


def members(schema: dict[str, Any]) -> set[str]:
    if "$ref" in schema:
        return members(schemas[schema["$ref"].rsplit("/", 1)[-1]])
    return set(schema.get("properties", ())).union(*map(members, schema.get("allOf", ())))


def plain(name: str) -> str:
    """A name as both write it: `RiskAtLevel` and `risk_at_level`, `from` and `from_`."""
    return name.replace("_", "").lower()


sys.path.insert(0, str(package.parent))
models = vars(importlib.import_module(f"{package.name}.models"))
generated = {plain(name): getattr(model, "__annotations__", {}) for name, model in models.items()}
wanted = {name: sorted(members(schema)) for name, schema in schemas.items() if members(schema)}
lost = []
questions = [
    'import type { components } from "./api.js";',
    'type Schemas = components["schemas"];',
    "type Has<T, K extends string extends keyof T ? never : keyof T> = K;",
]
for name, names in wanted.items():
    kept = {plain(member) for member, kind in generated.get(plain(name), {}).items() if kind != "Any"}
    lost += [f"{name}.{member}" for member in names if plain(member) not in kept]
    union = " | ".join(f'"{member}"' for member in names)
    questions.append(f'export type {name} = Has<Schemas["{name}"], {union}>;')
typescript.write_text("\n".join(questions) + "\n")
print(f"{len(wanted)} objects, {len(lost)} members lost: {lost}")
sys.exit(bool(lost))
