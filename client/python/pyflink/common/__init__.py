# SPDX-License-Identifier: Apache-2.0
from pyflink.common.configuration import Configuration
from pyflink.common.exceptions import JobExecutionException
from pyflink.common.job_execution_result import JobExecutionResult, JobID
from pyflink.common.typeinfo import TypeInformation, Types
from pyflink.common.types import Row, RowKind

__all__ = ["Configuration", "JobExecutionException", "JobExecutionResult", "JobID", "Row", "RowKind",
           "TypeInformation", "Types"]
