# SPDX-License-Identifier: Apache-2.0


class JobID:
    def __init__(self, id_bytes: bytes):
        self._bytes = id_bytes

    def __str__(self):
        return self._bytes.hex()

    def __repr__(self):
        return f"JobID({self})"

    def __eq__(self, other):
        return isinstance(other, JobID) and self._bytes == other._bytes

    def __hash__(self):
        return hash(self._bytes)


class JobExecutionResult:
    """What execute() gives when the job has finished."""

    def __init__(self, job_id: JobID, net_runtime_ms: int):
        self._job_id = job_id
        self._net_runtime_ms = net_runtime_ms

    def get_job_id(self) -> JobID:
        return self._job_id

    def is_job_execution_result(self) -> bool:
        return True

    def get_net_runtime(self) -> int:
        return self._net_runtime_ms

    def get_accumulator_result(self, accumulator_name: str):
        """None: Python functions have no accumulators, in PyFlink neither."""
        return None

    def get_all_accumulator_results(self) -> dict:
        return {}

    def __str__(self):
        return (f"Program execution finished\nJob with JobID {self._job_id} has finished.\n"
                f"Job Runtime: {self._net_runtime_ms} ms\n")
