#!/usr/bin/env bash
# Python's Kafka classes against bin/kafka-dev: from a script of its own and on a cluster.
source "$(dirname "$0")/cases.sh"

[[ -e $source_home/opt/python/pyflink/_engine.abi3.so && -e $source_home/opt/python/pyflink/lib/flink-kafka.so ]] || {
	echo "ok 1 - python_kafka # SKIP the engine for Python or Kafka's library is not built here"
	exit 0
}
export PYTHONPATH=$source_home/opt/python PYTHONDONTWRITEBYTECODE=1
python=$(command -v python3)

start_kafka() { # start_kafka TOPIC…
	local topics=() topic
	for topic in "$@"; do topics+=(--topic "$topic"); done
	background "$source_home/bin/kafka-dev" --port 0 "${topics[@]}" >kafka.txt 2>&1
	until_true 20 file_has kafka.txt "bootstrap.servers=localhost:[1-9]"
	SERVERS=$(sed -n 's/.*bootstrap.servers=//p' kafka.txt)
	export SERVERS
}

header() {
	cat <<'PY'
import os
from pyflink.common import Configuration, Row, SimpleStringSchema, Types, WatermarkStrategy
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.datastream.connectors.kafka import *
from pyflink.datastream.formats.json import JsonRowDeserializationSchema, JsonRowSerializationSchema
servers = os.environ["SERVERS"]
config = Configuration()
if "REST_PORT" in os.environ:
    config.set_string("execution.target", "remote").set_integer("rest.port", int(os.environ["REST_PORT"]))
env = StreamExecutionEnvironment.get_execution_environment(config)
env.set_parallelism(1)
def read(topic, schema):
    source = KafkaSource.builder().set_bootstrap_servers(servers).set_topics(topic).set_group_id("g").set_starting_offsets(
        KafkaOffsetsInitializer.earliest()).set_bounded(KafkaOffsetsInitializer.latest()).set_value_only_deserializer(
        schema).build()
    return env.from_source(source, WatermarkStrategy.no_watermarks(), "Kafka " + topic)
PY
}

text_job() {
	header >job.py
	cat >>job.py <<'PY'
env.add_jars("file:///opt/flink-connector-kafka.jar")
lines = env.from_collection(["to be", "or not", "\u00e9t\u00e9"], Types.STRING())
lines.add_sink(FlinkKafkaProducer("words", SimpleStringSchema(),
                                  {"bootstrap.servers": servers, "value.serializer": "org.apache.kafka.X"}))
env.execute("write")
sink = KafkaSink.builder().set_bootstrap_servers(servers).set_record_serializer(
    KafkaRecordSerializationSchema.builder().set_topic("upper").set_value_serialization_schema(
        SimpleStringSchema()).build()).build()
read("words", SimpleStringSchema()).map(lambda line: line.upper()).sink_to(sink)
env.execute("copy")
read("upper", SimpleStringSchema()).print()
env.execute("read")
PY
}

test_text_through_both_kinds_of_classes() {
	start_kafka words:1 upper:1
	text_job
	same $'TO BE\nOR NOT\nÉTÉ' "$("$python" job.py 2>&1)"
}

test_text_on_a_cluster() {
	make_home "$scratch/flink home"
	cd "$home_dir"
	./bin/start-cluster.sh >start.txt 2>&1 || fail "$(cat start.txt)"
	until_true 20 overview_is slots-available 1
	start_kafka words:1 upper:1
	text_job
	same $'TO BE\nOR NOT\nÉTÉ' "$(REST_PORT=$rest_port "$python" job.py 2>&1)"
}

