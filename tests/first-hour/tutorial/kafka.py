# `add_sink(kafka_producer)` and `add_source()` of the tutorial's tables.
from pyflink.common import SimpleStringSchema, Types, WatermarkStrategy
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.datastream.connectors.kafka import FlinkKafkaProducer, KafkaOffsetsInitializer, KafkaSource

env = StreamExecutionEnvironment.get_execution_environment()
env.set_parallelism(1)

kafka_producer = FlinkKafkaProducer("words", SimpleStringSchema(), {"bootstrap.servers": "localhost:9092"})
words = env.from_collection(["apple", "banana", "사과"], Types.STRING())
words.add_sink(kafka_producer)
env.execute("Write to Kafka")

kafka_source = (
    KafkaSource.builder().set_bootstrap_servers("localhost:9092").set_topics("words").set_group_id("students")
    .set_starting_offsets(KafkaOffsetsInitializer.earliest()).set_bounded(KafkaOffsetsInitializer.latest())
    .set_value_only_deserializer(SimpleStringSchema()).build()
)
env.from_source(kafka_source, WatermarkStrategy.no_watermarks(), "Kafka").map(lambda word: word.upper()).print()
env.execute("Read from Kafka")
