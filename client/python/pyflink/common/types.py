# SPDX-License-Identifier: Apache-2.0
"""Row, as PyFlink has it: a tuple whose fields may have names."""
from enum import Enum
from typing import List


class RowKind(Enum):
    INSERT = 0
    UPDATE_BEFORE = 1
    UPDATE_AFTER = 2
    DELETE = 3

    def __str__(self):
        return ("+I", "-U", "+U", "-D")[self.value]


class Row:
    """Row(1, "x") by position or Row(id=1, info="x") by name; fields are row[0], row["id"], row.id."""

    __slots__ = ("_fields", "_values", "_row_kind")

    def __init__(self, *args, **kwargs):
        if args and kwargs:
            raise ValueError("Can not use both args and kwargs to create Row")
        _put(self, "_fields", list(kwargs) if kwargs else None)
        _put(self, "_values", list(kwargs.values()) if kwargs else list(args))
        _put(self, "_row_kind", RowKind.INSERT)

    @staticmethod
    def of_kind(row_kind: RowKind, *args, **kwargs) -> "Row":
        row = Row(*args, **kwargs)
        row.set_row_kind(row_kind)
        return row

    def get_row_kind(self) -> RowKind:
        return self._row_kind

    def set_row_kind(self, row_kind: RowKind):
        _put(self, "_row_kind", row_kind)

    def set_field_names(self, field_names: List):
        _put(self, "_fields", list(field_names))

    def get_fields_by_names(self, names: List[str]) -> List:
        if self._fields is None:
            return list(self._values)
        missing = [name for name in names if name not in self._fields]
        if missing:
            raise KeyError(f"{self!r} has no field {missing[0]!r}")
        return [self._values[self._fields.index(name)] for name in names]

    def as_dict(self, recursive: bool = False) -> dict:
        if self._fields is None:
            raise TypeError("Cannot convert a Row without field names into a dict")
        if not recursive:
            return dict(zip(self._fields, self._values))
        return {name: _as_dict(value) for name, value in zip(self._fields, self._values)}

    def __call__(self, *args):
        if len(args) > len(self):
            raise ValueError(f"{self!r} has {len(self)} names, not {len(args)}")
        return _row_of(tuple(self._values), args)

    def __getitem__(self, item):
        if isinstance(item, (int, slice)):
            return self._values[item]
        return self._values[self._index(item, KeyError)]

    def __setitem__(self, key, value):
        self._values[key if isinstance(key, int) else self._index(key, KeyError)] = value

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self._values[self._index(name, AttributeError)]

    def __setattr__(self, name, value):
        raise AttributeError(f"a Row's fields are set by row[{name!r}] = …")

    def _index(self, name, error):
        if self._fields is None or name not in self._fields:
            raise error(name)
        return self._fields.index(name)

    def __contains__(self, item):
        return item in self._values

    def __len__(self):
        return len(self._values)

    def __iter__(self):
        return iter(self._values)

    def __eq__(self, other):
        if not isinstance(other, Row) or self._row_kind != other._row_kind:
            return False
        if self._fields is None or other._fields is None:
            return self._fields == other._fields and self._values == other._values
        return self.as_dict() == other.as_dict()

    def __hash__(self):
        return hash(tuple(self._values))

    def __repr__(self):
        if self._fields is None:
            return "<Row(%s)>" % ", ".join(repr(value) for value in self._values)
        return "Row(%s)" % ", ".join(f"{name}={value!r}" for name, value in zip(self._fields, self._values))

    def __reduce__(self):
        return _unpickled, (self._fields, self._values, self._row_kind.value)


_put = object.__setattr__


def _row_of(names, values):
    row = Row(*values)
    if names is not None:
        _put(row, "_fields", list(names))
    return row


def _unpickled(names, values, kind):
    row = _row_of(names, values)
    if kind:
        row.set_row_kind(RowKind(kind))
    return row


def _as_dict(value):
    return value.as_dict(True) if isinstance(value, Row) and value._fields is not None else value


def _row_values(value, names):
    """The fields of whatever may stand for a tuple (names is None) or a Row, in order."""
    if isinstance(value, Row):
        if value._row_kind is not RowKind.INSERT:
            raise ValueError(f"{value!r} is of kind {value._row_kind}; streams of Rows carry +I alone")
        return tuple(value.get_fields_by_names(names) if names else value._values)
    if isinstance(value, (tuple, list)):
        return tuple(value)
    if names and isinstance(value, dict):
        return tuple(value.get(name) for name in names)
    if names and hasattr(value, "__dict__"):
        return tuple(value.__dict__.get(name) for name in names)
    raise TypeError(f"{value!r} is neither a tuple nor a Row")
