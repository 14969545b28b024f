# SPDX-License-Identifier: Apache-2.0
"""Types of streams. Each says in which record of the engine its values lie (record, shape) and how a
value prints on a typed stream, which is Java's toString()."""
import datetime
from decimal import Decimal
from enum import Enum
from typing import List, Union

from pyflink import _absent
from pyflink.common import java_text
from pyflink.common.types import _row_of, _row_values

# Kinds of fields, as common/record/record.h numbers them.
_BOOLEAN, _TINYINT, _SMALLINT, _INT, _BIGINT, _FLOAT, _DOUBLE, _STRING, _BYTES = range(1, 10)


class TypeInformation(_absent.Absences):
    """A type whose values are pickled; types that records know say so."""

    _kind = None  # of the field that a value lies in; None: a pickle

    def record(self):
        """(name, [(field, kind, nullable)]): the record of a stream of this type."""
        return "value", [("value", self._kind or _BYTES, False)]

    def shape(self):
        """What codec.c reads: ("scalar" | "tuple" | "row", whether each field is a pickle, names)."""
        return "scalar", (self._kind is None,), None

    def prints_itself(self):
        """The engine prints such a record as Java would."""
        return self._kind is not None

    def java_text(self, value):
        return str(value)

    def convert(self, value):
        """A value of from_collection as this type has it; Flink's leniency."""
        return value

    def __eq__(self, other):
        return type(self) is type(other) and self._parts() == other._parts()

    def __hash__(self):
        return hash((type(self), repr(self)))

    def _parts(self):
        return ()


class BasicType(Enum):
    STRING = "String"
    BYTE = "Byte"
    BOOLEAN = "Boolean"
    SHORT = "Short"
    INT = "Integer"
    LONG = "Long"
    FLOAT = "Float"
    DOUBLE = "Double"
    CHAR = "Char"
    BIG_INT = "BigInteger"
    BIG_DEC = "BigDecimal"
    INSTANT = "Instant"


_FIELD_KINDS = {
    BasicType.STRING: _STRING, BasicType.BYTE: _TINYINT, BasicType.BOOLEAN: _BOOLEAN,
    BasicType.SHORT: _SMALLINT, BasicType.INT: _INT, BasicType.LONG: _BIGINT,
    BasicType.FLOAT: _FLOAT, BasicType.DOUBLE: _DOUBLE,
}


class BasicTypeInfo(TypeInformation):
    def __init__(self, basic_type: BasicType):
        self._basic_type = basic_type
        self._kind = _FIELD_KINDS.get(basic_type)

    def java_text(self, value):
        if self._basic_type is BasicType.INSTANT:
            return java_text.of_instant(value.seconds, value.nanos)
        if self._basic_type is BasicType.FLOAT:
            return java_text.of_float(value)
        if self._basic_type is BasicType.BIG_DEC:
            return java_text.of_decimal(Decimal(value))
        return java_text.of(value)

    def convert(self, value):
        if self._basic_type is BasicType.STRING and value is not None and not isinstance(value, str):
            return java_text.of(value)
        return value

    def _parts(self):
        return (self._basic_type,)

    def __repr__(self):
        return self._basic_type.value


class PickledBytesTypeInfo(TypeInformation):
    def __repr__(self):
        return "PickledByteArrayTypeInfo"


class SqlTimeTypeInfo(TypeInformation):
    def __init__(self, name):
        self._name = name

    def java_text(self, value):
        if isinstance(value, datetime.datetime):
            return java_text.of_timestamp(value)
        return value.isoformat()

    def _parts(self):
        return (self._name,)

    def __repr__(self):
        return self._name


class _ArrayTypeInfo(TypeInformation):
    def __init__(self, element_type: TypeInformation):
        self._element_type = element_type

    def java_text(self, value):
        return "[" + ", ".join(_text_in(self._element_type, item) for item in value) + "]"

    def _parts(self):
        return (self._element_type,)


