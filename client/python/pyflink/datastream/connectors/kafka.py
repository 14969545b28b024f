# SPDX-License-Identifier: Apache-2.0
"""Kafka, by the engine's connector (librdkafka): read and written at least once, message values only.

Properties are librdkafka's, which has most names of the Java client; those that name Java classes mean
nothing here and are left out. Another name that librdkafka does not know fails the job by that name."""
from enum import Enum
from typing import Dict, List, Union

from pyflink import _absent
from pyflink.common.serialization import DeserializationSchema, SerializationSchema
from pyflink.datastream.connectors.base import DeliveryGuarantee, Sink, Source
from pyflink.datastream.functions import SinkFunction, SourceFunction

_JAVA_CLASSES = ("key.serializer", "value.serializer", "key.deserializer", "value.deserializer",
                 "interceptor.classes", "metric.reporters", "partitioner.class")


def _text(value):
    return str(value).lower() if isinstance(value, bool) else str(value)


def _options(topic, properties, **ours):
    if not properties.get("bootstrap.servers"):
        raise ValueError("Kafka's bootstrap.servers is not set: give it as in 'localhost:9092'")
    return sorted([("topic", topic)] +
                  [(key, _text(value)) for key, value in properties.items() if key not in _JAVA_CLASSES] +
                  [(key.replace("_", "."), value) for key, value in ours.items()])


def _one_topic(topics):
    if isinstance(topics, str):
        topics = [topics]
    topics = list(topics)
    if len(topics) != 1:
        raise ValueError(f"a Kafka source reads one topic in this version, not {len(topics)}: {topics}")
    return topics[0]


def _checked(schema, kind):
    if not isinstance(schema, kind):
        raise TypeError(f"a {kind.__name__} is needed, such as SimpleStringSchema(), not {schema!r}")
    return schema


# ---- the older classes, for add_source and add_sink -----------------------------------------------------

class FlinkKafkaConsumer(SourceFunction):
    def __init__(self, topics: Union[str, List[str]], deserialization_schema: DeserializationSchema,
                 properties: Dict):
        self._topic, self._properties = _one_topic(topics), dict(properties)
        super().__init__("kafka", [], _checked(deserialization_schema, DeserializationSchema))
        self.set_start_from_group_offsets()

    def _start(self, mode):
        self._options = _options(self._topic, self._properties, scan_startup_mode=mode)
        return self

    def set_start_from_earliest(self) -> "FlinkKafkaConsumer":
        return self._start("earliest-offset")

    def set_start_from_latest(self) -> "FlinkKafkaConsumer":
        return self._start("latest-offset")

    def set_start_from_group_offsets(self) -> "FlinkKafkaConsumer":
        """Where the group has committed; without a group, or before it has, as auto.offset.reset says."""
        if self._properties.get("group.id"):
            return self._start("group-offsets")
        earliest = self._properties.get("auto.offset.reset") == "earliest"
        return self._start("earliest-offset" if earliest else "latest-offset")

    def set_start_from_timestamp(self, startup_offsets_timestamp: int):
        raise NotImplementedError("set_start_from_timestamp is not in this version of cflink: "
                                  "set_start_from_earliest, and filter by the time in the message")

    def set_commit_offsets_on_checkpoints(self, commit_on_checkpoints: bool) -> "FlinkKafkaConsumer":
        """Offsets of a group are committed behind what was read, with no checkpoints to wait for."""
        return self

    def disable_filter_restored_partitions_with_subscribed_topics(self) -> "FlinkKafkaConsumer":
        """Nothing is restored, so nothing is filtered."""
        return self

    def get_produced_type(self):
        return self._schema.get_produced_type()


class Semantic(Enum):
    EXACTLY_ONCE = 0
    AT_LEAST_ONCE = 1
    NONE = 2


def _no_exactly_once(asked, name):
    if asked.name == "EXACTLY_ONCE":
        raise NotImplementedError(f"{name}.EXACTLY_ONCE is not in this version of cflink, which takes no checkpoints: "
                                  f"use {name}.AT_LEAST_ONCE")


