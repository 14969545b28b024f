# SPDX-License-Identifier: Apache-2.0
"""What PyFlink 1.19 has is here, or says by its name that it is not and what works instead."""
import importlib
import unittest

from pyflink._absent import NotInThisVersion
from pyflink.common import JobExecutionResult, JobID
from pyflink.datastream import StreamExecutionEnvironment

EXPORTS = {
    "pyflink.common": """Configuration ConfigOption ConfigOptions ExecutionConfig TypeInformation TypeSerializer Types
        SerializationSchema DeserializationSchema SimpleStringSchema Encoder CompletableFuture ExecutionMode
        InputDependencyConstraint JobClient JobExecutionResult JobID JobStatus RestartStrategies
        RestartStrategyConfiguration Row RowKind WatermarkStrategy Duration Instant Time
        AssignerWithPeriodicWatermarksWrapper JsonRowSerializationSchema JsonRowDeserializationSchema
        CsvRowSerializationSchema CsvRowDeserializationSchema AvroRowSerializationSchema
        AvroRowDeserializationSchema""",
    "pyflink.datastream": """StreamExecutionEnvironment DataStream KeyedStream WindowedStream ConnectedStreams
        BroadcastStream BroadcastConnectedStream DataStreamSink MapFunction CoMapFunction FlatMapFunction
        CoFlatMapFunction ReduceFunction FilterFunction ProcessFunction KeyedProcessFunction CoProcessFunction
        KeyedCoProcessFunction WindowFunction ProcessWindowFunction AggregateFunction BroadcastProcessFunction
        KeyedBroadcastProcessFunction RuntimeContext TimerService CheckpointingMode CheckpointConfig
        ExternalizedCheckpointCleanup StateBackend HashMapStateBackend EmbeddedRocksDBStateBackend
        CustomStateBackend MemoryStateBackend RocksDBStateBackend FsStateBackend PredefinedOptions
        CheckpointStorage JobManagerCheckpointStorage FileSystemCheckpointStorage CustomCheckpointStorage
        RuntimeExecutionMode Window TimeWindow CountWindow GlobalWindow WindowAssigner MergingWindowAssigner
        TriggerResult Trigger TimeCharacteristic TimeDomain KeySelector Partitioner SourceFunction SinkFunction
        SlotSharingGroup MemorySize OutputTag""",
    "pyflink.datastream.data_stream": "AllWindowedStream CachedDataStream CloseableIterator DataStream",
    "pyflink.datastream.functions": "AllWindowFunction ProcessAllWindowFunction ProcessFunction MapFunction",
    "pyflink.datastream.connectors.kafka": """FlinkKafkaConsumer FlinkKafkaProducer Semantic KafkaSource
        KafkaSourceBuilder KafkaSink KafkaSinkBuilder KafkaRecordSerializationSchema
        KafkaRecordSerializationSchemaBuilder KafkaTopicPartition KafkaTopicSelector KafkaOffsetsInitializer
        KafkaOffsetResetStrategy DeliveryGuarantee""",
    "pyflink.datastream.connectors": """Sink Source DeliveryGuarantee NumberSequenceSource JdbcSink
        JdbcConnectionOptions JdbcExecutionOptions KafkaSource FlinkKafkaConsumer FlinkKafkaProducer Semantic
        PulsarSource PulsarSourceBuilder StartCursor StopCursor RMQSource RMQSink RMQConnectionConfig BucketAssigner
        FileEnumeratorProvider FileSink FileSplitAssignerProvider FileSource FileSourceBuilder OutputFileConfig
        RollingPolicy StreamFormat StreamingFileSink""",
}
MODULES = """common.typeinfo common.types common.time common.watermark_strategy common.serialization
    common.configuration common.restart_strategy common.execution_mode common.job_client table metrics util version
    java_gateway serializers shell find_flink_home datastream.window datastream.state datastream.functions
    datastream.connectors.kafka datastream.connectors.file_system datastream.connectors.jdbc
    datastream.connectors.elasticsearch datastream.connectors.number_seq datastream.connectors.pulsar
    datastream.connectors.rabbitmq datastream.connectors.kinesis datastream.connectors.cassandra
    datastream.connectors.hybrid_source datastream.formats.json datastream.formats.csv datastream.formats.avro
    datastream.formats.parquet datastream.formats.orc"""
