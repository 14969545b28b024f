# SPDX-License-Identifier: Apache-2.0
from pyflink import _absent
from pyflink.datastream.connectors.base import DeliveryGuarantee, Sink, Source
from pyflink.datastream.connectors.kafka import FlinkKafkaConsumer, FlinkKafkaProducer, KafkaSink, KafkaSource, Semantic

__all__ = ["DeliveryGuarantee", "FlinkKafkaConsumer", "FlinkKafkaProducer", "KafkaSink", "KafkaSource", "Semantic",
           "Sink", "Source"]
__getattr__ = _absent.of_module(__name__)