class FlinkKafkaProducer(SinkFunction):
    def __init__(self, topic: str, serialization_schema: SerializationSchema, producer_config: Dict,
                 kafka_producer_pool_size: int = 5, semantic: Semantic = Semantic.AT_LEAST_ONCE):
        _no_exactly_once(semantic, "Semantic")
        super().__init__("kafka", _options(topic, producer_config),
                         _checked(serialization_schema, SerializationSchema))

    def set_flush_on_checkpoint(self, flush_on_checkpoint: bool) -> "FlinkKafkaProducer":
        """A job ends when the brokers have all that it wrote."""
        return self

    def set_log_failures_only(self, log_failures_only: bool) -> "FlinkKafkaProducer":
        if log_failures_only:
            raise NotImplementedError("set_log_failures_only(True) is not in this version of cflink: a message that "
                                      "cannot be delivered fails the job")
        return self

    def ignore_failures_after_transaction_timeout(self) -> "FlinkKafkaProducer":
        """There are no transactions to time out."""
        return self

    def set_write_timestamp_to_kafka(self, write_timestamp_to_kafka: bool) -> "FlinkKafkaProducer":
        """A message has the time at which it was sent; records have no other in this version."""
        return self


# ---- KafkaSource ------------------------------------------------------------------------------------------

class KafkaOffsetResetStrategy(Enum):
    LATEST = 0
    EARLIEST = 1
    NONE = 2


class KafkaOffsetsInitializer:
    def __init__(self, mode, reset=None):
        self._mode, self._reset = mode, reset

    @staticmethod
    def earliest() -> "KafkaOffsetsInitializer":
        return KafkaOffsetsInitializer("earliest-offset")

    @staticmethod
    def latest() -> "KafkaOffsetsInitializer":
        return KafkaOffsetsInitializer("latest-offset")

    @staticmethod
    def committed_offsets(offset_reset_strategy: KafkaOffsetResetStrategy = KafkaOffsetResetStrategy.NONE
                          ) -> "KafkaOffsetsInitializer":
        return KafkaOffsetsInitializer("group-offsets", {"LATEST": "latest", "EARLIEST": "earliest", "NONE": "error"}[
            offset_reset_strategy.name])

    @staticmethod
    def timestamp(timestamp: int):
        raise NotImplementedError("KafkaOffsetsInitializer.timestamp is not in this version of cflink: use earliest(), "
                                  "and filter by the time in the message")

    @staticmethod
    def offsets(offsets, offset_reset_strategy=None):
        raise NotImplementedError("KafkaOffsetsInitializer.offsets is not in this version of cflink: use "
                                  "committed_offsets(), and set the group's offsets by Kafka's own tools")


class KafkaSource(Source):
    @staticmethod
    def builder() -> "KafkaSourceBuilder":
        return KafkaSourceBuilder()


class KafkaSourceBuilder:
    def __init__(self):
        self._topic, self._properties, self._schema = None, {}, None
        self._start, self._stop = KafkaOffsetsInitializer.earliest(), None

    def set_bootstrap_servers(self, bootstrap_servers: str) -> "KafkaSourceBuilder":
        return self.set_property("bootstrap.servers", bootstrap_servers)

    def set_group_id(self, group_id: str) -> "KafkaSourceBuilder":
        return self.set_property("group.id", group_id)

    def set_client_id_prefix(self, prefix: str) -> "KafkaSourceBuilder":
        return self.set_property("client.id", prefix)

    def set_topics(self, *topics: str) -> "KafkaSourceBuilder":
        self._topic = _one_topic(topics)
        return self

    def set_topic_pattern(self, topic_pattern: str):
        raise NotImplementedError("KafkaSource.set_topic_pattern is not in this version of cflink: name the topic by "
                                  "set_topics")

    def set_partitions(self, partitions):
        raise NotImplementedError("KafkaSource.set_partitions is not in this version of cflink: set_topics reads all "
                                  "partitions of a topic")

    def set_starting_offsets(self, starting_offsets_initializer: KafkaOffsetsInitializer) -> "KafkaSourceBuilder":
        self._start = starting_offsets_initializer
        return self

    def set_bounded(self, stopping_offsets_initializer: KafkaOffsetsInitializer) -> "KafkaSourceBuilder":
        if stopping_offsets_initializer._mode != "latest-offset":
            raise NotImplementedError("KafkaSource.set_bounded takes KafkaOffsetsInitializer.latest() in this version "
                                      "of cflink: the source ends at what was there when the job began")
        self._stop = "latest-offset"
        return self

    def set_unbounded(self, stopping_offsets_initializer: KafkaOffsetsInitializer) -> "KafkaSourceBuilder":
        return self.set_bounded(stopping_offsets_initializer)  # it stops there as well

    def set_value_only_deserializer(self, deserialization_schema: DeserializationSchema) -> "KafkaSourceBuilder":
        self._schema = _checked(deserialization_schema, DeserializationSchema)
        return self

    def set_property(self, key: str, value: str) -> "KafkaSourceBuilder":
        self._properties[key] = value
        return self

    def set_properties(self, props: Dict) -> "KafkaSourceBuilder":
        self._properties.update(props)
        return self

    def build(self) -> KafkaSource:
        if self._topic is None:
            raise ValueError("KafkaSource has no topic: call set_topics")
        if self._schema is None:
            raise ValueError("KafkaSource has no deserializer: call set_value_only_deserializer")
        properties = dict(self._properties)
        if self._start._reset:
            properties["auto.offset.reset"] = self._start._reset
        ours = {"scan_bounded_mode": self._stop} if self._stop else {}
        return KafkaSource("kafka", _options(self._topic, properties, scan_startup_mode=self._start._mode, **ours),
                           self._schema)


