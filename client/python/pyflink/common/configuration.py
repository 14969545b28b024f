# SPDX-License-Identifier: Apache-2.0
from typing import Dict, Set


class Configuration:
    """Settings by key. Values keep the type they were set with and are read as any other."""

    def __init__(self, other: "Configuration" = None):
        self._values = dict(other._values) if other is not None else {}

    def get_string(self, key: str, default_value: str) -> str:
        return _text(self._values[key]) if key in self._values else default_value

    def set_string(self, key: str, value: str) -> "Configuration":
        return self._set(key, value)

    def get_integer(self, key: str, default_value: int) -> int:
        return _number(int, key, self._values[key]) if key in self._values else default_value

    def set_integer(self, key: str, value: int) -> "Configuration":
        return self._set(key, int(value))

    def get_boolean(self, key: str, default_value: bool) -> bool:
        return _truth(key, self._values[key]) if key in self._values else default_value

    def set_boolean(self, key: str, value: bool) -> "Configuration":
        return self._set(key, bool(value))

    def get_float(self, key: str, default_value: float) -> float:
        return _number(float, key, self._values[key]) if key in self._values else default_value

    def set_float(self, key: str, value: float) -> "Configuration":
        return self._set(key, float(value))

    def get_bytearray(self, key: str, default_value: bytearray) -> bytearray:
        return self._values.get(key, default_value)

    def set_bytearray(self, key: str, value: bytearray) -> "Configuration":
        return self._set(key, bytearray(value))

    def key_set(self) -> Set[str]:
        return set(self._values)

    def contains_key(self, key: str) -> bool:
        return key in self._values

    def remove_config(self, key: str) -> bool:
        return self._values.pop(key, None) is not None

    def add_all(self, other: "Configuration", prefix: str = None) -> "Configuration":
        for key, value in other._values.items():
            self._values[(prefix or "") + key] = value
        return self

    def add_all_to_dict(self, target_dict: Dict):
        target_dict.update(self._values)

    def to_dict(self) -> Dict[str, str]:
        return {key: _text(value) for key, value in self._values.items()}

    def _set(self, key, value):
        if not isinstance(key, str):
            raise TypeError(f"the key of a setting is a str, not {key!r}")
        self._values[key] = value
        return self

    def __deepcopy__(self, memo):
        return Configuration(self)

    def __eq__(self, other):
        return isinstance(other, Configuration) and self._values == other._values

    def __hash__(self):
        return hash(tuple(sorted(self.to_dict().items())))

    def __str__(self):
        return str(self.to_dict())


def _text(value):
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(kind, key, value):
    try:
        return kind(value)
    except (TypeError, ValueError):
        raise ValueError(f'{key} is "{value}", which is no number') from None


def _truth(key, value):
    text = str(value).lower()
    if text not in ("true", "false"):
        raise ValueError(f'{key} is "{value}", which is neither true nor false')
    return text == "true"
