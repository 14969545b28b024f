from pyflink.datastream import StreamExecutionEnvironment
from pyflink.common import Configuration

env = StreamExecutionEnvironment.get_execution_environment()

#클러스터 주소와 포트 지정 (JobManager REST 포트: 8081)
config = Configuration()
config.set_string("execution.target", "remote")
config.set_string("rest.address", "localhost")  # JobManager 주소
config.set_integer("rest.port", 8081)           # JobManager REST 포트

env = StreamExecutionEnvironment.get_execution_environment (config)
env.set_parallelism(1)

data = env.from_collection ([("apple", 1), ("banana", 1), ("apple", 1)])
data.print()

env.execute("Submit PyFlink Job to Existing Cluster")
