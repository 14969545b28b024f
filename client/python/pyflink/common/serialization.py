# SPDX-License-Identifier: Apache-2.0
"""How values become the bytes of an outside system. The engine's connectors carry text; a schema says what
stands for a value in it, by one function for each direction."""
from pyflink import _absent
from pyflink.common.typeinfo import PickledBytesTypeInfo, Types


class SerializationSchema:
    def _text_of(self, value_type):
        """The function from a value of this type to its text, or None when the value is the text."""
        raise TypeError(f"{type(self).__name__} is no schema of this package: use SimpleStringSchema or "
                        f"JsonRowSerializationSchema")


class DeserializationSchema:
    _type = Types.STRING()

    def _values_of(self):
        """The function from a text to an iterable of values, or None when the text is the value."""
        raise TypeError(f"{type(self).__name__} is no schema of this package: use SimpleStringSchema or "
                        f"JsonRowDeserializationSchema")

    def get_produced_type(self):
        return self._type


class SimpleStringSchema(SerializationSchema, DeserializationSchema):
    def __init__(self, charset: str = "UTF-8"):
        if charset.upper().replace("-", "") != "UTF8":
            raise ValueError(f"text is sent and read as UTF-8; {charset} is not known")

    def _text_of(self, value_type):
        if value_type == Types.STRING():
            return None
        if isinstance(value_type, PickledBytesTypeInfo):
            return _checked_text
        raise TypeError(f"SimpleStringSchema sends strings, and the stream has values of type {value_type!r}: put "
                        f"map(str, Types.STRING()) in front of the sink")

    def _values_of(self):
        return None


def _checked_text(value):
    if not isinstance(value, str):
        raise TypeError(f"SimpleStringSchema sends strings, not {type(value).__name__}: put map(str, Types.STRING()) "
                        f"in front of the sink")
    return value


_absent_here = _absent.of_module(__name__)


def __getattr__(name):
    if name in ("JsonRowDeserializationSchema", "JsonRowSerializationSchema"):  # where older scripts look for them
        from pyflink.datastream.formats import json
        return getattr(json, name)
    return _absent_here(name)