class PrimitiveArrayTypeInfo(_ArrayTypeInfo):
    def __repr__(self):
        return f"PrimitiveArrayTypeInfo<{self._element_type!r}>"


class BasicArrayTypeInfo(_ArrayTypeInfo):
    def __repr__(self):
        return f"BasicArrayTypeInfo<{self._element_type!r}>"


class ObjectArrayTypeInfo(_ArrayTypeInfo):
    def __repr__(self):
        return f"ObjectArrayTypeInfo<{self._element_type!r}>"


class ListTypeInfo(_ArrayTypeInfo):
    def __repr__(self):
        return f"ListTypeInfo<{self._element_type!r}>"

    @property
    def elem_type(self):
        return self._element_type


class MapTypeInfo(TypeInformation):
    def __init__(self, key_type: TypeInformation, value_type: TypeInformation):
        self._key_type, self._value_type = key_type, value_type

    def java_text(self, value):
        pairs = (f"{_text_in(self._key_type, key)}={_text_in(self._value_type, item)}"
                 for key, item in value.items())
        return "{" + ", ".join(pairs) + "}"

    def _parts(self):
        return (self._key_type, self._value_type)

    def __repr__(self):
        return f"MapTypeInfo<{self._key_type!r}, {self._value_type!r}>"


class _FieldsTypeInfo(TypeInformation):
    """Several fields side by side in the record; a field without a record kind is pickled."""

    _shape_name, _nullable = "tuple", False

    def __init__(self, field_types: List[TypeInformation], field_names: List[str]):
        if not field_types:
            raise ValueError("a type of fields needs at least one field")
        self._field_types, self._field_names = list(field_types), list(field_names)
        if len(self._field_types) != len(self._field_names):
            raise ValueError(f"{len(self._field_names)} names for {len(self._field_types)} types")
        for field_type in self._field_types:
            if not isinstance(field_type, TypeInformation):
                raise TypeError(f"{field_type!r} is no type; write Types.STRING() and kin")

    def get_field_types(self) -> List[TypeInformation]:
        return self._field_types

    def record(self):
        return self._shape_name, [(name, field_type._kind or _BYTES, self._nullable)
                                  for name, field_type in zip(self._field_names, self._field_types)]

    def shape(self):
        pickled = tuple(field_type._kind is None for field_type in self._field_types)
        return self._shape_name, pickled, tuple(self._field_names) if self._shape_name == "row" else None

    def convert(self, value):
        values = _row_values(value, self._field_names if self._shape_name == "row" else None)
        if len(values) != len(self._field_types):
            raise ValueError(f"{value!r} has {len(values)} fields; the declared type has "
                             f"{len(self._field_types)}")
        values = tuple(None if item is None else field_type.convert(item)
                       for field_type, item in zip(self._field_types, values))
        return _row_of(self._field_names, values) if self._shape_name == "row" else values

    def _texts(self, value):
        return [_text_in(field_type, item) for field_type, item in zip(self._field_types, value)]


class TupleTypeInfo(_FieldsTypeInfo):
    def __init__(self, field_types: List[TypeInformation]):
        super().__init__(field_types, [f"f{i}" for i in range(len(field_types))])

    def prints_itself(self):
        # A record of one field prints without parentheses, which a tuple of one has.
        return len(self._field_types) > 1 and all(field._kind is not None for field in self._field_types)

    def java_text(self, value):
        return "(" + ",".join(self._texts(value)) + ")"

    def _parts(self):
        return tuple(self._field_types)

    def __repr__(self):
        return "TupleTypeInfo(%s)" % ", ".join(repr(field) for field in self._field_types)


