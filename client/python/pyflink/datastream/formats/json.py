# SPDX-License-Identifier: Apache-2.0
"""Rows as JSON objects, as Flink's JSON format has them."""
import datetime
import json
from decimal import Decimal

from pyflink.common import java_text
from pyflink.common.serialization import DeserializationSchema, SerializationSchema
from pyflink.common.typeinfo import (BasicType, BasicTypeInfo, MapTypeInfo, RowTypeInfo, SqlTimeTypeInfo,
                                     TupleTypeInfo, _ArrayTypeInfo, _row_of, _row_values, type_of)

_WHOLE = {BasicType.BYTE: 8, BasicType.SHORT: 16, BasicType.INT: 32, BasicType.LONG: 64, BasicType.BIG_INT: None}


# ---- values to JSON -------------------------------------------------------------------------------------

def _quoted(text):
    return json.dumps(text, ensure_ascii=False)


def _json_of(value_type, value):
    if value is None:
        return "null"
    if isinstance(value_type, (RowTypeInfo, TupleTypeInfo)):
        names = value_type._field_names
        values = _row_values(value, names)
        if len(values) != len(names):
            raise ValueError(f"{value!r} has {len(values)} fields; the declared type has {len(names)}")
        return "{" + ",".join(f"{_quoted(name)}:{_json_of(field, item)}" for name, field, item in
                              zip(names, value_type._field_types, values)) + "}"
    if isinstance(value_type, _ArrayTypeInfo):
        return "[" + ",".join(_json_of(value_type._element_type, item) for item in value) + "]"
    if isinstance(value_type, MapTypeInfo):
        return "{" + ",".join(f"{_quoted(str(key))}:{_json_of(value_type._value_type, item)}"
                              for key, item in value.items()) + "}"
    if isinstance(value_type, SqlTimeTypeInfo):
        return _quoted(_time_text(value))
    return _basic_json(value_type, value)


