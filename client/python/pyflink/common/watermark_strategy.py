# SPDX-License-Identifier: Apache-2.0
"""WatermarkStrategy, for from_source. Nothing of this version reads event time, so a strategy is only kept."""
import abc

from pyflink.common.time import Duration


class TimestampAssigner(abc.ABC):
    @abc.abstractmethod
    def extract_timestamp(self, value, record_timestamp: int) -> int:
        pass


class WatermarkStrategy:
    def __init__(self, out_of_orderness=None):
        self._out_of_orderness, self._timestamp_assigner = out_of_orderness, None

    @staticmethod
    def no_watermarks() -> "WatermarkStrategy":
        return WatermarkStrategy()

    @staticmethod
    def for_monotonous_timestamps() -> "WatermarkStrategy":
        return WatermarkStrategy(Duration.of_millis(0))

    @staticmethod
    def for_bounded_out_of_orderness(max_out_of_orderness: Duration) -> "WatermarkStrategy":
        return WatermarkStrategy(max_out_of_orderness)

    def with_timestamp_assigner(self, timestamp_assigner: TimestampAssigner) -> "WatermarkStrategy":
        self._timestamp_assigner = timestamp_assigner
        return self

    def with_idleness(self, idle_timeout: Duration) -> "WatermarkStrategy":
        return WatermarkStrategy(self._out_of_orderness)  # without the assigner, as in PyFlink