ENVIRONMENT = """get_execution_environment set_parallelism get_parallelism set_max_parallelism get_max_parallelism
    set_runtime_mode execute execute_async from_collection from_source add_source read_text_file create_input add_jars
    add_classpaths set_python_requirements add_python_archive set_python_executable
    register_cached_file enable_checkpointing get_checkpoint_config get_checkpoint_interval get_checkpointing_mode
    set_state_backend get_state_backend enable_changelog_state_backend is_changelog_state_backend_enabled
    set_default_savepoint_directory get_default_savepoint_directory set_restart_strategy get_restart_strategy
    set_stream_time_characteristic get_stream_time_characteristic configure get_config set_buffer_timeout
    get_buffer_timeout disable_operator_chaining is_chaining_enabled
    is_chaining_of_operators_with_different_max_parallelism_enabled register_slot_sharing_group get_execution_plan
    get_default_local_parallelism set_default_local_parallelism add_default_kryo_serializer
    register_type_with_kryo_serializer register_type is_unaligned_checkpoints_enabled is_force_unaligned_checkpoints
    close"""
STREAM = """map flat_map filter key_by process print sink_to add_sink execute_and_collect
    assign_timestamps_and_watermarks union connect broadcast shuffle rebalance rescale forward partition_custom project
    window_all get_side_output cache name uid set_uid_hash set_description get_name set_parallelism set_max_parallelism
    force_non_parallel set_buffer_timeout start_new_chain disable_chaining slot_sharing_group get_type
    get_execution_environment get_execution_config"""
TYPE = "get_java_type_info need_conversion to_internal_type from_internal_type"
RESULT = """get_job_id get_net_runtime get_accumulator_result get_all_accumulator_results
    is_job_execution_result"""
KEYED = """reduce sum min max min_by max_by window count_window process map flat_map filter union connect project
    key_by"""


class Absences(unittest.TestCase):
    def check(self, look, name, kinds):
        """True: it is there. Else it has said so, by its name."""
        try:
            look()
            return True
        except kinds as error:
            self.assertRegex(str(error), rf"{name}(\(\))? is not in this version of cflink: .{{20}}")
            return False

    def test_every_export_is_there_or_says_that_it_is_not(self):
        for module, names in EXPORTS.items():
            for name in names.split():
                with self.subTest(f"{module}.{name}"):
                    self.check(lambda: exec(f"from {module} import {name}"), f"{module}.{name}", ImportError)

    def test_every_module(self):
        for name in MODULES.split():
            with self.subTest(name):
                self.check(lambda: importlib.import_module("pyflink." + name), "pyflink." + name,
                           ModuleNotFoundError)

    def test_every_method(self):
        env = StreamExecutionEnvironment.get_execution_environment()
        stream = env.from_collection([1])
        keyed = stream.key_by(lambda x: x)
        here = [self.check(lambda: getattr(value, name), name, NotInThisVersion)
                for value, names in ((env, ENVIRONMENT), (stream, STREAM), (keyed, KEYED),
                                     (stream.get_type(), TYPE), (JobExecutionResult(JobID(bytes(16)), 1), RESULT))
                for name in names.split()]
        self.assertGreater(sum(here), 50)

    def test_what_nobody_has_is_an_ordinary_error(self):
        env = StreamExecutionEnvironment.get_execution_environment()
        with self.assertRaisesRegex(AttributeError, "has no attribute 'excute'"):
            env.excute()
        with self.assertRaisesRegex(ImportError, "cannot import name 'MapFuncton'"):
            exec("from pyflink.datastream import MapFuncton")
        self.assertFalse(hasattr(env.from_collection([1]), "count_windw"))

    def test_java_is_named(self):
        env = StreamExecutionEnvironment.get_execution_environment()
        with self.assertRaisesRegex(NotInThisVersion, "_j_stream_execution_environment .*there is no Java here"):
            env._j_stream_execution_environment.getConfig()