test_rows_as_json() {
	start_kafka rows:1 odd:1
	header >job.py
	cat >>job.py <<'PY'
row = Types.ROW_NAMED(["id", "name", "in"], [Types.INT(), Types.STRING(), Types.ROW_NAMED(["x"], [Types.DOUBLE()])])
write = JsonRowSerializationSchema.builder().with_type_info(row).build()
env.from_collection([Row(1, "hi \"you\"", Row(1.5)), (2, None, None)], row).add_sink(
    FlinkKafkaProducer("rows", write, {"bootstrap.servers": servers}))
env.execute("write")
read("rows", SimpleStringSchema()).print()
env.execute("as text")
schema = JsonRowDeserializationSchema.builder().type_info(row).build()
stream = read("rows", schema)
assert stream.get_type() == row
stream.map(lambda r: (r.id, r.name, r["in"] and r["in"].x)).print()
env.execute("as rows")
env.from_collection(['{"id": 7}', "no json", '{"id": "x"}', '{"id": "8", "more": 1}'], Types.STRING()).add_sink(
    FlinkKafkaProducer("odd", SimpleStringSchema(), {"bootstrap.servers": servers}))
env.execute("write")
read("odd", JsonRowDeserializationSchema.builder().type_info(row).ignore_parse_errors().build()).print()
env.execute("leniently")
read("odd", schema).print()
env.execute("strictly")
PY
	! "$python" job.py >out.txt 2>err.txt || fail "it succeeded"
	same '{"id":1,"name":"hi \"you\"","in":{"x":1.5}}
{"id":2,"name":null,"in":null}
(1, '"'"'hi "you"'"'"', 1.5)
(2, None, None)
+I[7,None,None]
+I[8,None,None]' "$(head -n 6 out.txt)"
	contains "$(cat err.txt)" "Failed to deserialize JSON 'no json'"
	contains "$(tail -n 1 err.txt)" "on the value 'no json'"
	(($(wc -l <err.txt) <= 15)) || fail "$(cat err.txt)"
}

test_the_older_consumer_reads_without_end() {
	start_kafka words:1
	header >job.py
	cat >>job.py <<'PY'
env.from_collection(["a", "b"], Types.STRING()).add_sink(
    FlinkKafkaProducer("words", SimpleStringSchema(), {"bootstrap.servers": servers}))
env.execute("write")
consumer = FlinkKafkaConsumer("words", SimpleStringSchema(), {"bootstrap.servers": servers, "group.id": "mine",
                                                              "auto.offset.reset": "earliest"})
class Stop(Exception):
    pass
def show(line):
    print("seen", line, flush=True)
    if line == "b":
        raise Stop
env.add_source(consumer).map(show)
try:
    env.execute("read")
except Exception as error:
    print(type(error.__cause__).__name__)
PY
	same $'seen a\nseen b\nStop' "$("$python" job.py 2>&1)"
}

test_what_is_wrong_is_told() {
	start_kafka words:1
	header >job.py
	cat >>job.py <<'PY'
def tell(call):
    try:
        call()
    except Exception as error:
        print(str(error).splitlines()[0])
good = {"bootstrap.servers": servers}
tell(lambda: FlinkKafkaConsumer(["a", "b"], SimpleStringSchema(), good))
tell(lambda: FlinkKafkaConsumer("a", SimpleStringSchema(), {}))
tell(lambda: FlinkKafkaProducer("a", SimpleStringSchema(), good, semantic=Semantic.EXACTLY_ONCE))
tell(lambda: StreamExecutionEnvironment(config).from_collection([1], Types.INT()).add_sink(FlinkKafkaProducer("a", SimpleStringSchema(), good)))
tell(lambda: StreamExecutionEnvironment(config).add_source("topic"))
env = StreamExecutionEnvironment.get_execution_environment()
env.from_collection(["x"], Types.STRING()).add_sink(
    FlinkKafkaProducer("words", SimpleStringSchema(), dict(good, **{"no.such.thing": 1})))
tell(env.execute)
env.add_source(FlinkKafkaConsumer("words", SimpleStringSchema(), {"bootstrap.servers": "localhost:1"})).print()
tell(env.execute)
PY
	"$python" job.py >out.txt 2>&1 || fail "$(cat out.txt)"
	same 7 "$(wc -l <out.txt)"
	contains "$(sed -n 1p out.txt)" "reads one topic"
	contains "$(sed -n 2p out.txt)" "bootstrap.servers is not set"
	contains "$(sed -n 3p out.txt)" "Semantic.AT_LEAST_ONCE"
	contains "$(sed -n 4p out.txt)" "map(str, Types.STRING())"
	contains "$(sed -n 5p out.txt)" "FlinkKafkaConsumer"
	contains "$(sed -n 6p out.txt)" 'option "no.such.thing" of Kafka: No such configuration property'
	contains "$(sed -n 7p out.txt)" "localhost:1"
}

run_tests
