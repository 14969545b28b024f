# The functions that the tutorial's tables name (Source, Transformation, Sink), as one script.
from pyflink.common.typeinfo import Types
from pyflink.datastream import StreamExecutionEnvironment

env = StreamExecutionEnvironment.get_execution_environment()
env.set_parallelism(1)

lines = env.read_text_file("input.txt")
words = lines.flat_map(lambda line: line.split(), Types.STRING()).filter(lambda word: word != "or")
counts = (
    words.map(lambda word: (word, 1), Types.TUPLE([Types.STRING(), Types.INT()]))
    .key_by(lambda count: count[0])
    .reduce(lambda one, other: (one[0], one[1] + other[1]))
)
counts.write_as_text("output.txt")

env.execute("Tables")