class RowTypeInfo(_FieldsTypeInfo):
    _shape_name, _nullable = "row", True

    def __init__(self, field_types: List[TypeInformation], field_names: List[str] = None):
        super().__init__(field_types, field_names or [f"f{i}" for i in range(len(field_types))])

    def get_field_names(self) -> List[str]:
        return self._field_names

    def get_field_index(self, field_name: str) -> int:
        return self._field_names.index(field_name) if field_name in self._field_names else -1

    def prints_itself(self):
        return False

    def java_text(self, value):
        return f"{getattr(value, '_row_kind', '+I')}[" + ", ".join(self._texts(value)) + "]"

    def _parts(self):
        return tuple(self._field_types)  # names do not count, as in Flink

    def __hash__(self):
        return hash((type(self), len(self._field_types)))

    def __repr__(self):
        return "RowTypeInfo(%s)" % ", ".join(
            f"{name}: {field!r}" for name, field in zip(self._field_names, self._field_types))


def _text_in(field_type, value):
    return "null" if value is None else field_type.java_text(value)


class Types:
    """Makes types: Types.STRING(), Types.TUPLE([Types.STRING(), Types.INT()])."""

    @staticmethod
    def STRING():
        return BasicTypeInfo(BasicType.STRING)

    @staticmethod
    def BYTE():
        return BasicTypeInfo(BasicType.BYTE)

    @staticmethod
    def BOOLEAN():
        return BasicTypeInfo(BasicType.BOOLEAN)

    @staticmethod
    def SHORT():
        return BasicTypeInfo(BasicType.SHORT)

    @staticmethod
    def INT():
        return BasicTypeInfo(BasicType.INT)

    @staticmethod
    def LONG():
        return BasicTypeInfo(BasicType.LONG)

    @staticmethod
    def FLOAT():
        return BasicTypeInfo(BasicType.FLOAT)

    @staticmethod
    def DOUBLE():
        return BasicTypeInfo(BasicType.DOUBLE)

    @staticmethod
    def CHAR():
        return BasicTypeInfo(BasicType.CHAR)

    @staticmethod
    def BIG_INT():
        return BasicTypeInfo(BasicType.BIG_INT)

    @staticmethod
    def BIG_DEC():
        return BasicTypeInfo(BasicType.BIG_DEC)

    @staticmethod
    def INSTANT():
        return BasicTypeInfo(BasicType.INSTANT)

    @staticmethod
    def SQL_DATE():
        return SqlTimeTypeInfo("SqlDate")

    @staticmethod
    def SQL_TIME():
        return SqlTimeTypeInfo("SqlTime")

    @staticmethod
    def SQL_TIMESTAMP():
        return SqlTimeTypeInfo("SqlTimestamp")

    @staticmethod
    def PICKLED_BYTE_ARRAY():
        return PickledBytesTypeInfo()

    @staticmethod
    def ROW(field_types: List[TypeInformation]):
        return RowTypeInfo(field_types)

    @staticmethod
    def ROW_NAMED(field_names: List[str], field_types: List[TypeInformation]):
        return RowTypeInfo(field_types, field_names)

    @staticmethod
    def TUPLE(field_types: List[TypeInformation]):
        return TupleTypeInfo(field_types)

    @staticmethod
    def PRIMITIVE_ARRAY(element_type: TypeInformation):
        return PrimitiveArrayTypeInfo(element_type)

    @staticmethod
    def BASIC_ARRAY(element_type: TypeInformation):
        return BasicArrayTypeInfo(element_type)

    @staticmethod
    def OBJECT_ARRAY(element_type: TypeInformation):
        return ObjectArrayTypeInfo(element_type)

    @staticmethod
    def LIST(element_type_info: TypeInformation):
        return ListTypeInfo(element_type_info)

    @staticmethod
    def MAP(key_type_info: TypeInformation, value_type_info: TypeInformation):
        return MapTypeInfo(key_type_info, value_type_info)


def type_of(type_info: Union[TypeInformation, list, None]) -> TypeInformation:
    """What output_type and type_info may be: a type, a list that means ROW, or nothing at all."""
    if type_info is None:
        return Types.PICKLED_BYTE_ARRAY()
    if isinstance(type_info, list):
        return Types.ROW(type_info)
    if not isinstance(type_info, TypeInformation):
        raise TypeError(f"{type_info!r} is no type; write Types.STRING() and kin")
    return type_info
