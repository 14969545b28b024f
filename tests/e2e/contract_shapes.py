# SPDX-License-Identifier: Apache-2.0
"""contract_shapes - holds JSON against a schema of /openapi.json, and against the notation of shape.h.

Only what those two use is understood; anything else in a schema is an error, so that nothing passes because
this checker is blind for it.
"""
import re

SCALARS = {"string": str, "integer": int, "boolean": bool, "object": dict, "array": list, "null": type(None),
           "number": (int, float)}
KNOWN = {"type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "$ref", "pattern"}


class Misfit(Exception):
    pass


def is_of(value, type_name):
    if isinstance(value, bool):
        return type_name == "boolean"
    return isinstance(value, SCALARS[type_name])


def check_schema(value, schema, components, where="$"):
    """Raises Misfit; components: the document's schemas by name."""
    if set(schema) - KNOWN:
        raise Misfit(f"{where}: a schema with {set(schema) - KNOWN}")
    if "$ref" in schema:
        return check_schema(value, components[schema["$ref"].removeprefix("#/components/schemas/")], components, where)
    if "anyOf" in schema:
        return check_any(value, schema["anyOf"], components, where)
    if "const" in schema and value != schema["const"]:
        raise Misfit(f"{where}: {value!r} is not {schema['const']!r}")
    if "enum" in schema and value not in schema["enum"]:
        raise Misfit(f"{where}: {value!r} is none of {schema['enum']}")
    types = schema.get("type")
    types = [types] if isinstance(types, str) else types
    if types and not any(is_of(value, one) for one in types):
        raise Misfit(f"{where}: {value!r:.100} is no {'/'.join(types)}")
    if "pattern" in schema and isinstance(value, str) and not re.search(schema["pattern"], value):
        raise Misfit(f"{where}: {value!r} does not match {schema['pattern']}")
    if isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            check_schema(item, schema["items"], components, f"{where}[{index}]")
    if isinstance(value, dict) and ("properties" in schema or "additionalProperties" in schema):
        check_object(value, schema, components, where)
    return None


def check_any(value, schemas, components, where):
    misfits = []
    for schema in schemas:
        try:
            return check_schema(value, schema, components, where)
        except Misfit as misfit:
            misfits.append(str(misfit))
    raise Misfit(" and ".join(misfits))


def check_object(value, schema, components, where):
    properties, rest = schema.get("properties", {}), schema.get("additionalProperties", True)
    for name in schema.get("required", []):
        if name not in value:
            raise Misfit(f"{where}: {name} is missing")
    for name, item in value.items():
        if name in properties:
            check_schema(item, properties[name], components, f"{where}.{name}")
        elif rest is False:
            raise Misfit(f"{where}: {name} is no field of it")
        elif isinstance(rest, dict):
            check_schema(item, rest, components, f"{where}.{name}")


# ---- the notation of shape.h ---------------------------------------------------------------------

TOKEN = re.compile(r"\s*([{}\[\]<>]|'[^']*'|[^\s{}\[\]<>:?']+|[:?])")


class Reader:
    def __init__(self, text):
        self.tokens, self.at = TOKEN.findall(text), 0

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, wanted=None):
        token = self.peek()
        if wanted is not None and token != wanted:
            raise ValueError(f"{token!r} instead of {wanted!r} in {' '.join(self.tokens)[:200]}")
        self.at += 1
        return token

    def shape(self):
        """A tuple: what it is, its parts, whether it may be null."""
        token = self.take()
        if token == "{":
            parts = {}
            while self.peek() != "}":
                name = self.take()
                optional = self.peek() == "?"
                if optional:
                    self.take()
                self.take(":")
                parts[name] = (self.shape(), optional)
            self.take("}")
            kind = ("object", parts)
        elif token in "[<":
            kind = ("array" if token == "[" else "map", self.shape())
            self.take("]" if token == "[" else ">")
        elif token.startswith("'"):
            kind = ("choice", token.strip("'").split("|"))
        else:
            kind = ("word", token)
        nullable = self.peek() == "?"
        if nullable:
            self.take()
        return kind + (nullable,)


WORDS = {
    "any": lambda value: True,
    "s": lambda value: isinstance(value, str),
    "i": lambda value: is_of(value, "integer"),
    "f": lambda value: is_of(value, "number") or value == "NaN",
    "b": lambda value: isinstance(value, bool),
    "id": lambda value: isinstance(value, str) and re.fullmatch("[0-9a-f]{32}", value) is not None,
}


def check_shape(value, shape, names, where="$"):
    """Raises Misfit; objects may hold more than the shape says."""
    kind, parts, nullable = shape
    if value is None and nullable:
        return
    if kind == "word" and parts in WORDS:
        if not WORDS[parts](value):
            raise Misfit(f"{where}: {value!r:.100} is no {parts}")
    elif kind == "word":
        check_shape(value, names[parts], names, where)
    elif kind == "choice":
        if value not in parts:
            raise Misfit(f"{where}: {value!r} is none of {parts}")
    elif not isinstance(value, list if kind == "array" else dict):
        raise Misfit(f"{where}: {value!r:.100} is no {kind}")
    elif kind == "object":
        for name, (part, optional) in parts.items():
            if name in value:
                check_shape(value[name], part, names, f"{where}.{name}")
            elif not optional:
                raise Misfit(f"{where}: {name} is missing")
    else:
        for key, item in enumerate(value) if kind == "array" else value.items():
            check_shape(item, parts, names, f"{where}[{key}]")


def read_shapes(path):
    """{"GET /config": shape, "JobStatus": shape, …}"""
    texts, title = {}, None
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.startswith("#") or not line.strip():
                continue
            if line[0] == " ":
                texts[title] += line
            else:
                title = line.strip()
                texts[title] = ""
    return {title: Reader(text).shape() for title, text in texts.items()}


def form(value):
    """What an answer looks like, whatever its numbers and texts are. Lists count by their first item."""
    if isinstance(value, dict):
        return {name: form(item) for name, item in value.items()}
    if isinstance(value, list):
        return [form(value[0])] if value else []
    return "number" if is_of(value, "number") else type(value).__name__
