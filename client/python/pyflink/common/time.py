# SPDX-License-Identifier: Apache-2.0
"""Lengths of time and points in it."""


class Duration:
    def __init__(self, nanos: int):
        self._nanos = nanos

    @classmethod
    def of_days(cls, days: int):
        return cls(days * 86_400_000_000_000)

    @classmethod
    def of_hours(cls, hours: int):
        return cls(hours * 3_600_000_000_000)

    @classmethod
    def of_minutes(cls, minutes: int):
        return cls(minutes * 60_000_000_000)

    @classmethod
    def of_seconds(cls, seconds: int):
        return cls(seconds * 1_000_000_000)

    @classmethod
    def of_millis(cls, millis: int):
        return cls(millis * 1_000_000)

    @classmethod
    def of_nanos(cls, nanos: int):
        return cls(nanos)

    def to_millis(self) -> int:
        return self._nanos // 1_000_000

    def __eq__(self, other):
        return isinstance(other, Duration) and self._nanos == other._nanos

    def __hash__(self):
        return hash(self._nanos)

    def __repr__(self):
        return f"Duration({self._nanos} ns)"


class Time:
    def __init__(self, milliseconds: int):
        self._milliseconds = milliseconds

    @staticmethod
    def milliseconds(milliseconds: int):
        return Time(milliseconds)

    @staticmethod
    def seconds(seconds: int):
        return Time(seconds * 1000)

    @staticmethod
    def minutes(minutes: int):
        return Time(minutes * 60_000)

    @staticmethod
    def hours(hours: int):
        return Time(hours * 3_600_000)

    @staticmethod
    def days(days: int):
        return Time(days * 86_400_000)

    def to_milliseconds(self) -> int:
        return self._milliseconds

    def __eq__(self, other):
        return isinstance(other, Time) and self._milliseconds == other._milliseconds

    def __hash__(self):
        return hash(self._milliseconds)

    def __str__(self):
        return f"{self._milliseconds} ms"


class Instant:
    """A point in time, in seconds since 1970 (UTC) and nanoseconds behind them."""

    def __init__(self, seconds: int, nanos: int):
        self.seconds, self.nanos = seconds, nanos

    @staticmethod
    def of_epoch_milli(epoch_milli: int) -> "Instant":
        seconds, millis = divmod(epoch_milli, 1000)
        return Instant(seconds, millis * 1_000_000)

    def to_epoch_milli(self) -> int:
        return self.seconds * 1000 + self.nanos // 1_000_000

    def __eq__(self, other):
        return isinstance(other, Instant) and (self.seconds, self.nanos) == (other.seconds, other.nanos)

    def __hash__(self):
        return hash((self.seconds, self.nanos))

    def __repr__(self):
        return f"Instant<{self.seconds}, {self.nanos}>"
