# SPDX-License-Identifier: Apache-2.0
"""StreamExecutionEnvironment: sources, settings of the job, and execute()."""
import os
import sys
import threading
from typing import Any, List

from pyflink import _absent, _engine
from pyflink.common.configuration import Configuration
from pyflink.common.exceptions import EngineError, job_failed
from pyflink.common import uncaught
from pyflink.common.job_execution_result import JobExecutionResult, JobID
from pyflink.common.restart_strategy import RestartStrategyConfiguration
from pyflink.common.typeinfo import TypeInformation, Types, type_of
from pyflink.common.watermark_strategy import WatermarkStrategy
from pyflink.datastream import python_files, unexecuted
from pyflink.datastream.connectors.base import Source
from pyflink.datastream.data_stream import DataStream, local_path
from pyflink.datastream.functions import SourceFunction
from pyflink.datastream.graph import Node, Output
from pyflink.datastream.runtime_execution_mode import RuntimeExecutionMode

DEFAULT_JOB_NAME = "Flink Streaming Job"
_PARALLELISM_MAX = 32768
_COLLECTION_BYTES_MAX = 48 << 20  # a job with all around it is at most 64 MB (common/base/limits.h)
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Settings that say where a job runs travel with no job.
_ABOUT_THE_CLIENT = ("rest.", "jobmanager.rpc.", "execution.target", "execution.attached")
_one_at_a_time = threading.Lock()  # the engine follows one job per process
uncaught.install()


