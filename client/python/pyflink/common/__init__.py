# SPDX-License-Identifier: Apache-2.0
from pyflink import _absent
from pyflink.common import serialization
from pyflink.common.configuration import Configuration
from pyflink.common.exceptions import JobExecutionException
from pyflink.common.job_execution_result import JobExecutionResult, JobID
from pyflink.common.restart_strategy import RestartStrategies, RestartStrategyConfiguration
from pyflink.common.serialization import DeserializationSchema, SerializationSchema, SimpleStringSchema
from pyflink.common.time import Duration, Instant, Time
from pyflink.common.typeinfo import TypeInformation, Types
from pyflink.common.types import Row, RowKind
from pyflink.common.watermark_strategy import WatermarkStrategy

__all__ = ["Configuration", "DeserializationSchema", "Duration", "Instant", "JobExecutionException",
           "JobExecutionResult", "JobID", "RestartStrategies", "RestartStrategyConfiguration", "Row", "RowKind",
           "SerializationSchema", "SimpleStringSchema", "Time", "TypeInformation", "Types", "WatermarkStrategy"]
_absent_here = _absent.of_module(__name__)


def __getattr__(name):
    if name in ("JsonRowDeserializationSchema", "JsonRowSerializationSchema"):
        return getattr(serialization, name)
    return _absent_here(name)