# ---- KafkaSink --------------------------------------------------------------------------------------------

class KafkaRecordSerializationSchema:
    def __init__(self, topic, schema):
        self._topic, self._schema = topic, schema

    @staticmethod
    def builder() -> "KafkaRecordSerializationSchemaBuilder":
        return KafkaRecordSerializationSchemaBuilder()


class KafkaRecordSerializationSchemaBuilder:
    def __init__(self):
        self._topic, self._schema = None, None

    def set_topic(self, topic: str) -> "KafkaRecordSerializationSchemaBuilder":
        self._topic = topic
        return self

    def set_topic_selector(self, topic_selector):
        raise NotImplementedError("set_topic_selector is not in this version of cflink: set_topic, and one sink per "
                                  "topic behind a filter()")

    def set_key_serialization_schema(self, key_serialization_schema):
        raise NotImplementedError("set_key_serialization_schema is not in this version of cflink, which sends messages "
                                  "without a key: put the key into the value")

    def set_value_serialization_schema(self, value_serialization_schema: SerializationSchema
                                       ) -> "KafkaRecordSerializationSchemaBuilder":
        self._schema = _checked(value_serialization_schema, SerializationSchema)
        return self

    def build(self) -> KafkaRecordSerializationSchema:
        if self._topic is None or self._schema is None:
            raise ValueError("a KafkaRecordSerializationSchema needs set_topic and set_value_serialization_schema")
        return KafkaRecordSerializationSchema(self._topic, self._schema)


class KafkaSink(Sink):
    @staticmethod
    def builder() -> "KafkaSinkBuilder":
        return KafkaSinkBuilder()


class KafkaSinkBuilder:
    def __init__(self):
        self._properties, self._record = {}, None

    def set_bootstrap_servers(self, bootstrap_servers: str) -> "KafkaSinkBuilder":
        return self.set_property("bootstrap.servers", bootstrap_servers)

    def set_delivery_guarantee(self, delivery_guarantee: DeliveryGuarantee) -> "KafkaSinkBuilder":
        _no_exactly_once(delivery_guarantee, "DeliveryGuarantee")
        return self

    def set_transactional_id_prefix(self, transactional_id_prefix: str) -> "KafkaSinkBuilder":
        """Of use for EXACTLY_ONCE alone, also in Flink."""
        return self

    def set_record_serializer(self, record_serializer: KafkaRecordSerializationSchema) -> "KafkaSinkBuilder":
        if not isinstance(record_serializer, KafkaRecordSerializationSchema):
            raise TypeError(f"a KafkaRecordSerializationSchema is needed, not {record_serializer!r}")
        self._record = record_serializer
        return self

    def set_property(self, key: str, value: str) -> "KafkaSinkBuilder":
        self._properties[key] = value
        return self

    def build(self) -> KafkaSink:
        if self._record is None:
            raise ValueError("KafkaSink has no serializer: call set_record_serializer")
        return KafkaSink("kafka", _options(self._record._topic, self._properties), self._record._schema)


__getattr__ = _absent.of_module(__name__)
