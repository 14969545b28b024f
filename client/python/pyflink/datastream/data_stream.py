# SPDX-License-Identifier: Apache-2.0
"""DataStream and its kin: each call checks what it is given, pickles functions and adds a node."""
import os
from typing import Callable, Union

from pyflink import _absent
from pyflink.common.types import Row
from pyflink.common.typeinfo import (PickledBytesTypeInfo, RowTypeInfo, TypeInformation, Types,
                                     type_of)
from pyflink.datastream import graph
from pyflink.datastream.connectors.base import Sink
from pyflink.datastream.functions import (FilterFunction, FlatMapFunction, KeySelector, MapFunction,
                                          ReduceFunction, SinkFunction)
from pyflink.datastream.graph import Node, Output


def _checked(function, kind, what):
    """A callable, or an object of the class that the operator takes."""
    if not isinstance(function, kind) and not callable(function):
        raise TypeError(f"The input must be a {kind.__name__} or a callable function, not {function!r}, "
                        f"for {what}")
    return function


def _symbol(function):
    return getattr(function, "__qualname__", type(function).__qualname__)


class _Settings(_absent.Absences):
    """What may be said about the operator that a call has just made; every call gives itself back."""

    _node: Node

    def name(self, name: str):
        self._node.name = name
        return self

    def uid(self, uid: str):
        self._node.uid = uid
        return self

    def set_parallelism(self, parallelism: int):
        self._node.set_parallelism(parallelism)
        return self

    def set_max_parallelism(self, max_parallelism: int):
        self._node.max_parallelism = max_parallelism
        return self

    def disable_chaining(self):
        self._node.chain = "never"
        return self

    def slot_sharing_group(self, slot_sharing_group: str):
        self._node.slot_sharing_group = slot_sharing_group
        return self