def _basic_json(value_type, value):
    kind = getattr(value_type, "_basic_type", None)
    if kind in (BasicType.FLOAT, BasicType.DOUBLE):
        text = java_text.of_float(value) if kind is BasicType.FLOAT else java_text.of(float(value))
        return text if text[-1] not in "Ny" else _quoted(text)  # NaN and Infinity are no numbers of JSON
    if kind in _WHOLE:
        if isinstance(value, bool) or not hasattr(value, "__index__"):
            raise TypeError(f"{value!r} is no {value_type!r}")
        return str(value.__index__())
    if kind is BasicType.BIG_DEC:
        return str(Decimal(value))
    if kind is BasicType.BOOLEAN:
        return "true" if value else "false"
    if kind in (BasicType.STRING, BasicType.CHAR):
        if not isinstance(value, str):
            raise TypeError(f"{value!r} is no {value_type!r}")
        return _quoted(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _time_text(value):
    if isinstance(value, datetime.datetime):
        text = value.strftime("%Y-%m-%dT%H:%M:%S")
        millis = value.microsecond // 1000
        return f"{text}.{millis:03d}Z" if millis else text + "Z"
    return value.isoformat() + ("Z" if isinstance(value, datetime.time) else "")


# ---- JSON to values -------------------------------------------------------------------------------------

def _value_of(value_type, node, strict):
    """strict: a field that is missing is an error."""
    if node is None:
        return None
    if isinstance(value_type, (RowTypeInfo, TupleTypeInfo)):
        values = [_field_of(name, field, node, strict)
                  for name, field in zip(value_type._field_names, value_type._field_types)]
        return _row_of(value_type._field_names, values) if isinstance(value_type, RowTypeInfo) else tuple(values)
    if isinstance(value_type, _ArrayTypeInfo):
        return [_value_of(value_type._element_type, item, strict) for item in _checked(node, list, value_type)]
    if isinstance(value_type, MapTypeInfo):
        return {key: _value_of(value_type._value_type, item, strict)
                for key, item in _checked(node, dict, value_type).items()}
    if isinstance(value_type, SqlTimeTypeInfo):
        return _time_of(value_type, _checked(node, str, value_type))
    return _basic_of(value_type, node)


def _checked(node, kind, value_type):
    if not isinstance(node, kind):
        raise ValueError(f"{node!r} is no {value_type!r}")
    return node


def _field_of(name, field, node, strict):
    if name not in _checked(node, dict, field if isinstance(field, RowTypeInfo) else RowTypeInfo([field], [name])):
        if strict:
            raise ValueError(f"Could not find field with name '{name}'.")
        return None
    try:
        return _value_of(field, node[name], strict)
    except ValueError as error:
        raise ValueError(f"field '{name}': {error}") from None


def _basic_of(value_type, node):
    kind = getattr(value_type, "_basic_type", None)
    if kind in _WHOLE:
        number = node if isinstance(node, int) and not isinstance(node, bool) else None
        if isinstance(node, str):
            number = int(node)
        bits = _WHOLE[kind]
        if number is None or (bits and not -(1 << (bits - 1)) <= number < 1 << (bits - 1)):
            raise ValueError(f"{node!r} is no {value_type!r}")
        return number
    if kind in (BasicType.FLOAT, BasicType.DOUBLE):
        return float(_checked(node, (int, float, str), value_type))
    if kind is BasicType.BIG_DEC:
        return Decimal(str(node))
    if kind is BasicType.BOOLEAN:
        return _checked(node, bool, value_type)
    if kind in (BasicType.STRING, BasicType.CHAR):
        return node if isinstance(node, str) else json.dumps(node, ensure_ascii=False, separators=(",", ":"))
    return node


def _time_of(value_type, text):
    if value_type == _SQL_DATE:
        return datetime.date.fromisoformat(text)
    if value_type == _SQL_TIME:
        return datetime.time.fromisoformat(text.rstrip("Z"))
    return datetime.datetime.fromisoformat(text.rstrip("Z"))


_SQL_DATE, _SQL_TIME = SqlTimeTypeInfo("SqlDate"), SqlTimeTypeInfo("SqlTime")


# ---- the schemas ----------------------------------------------------------------------------------------

class JsonRowSerializationSchema(SerializationSchema):
    def __init__(self, type_info):
        self._type = type_info

    @staticmethod
    def builder():
        return JsonRowSerializationSchema.Builder()

    class Builder:
        def __init__(self):
            self._type = None

        def with_type_info(self, type_info):
            self._type = _row_type(type_info)
            return self

        def build(self) -> "JsonRowSerializationSchema":
            if self._type is None:
                raise TypeError("JsonRowSerializationSchema needs with_type_info(Types.ROW(…))")
            return JsonRowSerializationSchema(self._type)

    def _text_of(self, value_type):
        declared = self._type
        return lambda value: _json_of(declared, value)


class JsonRowDeserializationSchema(DeserializationSchema):
    def __init__(self, type_info, strict, lenient):
        self._type, self._strict, self._lenient = type_info, strict, lenient

    @staticmethod
    def builder():
        return JsonRowDeserializationSchema.Builder()

    class Builder:
        def __init__(self):
            self._type, self._strict, self._lenient = None, False, False

        def type_info(self, type_info):
            self._type = _row_type(type_info)
            return self

        def json_schema(self, json_schema: str):
            raise NotImplementedError("json_schema is not in this version of cflink: give the fields by "
                                      "type_info(Types.ROW_NAMED(names, types))")

        def fail_on_missing_field(self):
            self._strict = True
            return self

        def ignore_parse_errors(self):
            self._lenient = True
            return self

        def build(self) -> "JsonRowDeserializationSchema":
            if self._type is None:
                raise TypeError("JsonRowDeserializationSchema needs type_info(Types.ROW(…))")
            if self._strict and self._lenient:
                raise ValueError("JSON format doesn't support failOnMissingField and ignoreParseErrors are both "
                                 "enabled.")
            return JsonRowDeserializationSchema(self._type, self._strict, self._lenient)

    def _values_of(self):
        declared, strict, lenient = self._type, self._strict, self._lenient

        def parse(text):
            try:
                return [_value_of(declared, json.loads(text), strict)]
            except (ValueError, ArithmeticError) as error:
                if lenient:
                    return []
                raise OSError(f"Failed to deserialize JSON '{text}': {error}") from None
        return parse


def _row_type(type_info):
    type_info = type_of(type_info)
    if not isinstance(type_info, RowTypeInfo):
        raise TypeError(f"JSON objects are Rows; {type_info!r} is none: write Types.ROW_NAMED(names, types)")
    return type_info
