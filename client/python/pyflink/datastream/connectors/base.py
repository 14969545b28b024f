# SPDX-License-Identifier: Apache-2.0
"""What sources and sinks of connectors have in common: a factory of the engine, its options, a schema."""
from enum import Enum


class DeliveryGuarantee(Enum):
    EXACTLY_ONCE = 0
    AT_LEAST_ONCE = 1
    NONE = 2


class Source:
    """For env.from_source: which source of the engine, with what, and how its texts become values."""

    def __init__(self, factory, options, schema):
        self._factory, self._options, self._schema = factory, options, schema


class Sink:
    """For stream.sink_to: which sink of the engine, with what, and how values become texts."""

    def __init__(self, factory, options, schema):
        self._factory, self._options, self._schema = factory, options, schema