class DataStream(_Settings):
    def __init__(self, env, node: Node, ship=graph.DEFAULT, others=()):
        """others: (node, ship) of the streams that a union has put beside the first one."""
        self._env, self._node = env, node
        self._inlets = ((node, ship), *others)

    # ---- about it ----------------------------------------------------------------------------------

    def get_name(self) -> str:
        return self._node.name

    def get_type(self) -> TypeInformation:
        return self._node.output.value_type

    def get_execution_environment(self):
        return self._env

    def start_new_chain(self):
        self._node.chain = "head"
        return self

    def force_non_parallel(self):
        self._node.set_parallelism(1)
        self._node.non_parallel = True
        return self

    # ---- transformations ---------------------------------------------------------------------------

    def _add(self, verb, name, function, output: Output, parallelism=None) -> Node:
        payload = graph.pickled_operation(verb, function, self._node.output, output, name)
        executable = self._env._python_executable()
        options = [("python.executable", executable)] if executable else []
        return Node(self._env, name, "operator", "python", self._inlets, output, options,
                    function=payload, symbol=_symbol(function), parallelism=parallelism)

    def map(self, func: Union[Callable, MapFunction], output_type: TypeInformation = None) -> "DataStream":
        _checked(func, MapFunction, "map")
        return DataStream(self._env, self._add("map", "Map", func, Output(type_of(output_type))))

    def flat_map(self, func: Union[Callable, FlatMapFunction],
                 output_type: TypeInformation = None) -> "DataStream":
        _checked(func, FlatMapFunction, "flat_map")
        return DataStream(self._env, self._add("flat_map", "FlatMap", func, Output(type_of(output_type))))

    def filter(self, func: Union[Callable, FilterFunction]) -> "DataStream":
        _checked(func, FilterFunction, "filter")
        return DataStream(self._env, self._add("filter", "Filter", func, Output(self.get_type())))

    def key_by(self, key_selector: Union[Callable, KeySelector],
               key_type: TypeInformation = None) -> "KeyedStream":
        _checked(key_selector, KeySelector, "key_by")
        node = self._add("key", "_stream_key_by_map_operator", key_selector,
                         Output(self.get_type(), type_of(key_type)), self._node.parallelism)
        graph.next_id()  # of the partitioning, which is no operator
        return KeyedStream(self._env, node, self)

    def union(self, *streams: "DataStream") -> "DataStream":
        """The values of all of them, in no order between them."""
        inlets = []
        for stream in streams:
            if not isinstance(stream, DataStream):
                raise TypeError(f"union takes streams, not {stream!r}")
            if stream._env is not self._env:
                raise ValueError("union takes streams of one environment")
            if stream.get_type() != self.get_type():
                raise TypeError("Cannot union streams of different types: "
                                f"{self.get_type()} and {stream.get_type()}")
            inlets += stream._unkeyed()._inlets
        own = self._unkeyed()._inlets
        graph.next_id()  # of the union, which is no operator
        return DataStream(self._env, *own[0], [*own[1:], *inlets])

    def _unkeyed(self) -> "DataStream":
        return self

    # ---- how the next operator is fed ----------------------------------------------------------------

    def _partitioned(self, ship):
        graph.next_id()
        return DataStream(self._env, self._node, ship, [(node, ship) for node, _ in self._inlets[1:]])

    def rebalance(self) -> "DataStream":
        return self._partitioned(graph.REBALANCE)

    def rescale(self) -> "DataStream":
        return self._partitioned(graph.RESCALE)

    def shuffle(self) -> "DataStream":
        return self._partitioned(graph.SHUFFLE)

    def forward(self) -> "DataStream":
        return self._partitioned(graph.FORWARD)

    def broadcast(self) -> "DataStream":
        return self._partitioned(graph.BROADCAST)

    # ---- sinks ---------------------------------------------------------------------------------------

    def _add_sink(self, name, factory, options) -> "DataStreamSink":
        return DataStreamSink(Node(self._env, name, "sink", factory, self._inlets, options=options))

    def print(self, sink_identifier: str = None) -> "DataStreamSink":
        options = [("identifier", sink_identifier)] if sink_identifier else []
        return self._as_printed()._add_sink("Print to Std. Out", "print", options)

    def _as_printed(self) -> "DataStream":
        """Untyped values print as str() has them, Rows as +I[…], all others as Java's toString()."""
        value_type = self.get_type()
        if isinstance(value_type, PickledBytesTypeInfo):
            return self.map(_text_of_untyped, Types.STRING())
        if isinstance(value_type, RowTypeInfo):
            return self.map(_text_of_row, Types.STRING())
        return self if value_type.prints_itself() else self._as_java_text()

    def _as_java_text(self) -> "DataStream":
        value_type = self.get_type()
        if value_type.prints_itself():
            return self
        if isinstance(value_type, PickledBytesTypeInfo):
            return self.map(_text_of_untyped, Types.STRING())
        return self.map(value_type.java_text, Types.STRING())

    def add_sink(self, sink_func: SinkFunction) -> "DataStreamSink":
        if not isinstance(sink_func, SinkFunction):
            raise TypeError(f"add_sink takes a sink such as FlinkKafkaProducer, not {sink_func!r}")
        return self._into(sink_func, "Unnamed")

    def sink_to(self, sink: Sink) -> "DataStreamSink":
        if not isinstance(sink, Sink):
            raise TypeError(f"sink_to takes a sink such as KafkaSink, not {sink!r}")
        return self._into(sink, "Writer")

    def _into(self, sink, name):
        text_of = sink._schema._text_of(self.get_type())
        stream = self.map(text_of, Types.STRING()) if text_of else self
        return stream._add_sink(name, sink._factory, sink._options)

    def write_as_text(self, path: str) -> "DataStreamSink":
        """One line of text per record. With parallelism 1 the file `path`, else a folder with files
        1, 2, …; what is there is not overwritten. Not part of Flink 1.19's Python API."""
        return self._as_java_text()._add_sink("Text File", "text-file", [("path", local_path(path))])


