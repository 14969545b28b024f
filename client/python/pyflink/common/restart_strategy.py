# SPDX-License-Identifier: Apache-2.0
"""What happens when a job fails; each strategy is a few settings of the job."""
from datetime import timedelta


class RestartStrategyConfiguration:
    _settings = ()

    def get_description(self) -> str:
        return type(self).__name__


class NoRestartStrategyConfiguration(RestartStrategyConfiguration):
    _settings = (("restart-strategy.type", "none"),)

    def get_description(self):
        return "Restart deactivated."


class FixedDelayRestartStrategyConfiguration(RestartStrategyConfiguration):
    def __init__(self, restart_attempts, delay_ms):
        self._attempts, self._delay_ms = restart_attempts, delay_ms
        self._settings = (("restart-strategy.type", "fixed-delay"),
                          ("restart-strategy.fixed-delay.attempts", str(restart_attempts)),
                          ("restart-strategy.fixed-delay.delay", f"{delay_ms} ms"))

    def get_restart_attempts(self) -> int:
        return self._attempts

    def get_delay_between_attempts_interval(self) -> timedelta:
        return timedelta(milliseconds=self._delay_ms)

    def get_description(self):
        return f"Restart with fixed delay ({self._delay_ms} ms). #{self._attempts} restart attempts."


class FailureRateRestartStrategyConfiguration(RestartStrategyConfiguration):
    def __init__(self, max_failure_rate, failure_interval_ms, delay_ms):
        self._rate, self._interval_ms, self._delay_ms = max_failure_rate, failure_interval_ms, delay_ms
        self._settings = (("restart-strategy.type", "failure-rate"),
                          ("restart-strategy.failure-rate.max-failures-per-interval", str(max_failure_rate)),
                          ("restart-strategy.failure-rate.failure-rate-interval", f"{failure_interval_ms} ms"),
                          ("restart-strategy.failure-rate.delay", f"{delay_ms} ms"))

    def get_max_failure_rate(self) -> int:
        return self._rate

    def get_failure_interval(self) -> timedelta:
        return timedelta(milliseconds=self._interval_ms)

    def get_delay_between_attempts_interval(self) -> timedelta:
        return timedelta(milliseconds=self._delay_ms)

    def get_description(self):
        return f"Failure rate restart with maximum of {self._rate} failures within interval {self._interval_ms} ms."


class FallbackRestartStrategyConfiguration(RestartStrategyConfiguration):
    def get_description(self):
        return "Cluster level default restart strategy"


class RestartStrategies:
    @staticmethod
    def no_restart() -> RestartStrategyConfiguration:
        return NoRestartStrategyConfiguration()

    @staticmethod
    def fixed_delay_restart(restart_attempts: int, delay_between_attempts: int) -> RestartStrategyConfiguration:
        return FixedDelayRestartStrategyConfiguration(restart_attempts, delay_between_attempts)

    @staticmethod
    def failure_rate_restart(failure_rate: int, failure_interval: int,
                             delay_interval: int) -> RestartStrategyConfiguration:
        return FailureRateRestartStrategyConfiguration(failure_rate, failure_interval, delay_interval)

    @staticmethod
    def fall_back_restart() -> RestartStrategyConfiguration:
        return FallbackRestartStrategyConfiguration()