class StreamExecutionEnvironment(_absent.Absences):
    def __init__(self, configuration: Configuration = None):
        self._configuration = Configuration()
        self._by_command = "FLINK_CLIENT_SETTINGS" in os.environ  # the script was given to `flink run -py`
        for line in os.environ.get("FLINK_CLIENT_SETTINGS", "").splitlines():
            key, _, value = line.partition("=")
            self._configuration.set_string(key, value)
        if configuration is not None:
            self._configuration.add_all(configuration)
        self._nodes: List[Node] = []
        self._looked_at = False  # its plan was asked for
        given = self._configuration.get_integer("parallelism.default", 0)
        self._parallelism = given or (1 if self._is_remote() else len(os.sched_getaffinity(0)))

    @staticmethod
    def get_execution_environment(configuration: Configuration = None) -> "StreamExecutionEnvironment":
        environment = StreamExecutionEnvironment(configuration)
        unexecuted.watch(environment)
        return environment

    # ---- settings ------------------------------------------------------------------------------------

    def set_parallelism(self, parallelism: int) -> "StreamExecutionEnvironment":
        if not isinstance(parallelism, int) or not 1 <= parallelism <= _PARALLELISM_MAX:
            raise ValueError(f"a parallelism of {parallelism!r} was set; allowed is 1 to {_PARALLELISM_MAX}")
        self._parallelism = parallelism
        return self

    def get_parallelism(self) -> int:
        return self._parallelism

    def configure(self, configuration: Configuration):
        self._configuration.add_all(configuration)
        self._parallelism = self._configuration.get_integer("parallelism.default", self._parallelism)

    def disable_operator_chaining(self) -> "StreamExecutionEnvironment":
        self._configuration.set_boolean("pipeline.operator-chaining.enabled", False)
        return self

    def is_chaining_enabled(self) -> bool:
        return self._configuration.get_boolean("pipeline.operator-chaining.enabled", True)

    def set_buffer_timeout(self, timeout_millis: int) -> "StreamExecutionEnvironment":
        self._configuration.set_string("execution.buffer-timeout", f"{timeout_millis} ms")
        return self

    def set_runtime_mode(self, execution_mode: RuntimeExecutionMode) -> "StreamExecutionEnvironment":
        if not isinstance(execution_mode, RuntimeExecutionMode):
            raise TypeError(f"a RuntimeExecutionMode is needed, not {execution_mode!r}")
        if execution_mode is not RuntimeExecutionMode.STREAMING:
            raise NotImplementedError(f"{execution_mode} is not in this version of cflink: leave set_runtime_mode out; in "
                                      f"STREAMING mode reduce() gives each running value, of which the last is BATCH's")
        return self

    def set_restart_strategy(self, restart_strategy: RestartStrategyConfiguration) -> "StreamExecutionEnvironment":
        if not isinstance(restart_strategy, RestartStrategyConfiguration):
            raise TypeError(f"a strategy of RestartStrategies is needed, not {restart_strategy!r}")
        for key, value in restart_strategy._settings:
            self._configuration.set_string(key, value)
        return self

    def set_python_executable(self, python_exec: str):
        self._configuration.set_string("python.executable", python_exec)

    def add_python_file(self, file_path: str):
        """A module, a package's folder, a folder of modules or a zip archive: functions can import it, wherever
        they run."""
        path, = python_files.listed(file_path)
        known = self._configuration.get_string("python.files", None)
        self._configuration.set_string("python.files", f"{path},{known}" if known else path)

    def close(self):
        """Nothing is held between jobs."""

    # ---- sources -------------------------------------------------------------------------------------

    def from_collection(self, collection: List[Any], type_info: TypeInformation = None) -> DataStream:
        output = Output(type_of(type_info))
        record, shape = output.record(), output.value_type.shape()
        images = []
        try:
            _engine.encode(record, shape, map(output.value_type.convert, collection), images)
        except Exception as error:
            error.args = (f"element {len(images)} of from_collection: {error}",)
            raise
        size = sum(map(len, images))
        if size > _COLLECTION_BYTES_MAX:
            raise ValueError(f"the {len(images)} elements of from_collection are {size} bytes; at most "
                             f"{_COLLECTION_BYTES_MAX} travel in a job: write them to a file and use read_text_file")
        return self._add_source("Collection Source", "elements", output, elements=images, non_parallel=True)

    def read_text_file(self, file_path: str, charset_name: str = "UTF-8") -> DataStream:
        if charset_name.upper().replace("-", "") != "UTF8":
            raise ValueError(f"text files are read as UTF-8; {charset_name} is not known")
        return self._add_source("Custom File Source", "file", Output(Types.STRING()),
                                [("path", local_path(file_path))])

    def socket_text_stream(self, hostname: str, port: int) -> DataStream:
        """Lines from a TCP server, until it closes. Not part of Flink 1.19's Python API."""
        if not isinstance(port, int) or not 0 < port < 65536:
            raise ValueError(f"port {port!r} is not one of 1 to 65535")
        return self._add_source("Socket Stream", "socket", Output(Types.STRING()),
                                [("host", hostname), ("port", str(port))], non_parallel=True)

    def add_source(self, source_func: SourceFunction, source_name: str = "Custom Source",
                   type_info: TypeInformation = None) -> DataStream:
        if not isinstance(source_func, SourceFunction):
            raise TypeError(f"add_source takes a source such as FlinkKafkaConsumer, not {source_func!r}")
        return self._read(source_func, source_name, type_info)

    def from_source(self, source: Source, watermark_strategy: WatermarkStrategy, source_name: str,
                    type_info: TypeInformation = None) -> DataStream:
        if not isinstance(source, Source):
            raise TypeError(f"from_source takes a source such as KafkaSource, not {source!r}")
        if not isinstance(watermark_strategy, WatermarkStrategy):
            raise TypeError(f"from_source takes a WatermarkStrategy, not {watermark_strategy!r}")
        return self._read(source, source_name, type_info)

    def _read(self, source, name, type_info):
        produced = source._schema.get_produced_type()
        if type_info is not None and type_of(type_info) != produced:
            raise TypeError(f"{name} gives values of type {produced!r}, not {type_info!r}: leave type_info out, or map()")
        texts = self._add_source(name, source._factory, Output(Types.STRING()), source._options)
        values_of = source._schema._values_of()
        return texts.flat_map(values_of, produced) if values_of else texts

    def _add_source(self, name, factory, output, options=(), elements=(), non_parallel=False):
        return DataStream(self, Node(self, name, "source", factory, output=output, options=options,
                                     elements=elements, non_parallel=non_parallel))

    def add_jars(self, *jars_path: str):
        """Accepted for scripts that name Flink's connectors, which are here already."""

    def add_classpaths(self, *classpaths: str):
        """As add_jars."""

    # ---- running -------------------------------------------------------------------------------------

    def get_execution_plan(self) -> str:
        self._check_operators()
        self._looked_at = True
        return _engine.plan(self._job(self._job_name(None)))

    def execute(self, job_name: str = None) -> JobExecutionResult:
        self._check_operators()
        job = self._job(self._job_name(job_name))
        self._add_files(job)
        self._nodes = []
        for stream in (sys.stdout, sys.stderr):
            stream.flush()  # what the script has printed comes before what the job prints
        attached = self._configuration.get_boolean("execution.attached", True)
        with _one_at_a_time:
            try:
                runtime_ms = _engine.execute(job, job["settings"], *self._cluster(), _PACKAGE,
                                             self._by_command, attached)
            except EngineError as error:
                raise job_failed(error, _engine.take_exception())
        result = JobExecutionResult(JobID(job["id"]), runtime_ms)
        if self._by_command and attached:
            print(result, flush=True)
        return result

    def _check_operators(self):
        if not self._nodes:
            raise RuntimeError("No operators defined in streaming topology. Cannot execute.")

    def _job_name(self, given):
        return given or self._configuration.get_string("pipeline.name", DEFAULT_JOB_NAME)

    def _job(self, name):
        settings = sorted(self._configuration.to_dict().items())
        return {"id": os.urandom(16), "name": name, "parallelism": self._parallelism,
                "last_id": max(node.id for node in self._nodes), "chaining": self.is_chaining_enabled(),
                "settings": [pair for pair in settings if not pair[0].startswith(_ABOUT_THE_CLIENT)],
                "nodes": [node.describe() for node in self._nodes]}

    def _add_files(self, job):
        """What functions import goes with each of them; in this process it only has to be on the path."""
        files = python_files.listed(self._configuration.get_string("python.files", None))
        if not self._is_remote():
            sys.path[:0] = [path for path in map(python_files.on_path, files) if path not in sys.path]
        packed = python_files.archive(files)
        for node in job["nodes"]:
            if packed and node["factory"] == "python":
                node["elements"] = [packed]

    def _python_executable(self):
        """Of processes for functions; on a cluster its TaskManagers choose, unless the script does."""
        return self._configuration.get_string("python.executable", None if self._is_remote() else sys.executable)

    def _is_remote(self):
        target = self._configuration.get_string("execution.target", "local")
        if target not in ("local", "remote"):
            raise ValueError(f'execution.target is "{target}", which is neither local nor remote')
        return target == "remote"

    def _cluster(self):
        """(host, port) of a cluster's REST API; (None, 0) for one inside this process."""
        if not self._is_remote():
            return None, 0
        host = self._configuration.get_string(
            "rest.address", self._configuration.get_string("jobmanager.rpc.address", "localhost"))
        return host, self._configuration.get_integer("rest.port", 8081)