class KeyedStream(DataStream):
    """A stream whose records with equal keys meet in one subtask."""

    def __init__(self, env, node: Node, original: DataStream):
        super().__init__(env, node, graph.HASH)
        self._original = original

    def reduce(self, func: Union[Callable, ReduceFunction]) -> DataStream:
        _checked(func, ReduceFunction, "reduce")
        return DataStream(self._env, self._add("reduce", "Reduce", func, Output(self.get_type())))

    def sum(self, position_to_sum: Union[int, str] = 0) -> DataStream:
        return self._aggregate(position_to_sum, lambda old, new: old + new)

    def min(self, position_to_min: Union[int, str] = 0) -> DataStream:
        return self._aggregate(position_to_min, lambda old, new: new if new < old else old)

    def max(self, position_to_max: Union[int, str] = 0) -> DataStream:
        return self._aggregate(position_to_max, lambda old, new: new if new > old else old)

    def min_by(self, position_to_min_by: Union[int, str] = 0) -> DataStream:
        _check_position(position_to_min_by)
        return self.reduce(lambda a, b: b if _field(b, position_to_min_by) < _field(a, position_to_min_by)
                           else a)

    def max_by(self, position_to_max_by: Union[int, str] = 0) -> DataStream:
        _check_position(position_to_max_by)
        return self.reduce(lambda a, b: b if _field(b, position_to_max_by) > _field(a, position_to_max_by)
                           else a)

    def _aggregate(self, position, combine):
        _check_position(position)

        def reduce(old, new):
            combined = combine(_field(old, position), _field(new, position))
            return _with_field(old, position, combined)
        return self.reduce(reduce)

    def key_by(self, key_selector: Union[Callable, KeySelector],
               key_type: TypeInformation = None) -> "KeyedStream":
        return self._original.key_by(key_selector, key_type)

    def _values(self) -> DataStream:
        """The values alone, still where their keys have brought them."""
        node = self._add("values", "_keyed_stream_values_operator", None, Output(self.get_type()),
                         self._node.parallelism)
        return DataStream(self._env, node)

    _unkeyed = _values

    def print(self, sink_identifier: str = None) -> "DataStreamSink":
        return self._values().print(sink_identifier)

    def add_sink(self, sink_func: SinkFunction) -> "DataStreamSink":
        return self._values().add_sink(sink_func)

    def sink_to(self, sink: Sink) -> "DataStreamSink":
        return self._values().sink_to(sink)

    def write_as_text(self, path: str) -> "DataStreamSink":
        return self._values().write_as_text(path)

    def _no_partitioning(self, *arguments):
        raise Exception("Cannot override partitioning for KeyedStream.")

    shuffle = rebalance = rescale = forward = broadcast = _no_partitioning

    def _not_supported(what):
        def refuse(self, *arguments):
            raise Exception(f"{what} for KeyedStream is not supported.")
        return refuse

    name = _not_supported("Setting name")
    get_name = _not_supported("Get name")
    uid = _not_supported("Setting uid")
    set_parallelism = _not_supported("Set parallelism")
    set_max_parallelism = _not_supported("Set max parallelism")
    force_non_parallel = _not_supported("Set force non-parallel")
    start_new_chain = _not_supported("Start new chain")
    disable_chaining = _not_supported("Disable chaining")
    slot_sharing_group = _not_supported("Setting slot sharing group")
    del _not_supported


class DataStreamSink(_Settings):
    def __init__(self, node: Node):
        self._node = node


def local_path(path: str) -> str:
    """An absolute path; relative ones are from the script's directory of work."""
    path = os.fspath(path)
    if path.startswith("file:"):
        path = "/" + path[len("file:"):].lstrip("/")
    return os.path.abspath(path)


def _text_of_untyped(value):
    return value if isinstance(value, (str, bytes)) else str(value)


def _text_of_row(value):
    return f"{value.get_row_kind()}[{','.join(str(item) for item in value)}]"


def _check_position(position):
    if not isinstance(position, (int, str)):
        raise TypeError(f"The field position must be of int or str type, not {position!r}")


def _field(value, position):
    if isinstance(value, (tuple, list, Row)):
        if isinstance(position, str) and not isinstance(value, Row):
            raise TypeError(f"{value!r} has no names; give the field's number in place of {position!r}")
        return value[position]
    if position != 0:
        raise TypeError(f"The {position!r} field of {value!r} cannot be read: it is one value")
    return value


def _with_field(value, position, field):
    if isinstance(value, tuple):
        return value[:position] + (field,) + value[position + 1:]
    if isinstance(value, (list, Row)):
        value[position] = field
        return value
    return field


__getattr__ = _absent.of_module(__name__)
