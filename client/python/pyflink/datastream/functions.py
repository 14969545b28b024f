# SPDX-License-Identifier: Apache-2.0
"""What a user may write as a class in place of a callable."""
from abc import ABC, abstractmethod

from pyflink import _absent


class RuntimeContext(_absent.Absences):
    """Where a function runs; given to open()."""

    def __init__(self, task_name, job_name, subtask, parallelism, max_parallelism, attempt):
        self._task_name, self._job_name = task_name, job_name
        self._subtask, self._parallelism = subtask, parallelism
        self._max_parallelism, self._attempt = max_parallelism, attempt

    def get_task_name(self) -> str:
        return self._task_name

    def get_number_of_parallel_subtasks(self) -> int:
        return self._parallelism

    def get_max_number_of_parallel_subtasks(self) -> int:
        return self._max_parallelism

    def get_index_of_this_subtask(self) -> int:
        return self._subtask

    def get_attempt_number(self) -> int:
        return self._attempt

    def get_task_name_with_subtasks(self) -> str:
        return f"{self._task_name} ({self._subtask + 1}/{self._parallelism})#{self._attempt}"


class Function(ABC):
    def open(self, runtime_context: RuntimeContext):
        """Called once per subtask, before the first record."""

    def close(self):
        """Called once per subtask, behind the last record."""


class MapFunction(Function):
    @abstractmethod
    def map(self, value):
        pass


class FlatMapFunction(Function):
    @abstractmethod
    def flat_map(self, value):
        pass


class FilterFunction(Function):
    @abstractmethod
    def filter(self, value):
        pass


class ReduceFunction(Function):
    @abstractmethod
    def reduce(self, value1, value2):
        pass


class KeySelector(Function):
    @abstractmethod
    def get_key(self, value):
        pass


class SourceFunction:
    """A source of the engine, for add_source: its factory and options, and how its texts become values."""

    def __init__(self, factory, options=(), schema=None):
        _no_java(factory, schema, "SourceFunction", "FlinkKafkaConsumer")
        self._factory, self._options, self._schema = factory, options, schema


class SinkFunction:
    """A sink of the engine, for add_sink: its factory and options, and how values become texts."""

    def __init__(self, factory, options=(), schema=None):
        _no_java(factory, schema, "SinkFunction", "FlinkKafkaProducer")
        self._factory, self._options, self._schema = factory, options, schema


def _no_java(factory, schema, kind, instead):
    if schema is None:
        raise NotImplementedError(f"{kind}({factory!r}) names a class of Java, and there is no Java here: use a "
                                  f"connector of pyflink.datastream.connectors such as {instead}")


__getattr__ = _absent.of_module(__name__)
