# SPDX-License-Identifier: Apache-2.0
from pyflink import _absent
from pyflink.datastream.data_stream import DataStream, DataStreamSink, KeyedStream
from pyflink.datastream.functions import (FilterFunction, FlatMapFunction, Function, KeySelector,
                                          MapFunction, ReduceFunction, RuntimeContext, SinkFunction,
                                          SourceFunction)
from pyflink.datastream.runtime_execution_mode import RuntimeExecutionMode
from pyflink.datastream.stream_execution_environment import StreamExecutionEnvironment

__all__ = ["DataStream", "DataStreamSink", "FilterFunction", "FlatMapFunction", "Function", "KeySelector",
           "KeyedStream", "MapFunction", "ReduceFunction", "RuntimeContext", "RuntimeExecutionMode",
           "SinkFunction", "SourceFunction", "StreamExecutionEnvironment"]
__getattr__ = _absent.of_module(__name__)
