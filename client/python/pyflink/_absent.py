# SPDX-License-Identifier: Apache-2.0
"""What PyFlink 1.19 has and this version has not. Whoever asks for it is told so, by its name, and what
works instead; a name that PyFlink does not have either stays an ordinary AttributeError."""
import sys

_NO_JVM = "there is no Java here, so nothing that reaches into it works; what scripts need is in pyflink itself"
_PROCESS = ("process functions, timers and state come later; key_by(…).reduce(…) keeps one running value per key, and "
            "a MapFunction may keep what it likes in self")
_WINDOWS = ("windows of Python programs come later; key_by(…).reduce(…) gives running values, and a program in C has "
            "tumbling windows (examples/streaming/SocketWindowWordCount.c)")
_CHECKPOINTS = ("checkpoints and state backends come later; leave the call out: a job that fails begins anew as its "
                "restart strategy says (pyflink.common.RestartStrategies)")
_STREAMS = "streams cannot be joined in this version; run one job per stream, or put both into one collection or topic"
_COLLECT = "use print() or write_as_text(path), then env.execute()"
_ASYNC = "use env.execute(), which waits for the job, or `flink run -d -py job.py`, which does not"
_TABLE = "the Table API and SQL come later; the DataStream API is in pyflink.datastream"
_FILES = "use env.read_text_file(path) to read lines, and stream.write_as_text(path) to write them"
_FORMATS = ("text is SimpleStringSchema (pyflink.common.serialization), JSON is in pyflink.datastream.formats.json; "
            "another format: SimpleStringSchema and a map() that parses")
_CONNECTORS = ("connectors of this version: Kafka (pyflink.datastream.connectors.kafka), read_text_file, "
               "write_as_text, socket_text_stream, print")
_ENVIRONMENT = "install what functions import where they run, and send Python files with env.add_python_file(path)"
_EXECUTION = "set it in the settings: Configuration, flink-conf.yaml or `flink run -Dkey=value` (docs/settings.md)"
_METRICS = "metrics of functions come later; the dashboard shows each operator's records and bytes"
_PARTITION = "use key_by(…), rebalance(), rescale(), shuffle(), broadcast() or forward()"
_PROJECT = "use map(lambda x: (x[0], x[2])) and name the output's type"
_TIME = "event time comes later: from_source(…, WatermarkStrategy.no_watermarks(), name) reads without it"
_JVM_TYPES = "values of Python need no serializer of Java; leave the call out"
_PARTITIONS = "a KafkaSource reads all partitions of the topic that set_topics names, and a sink writes to one topic"
_GROUPS = "give a group's name to slot_sharing_group(…); resources per group come later"

# Owner (a class, or a module without "pyflink.") -> what works instead -> names.
_TABLE_OF_NAMES = {
    "StreamExecutionEnvironment": {
        _CHECKPOINTS: "enable_checkpointing get_checkpoint_config get_checkpoint_interval get_checkpointing_mode "
                      "set_state_backend get_state_backend enable_changelog_state_backend "
                      "is_changelog_state_backend_enabled set_default_savepoint_directory "
                      "get_default_savepoint_directory is_unaligned_checkpoints_enabled "
                      "is_force_unaligned_checkpoints",
        _TIME: "set_stream_time_characteristic get_stream_time_characteristic",
        _ASYNC: "execute_async",
        _FILES: "create_input register_cached_file",
        _ENVIRONMENT: "set_python_requirements add_python_archive",
        _EXECUTION: "get_config get_restart_strategy get_default_local_parallelism set_default_local_parallelism "
                    "get_buffer_timeout is_chaining_of_operators_with_different_max_parallelism_enabled "
                    "set_max_parallelism get_max_parallelism",
        _JVM_TYPES: "add_default_kryo_serializer register_type_with_kryo_serializer register_type",
        _GROUPS: "register_slot_sharing_group get_slot_sharing_group_resource",
        "use from_collection": "from_elements generate_sequence from_parallel_collection",
    },
    "DataStream": {
        _PROCESS: "process get_side_output",
        _WINDOWS: "window window_all count_window count_window_all time_window",
        _STREAMS: "connect join co_group",
        _COLLECT: "execute_and_collect cache",
        _TIME: "assign_timestamps_and_watermarks",
        _PARTITION: "partition_custom",
        _PROJECT: "project",
        _EXECUTION: "get_execution_config set_uid_hash set_description set_buffer_timeout",
    },
    "DataStreamSink": {_EXECUTION: "set_uid_hash set_description"},
    "RuntimeContext": {
        _PROCESS: "get_state get_list_state get_map_state get_reducing_state get_aggregating_state",
        _METRICS: "get_metrics_group",
        "give the value to the function when it is made, or read it in open()": "get_job_parameter",
    },
    "common": {
        _FORMATS: "CsvRowSerializationSchema CsvRowDeserializationSchema AvroRowSerializationSchema "
                  "AvroRowDeserializationSchema Encoder",
        _ASYNC: "JobClient JobStatus CompletableFuture",
        _EXECUTION: "ExecutionConfig ExecutionMode InputDependencyConstraint ConfigOption ConfigOptions",
        _TIME: "AssignerWithPeriodicWatermarksWrapper",
        _JVM_TYPES: "TypeSerializer",
    },
    "common.serialization": {
        _FORMATS: "Encoder BulkWriterFactory RowDataBulkWriterFactory CsvRowSerializationSchema "
                  "CsvRowDeserializationSchema AvroRowSerializationSchema AvroRowDeserializationSchema",
    },
    "datastream": {
        _PROCESS: "ProcessFunction KeyedProcessFunction CoProcessFunction KeyedCoProcessFunction "
                  "BroadcastProcessFunction KeyedBroadcastProcessFunction TimerService OutputTag TimeDomain",
        _WINDOWS: "WindowedStream WindowFunction ProcessWindowFunction AggregateFunction Window TimeWindow CountWindow "
                  "GlobalWindow WindowAssigner MergingWindowAssigner TriggerResult Trigger",
        _STREAMS: "ConnectedStreams BroadcastStream BroadcastConnectedStream CoMapFunction CoFlatMapFunction",
        _CHECKPOINTS: "CheckpointingMode CheckpointConfig ExternalizedCheckpointCleanup StateBackend "
                      "HashMapStateBackend EmbeddedRocksDBStateBackend CustomStateBackend MemoryStateBackend "
                      "RocksDBStateBackend FsStateBackend PredefinedOptions CheckpointStorage "
                      "JobManagerCheckpointStorage FileSystemCheckpointStorage CustomCheckpointStorage",
        _TIME: "TimeCharacteristic",
        _PARTITION: "Partitioner",
        _GROUPS: "SlotSharingGroup MemorySize",
    },
    "datastream.connectors.kafka": {
        _PARTITIONS: "KafkaTopicPartition KafkaTopicSelector KafkaPartitioner",
    },
    "TypeInformation": {_NO_JVM: "get_java_type_info need_conversion to_internal_type from_internal_type"},
    "datastream.connectors": {
        _FILES: "FileSource FileSink StreamingFileSink FileSourceBuilder OutputFileConfig RollingPolicy StreamFormat "
                "BucketAssigner FileEnumeratorProvider FileSplitAssignerProvider",
        _CONNECTORS: "NumberSequenceSource JdbcSink JdbcConnectionOptions JdbcExecutionOptions PulsarSource "
                     "PulsarSourceBuilder StartCursor StopCursor RMQSource RMQSink RMQConnectionConfig",
    },
}
_TABLE_OF_NAMES["datastream.functions"] = {
    **_TABLE_OF_NAMES["datastream"], _WINDOWS: _TABLE_OF_NAMES["datastream"][_WINDOWS] +
    " AllWindowFunction ProcessAllWindowFunction"}
_TABLE_OF_NAMES["datastream.data_stream"] = {
    **_TABLE_OF_NAMES["datastream"], _COLLECT: "CloseableIterator CachedDataStream",
    _WINDOWS: "WindowedStream AllWindowedStream"}

_MODULES = {
    "pyflink.table": _TABLE, "pyflink.shell": _TABLE, "pyflink.metrics": _METRICS,
    "pyflink.java_gateway": _NO_JVM, "pyflink.find_flink_home": _NO_JVM, "pyflink.util": _NO_JVM,
    "pyflink.serializers": _JVM_TYPES, "pyflink.common.job_client": _ASYNC, "pyflink.common.execution_config": _EXECUTION,
    "pyflink.common.execution_mode": _EXECUTION, "pyflink.common.config_options": _EXECUTION,
    "pyflink.datastream.window": _WINDOWS, "pyflink.datastream.state": _PROCESS,
    "pyflink.datastream.timerservice": _PROCESS, "pyflink.datastream.output_tag": _PROCESS,
    "pyflink.datastream.checkpoint_config": _CHECKPOINTS, "pyflink.datastream.checkpointing_mode": _CHECKPOINTS,
    "pyflink.datastream.state_backend": _CHECKPOINTS, "pyflink.datastream.checkpoint_storage": _CHECKPOINTS,
    "pyflink.datastream.time_characteristic": _TIME, "pyflink.datastream.slot_sharing_group": _GROUPS,
    "pyflink.datastream.connectors.file_system": _FILES, "pyflink.datastream.formats.csv": _FORMATS,
    "pyflink.datastream.formats.avro": _FORMATS, "pyflink.datastream.formats.parquet": _FORMATS,
    "pyflink.datastream.formats.orc": _FORMATS,
    **{f"pyflink.datastream.connectors.{name}": _CONNECTORS
       for name in ("jdbc", "elasticsearch", "number_seq", "pulsar", "rabbitmq", "kinesis", "cassandra",
                    "hybrid_source")},
}


class NotInThisVersion(AttributeError, NotImplementedError):
    """PyFlink 1.19 has it, this version of cflink has not."""


def sentence(name, instead):
    return f"{name} is not in this version of cflink: {instead}"


def _instead_of(owner, name):
    for instead, names in _TABLE_OF_NAMES.get(owner, {}).items():
        if name in names.split():
            return instead
    return None


class Absences:
    """A base of classes of which PyFlink has more."""

    def __getattr__(self, name):
        for kind in type(self).__mro__:
            instead = _instead_of(kind.__name__, name)
            if instead:
                raise NotInThisVersion(sentence(f"{kind.__name__}.{name}()", instead))
        if name.startswith("_j_"):
            raise NotInThisVersion(sentence(f"{type(self).__name__}.{name}", _NO_JVM))
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


def of_module(module):
    """The module's __getattr__. ImportError, because `from module import name` hides the text of others."""
    short = module.removeprefix("pyflink.")

    def look(name):
        instead = _instead_of(short, name)
        if instead:
            raise ImportError(sentence(f"{module}.{name}", instead), name=module)
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    return look


class _Finder:
    """The last one that Python asks for a module."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        instead = _MODULES.get(name)
        if instead:
            raise ModuleNotFoundError(sentence(name, instead), name=name)
        return None


def install():
    sys.meta_path.append(_Finder)
