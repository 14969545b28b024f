/* SPDX-License-Identifier: Apache-2.0
 * conf_table.h - every setting, one row each; the sample file, docs/settings.md and --help are made
 * from it. Nothing repeats a default by hand.
 *
 * Included once, by conf_table.c, which gives the macros their meaning:
 *   CONF_SECTION(title)
 *   CONF_KEY(key, type, default, allowed, simulator's range, effect, older or newer names, help)
 * allowed: ANY, RANGE(min, max), ONE_OF("a|b=alias|c"). Amounts are milliseconds for DURATION and
 * bytes for MEMORY. A default "=key" is that key's value. effect: WORKS; LATER (known, but nothing
 * here obeys it yet: setting it warns); SILENT (it has no meaning here, accepted without a word).
 * scripts/tidy checks that each WORKS key is read somewhere. A key with '*' is a family: one '*' is
 * one word, a last '*' is all the rest. */
#ifndef CONF_KEY
#define CONF_KEY(key, type, value, allowed, sim, effect, old, help)
#define CONF_SECTION(title)
#endif

CONF_SECTION("Common")

CONF_KEY("jobmanager.rpc.address", HOST, "localhost", ANY, FIXED, WORKS, "",
	 "host on which the JobManager runs; TaskManagers and the command line look for it there")
CONF_KEY("jobmanager.rpc.port", PORT, "6123", ANY, FIXED, WORKS, "",
	 "port on which the JobManager answers TaskManagers and the command line")
CONF_KEY("jobmanager.bind-host", HOST, "localhost", ANY, FIXED, WORKS, "",
	 "address on which the JobManager listens; 0.0.0.0 for every one. Flink's is 0.0.0.0 "
	 "when unset; here nothing leaves the machine unless asked")
CONF_KEY("jobmanager.rpc.bind-port", PORT, "=jobmanager.rpc.port", ANY, FIXED, WORKS, "",
	 "port to listen on, where it differs from the one that others connect to")
CONF_KEY("taskmanager.host", HOST, "", ANY, FIXED, WORKS, "taskmanager.hostname",
	 "host name under which others reach this TaskManager; unset: taskmanager.bind-host, or "
	 "the machine's name where that is 0.0.0.0")
CONF_KEY("taskmanager.bind-host", HOST, "localhost", ANY, FIXED, WORKS, "",
	 "address on which the TaskManager listens; 0.0.0.0 for every one")
CONF_KEY("taskmanager.rpc.port", PORTS, "0", ANY, FIXED, SILENT, "",
	 "port, list or range of ports for calls to the TaskManager; they come over its own "
	 "connection to the JobManager here")
CONF_KEY("taskmanager.data.port", PORT, "0", ANY, FIXED, WORKS, "",
	 "port for data between TaskManagers; 0: any free one")
CONF_KEY("taskmanager.collect-sink.port", PORT, "0", ANY, FIXED, SILENT, "",
	 "port of collect sinks; they share the other connections here")
CONF_KEY("taskmanager.network.bind-policy", ENUM, "ip", ONE_OF("ip|name"), FIXED, LATER, "",
	 "whether a TaskManager without taskmanager.host is known by address or by name")
CONF_KEY("taskmanager.numberOfTaskSlots", INT, "1", RANGE(1, 128), DRAW(1, 4), WORKS, "",
	 "slots of a TaskManager: how many parallel slices of jobs it runs; a good value is its "
	 "number of cores")
CONF_KEY("taskmanager.resource-id", TEXT, "", ANY, FIXED, WORKS, "",
	 "name of the TaskManager in the dashboard; unset: host, port and six random letters")
CONF_KEY("parallelism.default", INT, "1", RANGE(1, 32768), DRAW(1, 4), WORKS, "",
	 "parallelism of a job that says nothing else")
CONF_KEY("pipeline.processing-time.fire-at-end", BOOL, "true", ANY, DRAW(0, 1), WORKS, "",
	 "when the input of a job ends, processing-time windows and timers that are pending fire "
	 "at once; false drops them, as Flink does")
CONF_KEY("io.tmp.dirs", LIST, "/tmp", ANY, FIXED, WORKS, "taskmanager.tmp.dirs",
	 "folders for temporary files, separated by ',', '|' or ':'")
CONF_KEY("process.working-dir", PATH, "=io.tmp.dirs", ANY, FIXED, LATER, "",
	 "folder for files that a restarted daemon may find again")
CONF_KEY("process.jobmanager.working-dir", PATH, "=process.working-dir", ANY, FIXED, LATER, "",
	 "the same for the JobManager alone")
CONF_KEY("process.taskmanager.working-dir", PATH, "=process.working-dir", ANY, FIXED, LATER, "",
	 "the same for TaskManagers alone")
CONF_KEY("fs.default-scheme", TEXT, "", ANY, FIXED, LATER, "",
	 "file system of paths without a scheme; unset: files of the machine")

CONF_SECTION("Web page and REST")

CONF_KEY("rest.address", HOST, "=jobmanager.rpc.address", ANY, FIXED, WORKS,
	 "jobmanager.web.address",
	 "host at which clients find the web page and the REST interface")
CONF_KEY("rest.port", PORT, "8081", ANY, FIXED, WORKS, "",
	 "port at which clients find them; also the port to listen on when rest.bind-port is "
	 "unset. conf/masters may give it too (localhost:8081)")
CONF_KEY("rest.bind-address", HOST, "localhost", ANY, FIXED, WORKS, "",
	 "address to listen on; 0.0.0.0 for every one")
CONF_KEY("rest.bind-port", PORTS, "=rest.port", ANY, FIXED, WORKS, "web.port jobmanager.web.port",
	 "port to listen on, or a list (50100,50101) or range (50100-50200) from which the first "
	 "free one is taken")
CONF_KEY("rest.auth", ENUM, "auto", ONE_OF("auto|token|none"), FIXED, WORKS, "",
	 "who may use the REST interface, which runs programs for whoever asks. auto: everybody "
	 "where rest.bind-address is of this machine alone, elsewhere those with a token; token: "
	 "those with a token; none: everybody who reaches rest.bind-address")
CONF_KEY("rest.auth.token-file", PATH, "", ANY, FIXED, WORKS, "",
	 "file with the token, of mode 0600; made at the first start when it is missing. Unset: "
	 "rest-token in the settings' folder. Clients read it too, or the variable FLINK_REST_TOKEN")
CONF_KEY("rest.path", TEXT, "", ANY, FIXED, LATER, "",
	 "path in front of every REST path, for clients behind a proxy")
CONF_KEY("rest.url-prefix", TEXT, "/", ANY, FIXED, LATER, "",
	 "path in front of every REST path, on the server")
CONF_KEY("rest.connection-timeout", DURATION, "15000", RANGE(1, INT32_MAX), FIXED, LATER, "",
	 "how long a client tries to connect")
CONF_KEY("rest.idleness-timeout", DURATION, "300000", RANGE(1, INT32_MAX), FIXED, WORKS, "",
	 "how long a connection may be silent")
CONF_KEY("rest.await-leader-timeout", DURATION, "30000", RANGE(0, INT32_MAX), FIXED, SILENT, "",
	 "how long a client waits for a leader")
CONF_KEY("rest.retry.max-attempts", INT, "20", RANGE(0, 1000000), FIXED, SILENT, "",
	 "attempts of a client; a cluster that does not answer is named within 2 s here")
CONF_KEY("rest.retry.delay", DURATION, "3000", RANGE(0, INT32_MAX), FIXED, SILENT, "",
	 "pause between them")
CONF_KEY("rest.server.max-content-length", INT, "104857600", RANGE(1024, 1073741824), FIXED, WORKS,
	 "",
	 "largest request in bytes; bounds the upload of a program")
CONF_KEY("rest.client.max-content-length", INT, "104857600", RANGE(1024, 1073741824), FIXED, LATER,
	 "",
	 "largest answer that a client takes, in bytes")
CONF_KEY("rest.server.numThreads", INT, "4", RANGE(1, 64), FIXED, WORKS, "",
	 "threads that serve the REST interface")
CONF_KEY("rest.async.store-duration", DURATION, "5 min", RANGE(0, INT32_MAX), FIXED, WORKS, "",
	 "how long the result of a finished trigger can be asked for")
CONF_KEY("rest.flamegraph.enabled", BOOL, "true", ANY, FIXED, WORKS, "",
	 "flame graphs, in REST and on the web page. Flink's is off when unset; here they cost "
	 "nothing until somebody looks")
CONF_KEY("rest.flamegraph.num-samples", INT, "100", RANGE(1, 30000), FIXED, WORKS, "",
	 "samples of a subtask for one flame graph; together they take 30 seconds at most")
CONF_KEY("rest.flamegraph.delay-between-samples", DURATION, "50", RANGE(1, 30000), DRAW(1, 50),
	 WORKS, "",
	 "pause between two samples; of processor time where the subtask computes")
CONF_KEY("rest.flamegraph.refresh-interval", DURATION, "60000", RANGE(0, INT32_MAX), FIXED, WORKS,
	 "",
	 "how old a flame graph may be when it is looked at, before new samples are taken")
CONF_KEY("rest.flamegraph.cleanup-interval", DURATION, "600000", RANGE(0, INT32_MAX), FIXED, WORKS,
	 "",
	 "how long one is kept that nobody looks at")
CONF_KEY("rest.flamegraph.stack-depth", INT, "100", RANGE(1, 128), FIXED, WORKS, "",
	 "functions of a stack that are kept, from the innermost one out")
CONF_KEY("rest.series.memory", MEMORY, "64 mb", RANGE(0, INT64_MAX), DRAW(0, 4194304), WORKS, "",
	 "memory of the JobManager for numbers over time: a second each for an hour, ten seconds each "
	 "for a day. When it is used up, those of single subtasks of wide jobs go first, then the "
	 "oldest; 0 keeps none")
CONF_KEY("rest.profiling.enabled", BOOL, "false", ANY, FIXED, LATER, "",
	 "profiles on the web page")
CONF_KEY("rest.profiling.*", TEXT, "", ANY, FIXED, LATER, "", "details of profiles")
CONF_KEY("web.submit.enable", BOOL, "true", ANY, FIXED, WORKS, "jobmanager.web.submit.enable",
	 "whether programs may be uploaded and run through REST and the web page")
CONF_KEY("web.submit.processes", INT, "4", RANGE(1, 64), FIXED, WORKS, "",
	 "uploaded programs that run at once until they have handed over their jobs; others wait")
CONF_KEY("web.submit.memory", MEMORY, "4 gb", RANGE(0, INT64_MAX), FIXED, WORKS, "",
	 "address space of such a program; 0: no limit")
CONF_KEY("web.submit.cpu-time", DURATION, "2 min", RANGE(0, INT32_MAX), FIXED, WORKS, "",
	 "CPU time of such a program; 0: no limit")
CONF_KEY("web.cancel.enable", BOOL, "true", ANY, FIXED, WORKS, "",
	 "whether jobs may be cancelled through REST and the web page")
CONF_KEY("web.rescale.enable", BOOL, "true", ANY, FIXED, LATER, "",
	 "whether jobs may be rescaled from the web page")
CONF_KEY("web.upload.dir", PATH, "", ANY, FIXED, WORKS, "jobmanager.web.upload.dir",
	 "programs uploaded over REST lie in flink-web-upload of this folder; unset: in upload beside bin")
CONF_KEY("web.tmpdir", PATH, "=io.tmp.dirs", ANY, FIXED, WORKS, "jobmanager.web.tmpdir",
	 "folder for temporary files of the web page")
CONF_KEY("web.refresh-interval", DURATION, "3000", RANGE(100, INT32_MAX), FIXED, WORKS,
	 "jobmanager.web.refresh-interval",
	 "pause between two updates of the web page")
CONF_KEY("web.timeout", DURATION, "600000", RANGE(1, INT32_MAX), FIXED, WORKS, "",
	 "how long an uploaded program may take until it has handed over its job")
CONF_KEY("web.history", INT, "5", RANGE(0, 100000), FIXED, WORKS, "jobmanager.web.history",
	 "ended jobs that the web page lists")
CONF_KEY("web.checkpoints.history", INT, "10", RANGE(0, 100000), FIXED, LATER,
	 "jobmanager.web.checkpoints.history",
	 "checkpoints that the web page lists")
CONF_KEY("web.exception-history-size", INT, "16", RANGE(0, 100000), FIXED, WORKS,
	 "jobmanager.web.exception-history-size",
	 "failures of a job that are kept")
CONF_KEY("web.access-control-allow-origin", TEXT, "", ANY, FIXED, WORKS,
	 "jobmanager.web.access-control-allow-origin",
	 "pages of which other site may call the REST interface; Flink's is * (any), here none "
	 "unless set")
CONF_KEY("web.log.path", PATH, "", ANY, FIXED, LATER, "jobmanager.web.log.path",
	 "log file that the web page shows, if not the usual one")
CONF_KEY("taskmanager.log.path", PATH, "", ANY, FIXED, LATER, "", "the same of a TaskManager")

CONF_SECTION("Logs and start scripts")

CONF_KEY("env.log.dir", PATH, "", ANY, FIXED, WORKS, "",
	 "folder of logs and .out files; unset: log beside bin. The variable FLINK_LOG_DIR wins")
CONF_KEY("env.log.max", INT, "10", RANGE(0, 1000), FIXED, WORKS, "",
	 "older log files that are kept. The variable MAX_LOG_FILE_NUMBER wins")
CONF_KEY("env.log.level", ENUM, "INFO", ONE_OF("TRACE|DEBUG|INFO|WARN=WARNING|ERROR"), FIXED,
	 WORKS, "",
	 "least level that is logged. The variable ROOT_LOG_LEVEL wins")
CONF_KEY("env.pid.dir", PATH, "/tmp", ANY, FIXED, WORKS, "",
	 "folder of the files in which the scripts remember what runs. The variable "
	 "FLINK_PID_DIR wins")
CONF_KEY("env.stdout-err.redirect-to-file", BOOL, "false", ANY, FIXED, LATER, "",
	 "in the foreground, whether printed lines go to .out and .err files")
CONF_KEY("env.ssh.opts", TEXT, "", ANY, FIXED, LATER, "",
	 "options of ssh, for hosts in conf/workers")
CONF_KEY("env.java.*", TEXT, "", ANY, FIXED, SILENT, "",
	 "options of the Java machine; there is none here")
CONF_KEY("env.hadoop.conf.dir", PATH, "", ANY, FIXED, SILENT, "", "Hadoop's configuration")
CONF_KEY("env.yarn.conf.dir", PATH, "", ANY, FIXED, SILENT, "", "YARN's configuration")
CONF_KEY("env.hbase.conf.dir", PATH, "", ANY, FIXED, SILENT, "", "HBase's configuration")

CONF_SECTION("Security")

CONF_KEY("security.cluster.secret-file", PATH, "", ANY, FIXED, WORKS, "",
	 "file with the secret that JobManager, TaskManagers and clients prove to know to each "
	 "other; needed as soon as one of them listens beyond this machine. The variable "
	 "FLINK_CLUSTER_SECRET gives the secret itself")
CONF_KEY("security.ssl.internal.enabled", BOOL, "false", ANY, FIXED, LATER, "security.ssl.enabled",
	 "TLS inside the cluster")
CONF_KEY("security.ssl.rest.enabled", BOOL, "false", ANY, FIXED, LATER, "",
	 "TLS for REST and the web page")
CONF_KEY("security.ssl.rest.authentication-enabled", BOOL, "false", ANY, FIXED, LATER, "",
	 "whether REST clients need a certificate")
CONF_KEY("security.ssl.verify-hostname", BOOL, "true", ANY, FIXED, LATER, "",
	 "whether a certificate must carry the host's name")
CONF_KEY("security.ssl.protocol", TEXT, "TLSv1.2", ANY, FIXED, LATER, "", "version of TLS")
CONF_KEY("security.ssl.algorithms", TEXT, "TLS_RSA_WITH_AES_128_CBC_SHA", ANY, FIXED, LATER, "",
	 "ciphers of TLS")
CONF_KEY("security.ssl.*", TEXT, "", ANY, FIXED, LATER, "", "key and trust stores of TLS")
CONF_KEY("security.kerberos.*", TEXT, "", ANY, FIXED, SILENT, "", "Kerberos")
CONF_KEY("security.*", TEXT, "", ANY, FIXED, SILENT, "", "other security modules of Flink")
CONF_KEY("zookeeper.*", TEXT, "", ANY, FIXED, SILENT, "", "authentication at ZooKeeper")

CONF_SECTION("Memory and network")

CONF_KEY("taskmanager.memory.process.size", MEMORY, "", RANGE(1048576, INT64_MAX), FIXED, WORKS,
	 "",
	 "memory of a TaskManager process, which the shares below divide; unset: all that the "
	 "machine or the container has. It is taken only as buffers and state need it")
CONF_KEY("taskmanager.memory.flink.size", MEMORY, "", RANGE(1048576, INT64_MAX), FIXED, WORKS, "",
	 "the same without metaspace and overhead; sets the parts whatever the process has")
CONF_KEY("taskmanager.memory.segment-size", MEMORY, "32 kb", RANGE(2048, 32768), DRAW(2048, 32768),
	 WORKS, "",
	 "largest size of a network buffer; a larger record travels in pieces")
CONF_KEY("taskmanager.memory.min-segment-size", MEMORY, "256 b", RANGE(64, 32768),
	 DRAW(64, 4096), WORKS, "",
	 "network buffers for a slow task are filled at least so far")
CONF_KEY("taskmanager.memory.network.min", MEMORY, "64 mb", RANGE(1048576, INT64_MAX), FIXED,
	 WORKS, "taskmanager.network.memory.min",
	 "least memory for network buffers")
CONF_KEY("taskmanager.memory.network.max", MEMORY, "infinite", RANGE(1048576, INT64_MAX),
	 DRAW(1048576, 67108864), WORKS, "taskmanager.network.memory.max",
	 "most memory for network buffers; it is taken only as it is needed")
CONF_KEY("taskmanager.memory.network.fraction", DOUBLE, "0.1", RANGE(0, 1), FIXED, WORKS,
	 "taskmanager.network.memory.fraction",
	 "share of Flink's memory for network buffers, between the two")
CONF_KEY("taskmanager.network.memory.buffers-per-channel", INT, "2", RANGE(1, 128), DRAW(1, 4),
	 WORKS, "",
	 "buffers that each channel has for itself")
CONF_KEY("taskmanager.network.memory.floating-buffers-per-gate", INT, "8", RANGE(0, 4096),
	 DRAW(0, 8), WORKS, "",
	 "buffers that the channels of one input share")
CONF_KEY("taskmanager.network.max-record-size", MEMORY, "64 mb",
	 RANGE(65536, 1073741824), DRAW(65536, 1048576), WORKS, "",
	 "largest record with its text; one larger than a network buffer travels in pieces (a key of our own)")
CONF_KEY("taskmanager.network.memory.max-overdraft-buffers-per-gate", INT, "5", RANGE(0, 4096),
	 FIXED, SILENT, "",
	 "buffers over its share for one call of a user function; here that is memory of its own")
CONF_KEY("taskmanager.network.memory.buffer-debloat.enabled", BOOL, "true", ANY, DRAW(0, 1), WORKS,
	 "",
	 "keep no more on its way to a slow task than it takes in the target time")
CONF_KEY("taskmanager.network.memory.buffer-debloat.target", DURATION, "10 ms", RANGE(1, 3600000),
	 DRAW(1, 1000), WORKS, "",
	 "how long a watermark or barrier should wait behind records at one task")
CONF_KEY("taskmanager.network.memory.buffer-debloat.period", DURATION, "50 ms", RANGE(1, 3600000),
	 DRAW(1, 500), WORKS, "",
	 "how often it is measured what a task takes")
CONF_KEY("taskmanager.network.memory.buffer-debloat.samples", INT, "20", RANGE(1, 10000),
	 DRAW(1, 40), WORKS, "",
	 "over how many periods that is averaged")
CONF_KEY("taskmanager.network.memory.buffer-debloat.threshold-percentages", INT, "25",
	 RANGE(0, 100), DRAW(0, 50), WORKS, "",
	 "by how much it must change before the senders are told, in percent")
CONF_KEY("taskmanager.network.compression.codec", ENUM, "NONE", ONE_OF("NONE|LZ4"), FIXED, WORKS,
	 "",
	 "LZ4: records are packed on their way between TaskManagers that both say so; for networks "
	 "that are slower than a core")
CONF_KEY("taskmanager.network.*", TEXT, "", ANY, FIXED, SILENT, "",
	 "other details of Flink's network stack")
CONF_KEY("taskmanager.memory.managed.size", MEMORY, "", RANGE(0, INT64_MAX), FIXED, WORKS, "",
	 "memory for the state of tasks, divided evenly among slots; a task whose state would "
	 "need more fails and says so")
CONF_KEY("taskmanager.memory.managed.fraction", DOUBLE, "0.4", RANGE(0, 1), FIXED, WORKS, "",
	 "share of Flink's memory for it, where no size is set")
CONF_KEY("taskmanager.memory.managed.consumer-weights", MAP,
	 "OPERATOR:70,STATE_BACKEND:70,PYTHON:30", ANY, FIXED, LATER, "",
	 "how they divide it")
CONF_KEY("taskmanager.memory.framework.heap.size", MEMORY, "128 mb", RANGE(0, INT64_MAX), FIXED,
	 WORKS, "",
	 "part set aside for the framework: of a process that is too small for it none, unless "
	 "it is set")
CONF_KEY("taskmanager.memory.framework.off-heap.size", MEMORY, "128 mb", RANGE(0, INT64_MAX),
	 FIXED, WORKS, "",
	 "its memory beside the heap, likewise")
CONF_KEY("taskmanager.memory.task.heap.size", MEMORY, "", RANGE(0, INT64_MAX), FIXED, WORKS, "",
	 "part for tasks; unset: what the others leave. Bounds what a task may emit inside one "
	 "call of a user function (at most 64 mb)")
CONF_KEY("taskmanager.memory.task.off-heap.size", MEMORY, "0", RANGE(0, INT64_MAX), FIXED, WORKS,
	 "",
	 "their memory beside the heap")
CONF_KEY("taskmanager.memory.jvm-metaspace.size", MEMORY, "256 mb", RANGE(0, INT64_MAX), FIXED,
	 WORKS, "",
	 "part for Java classes, as in Flink, so that the others are as there; of a process that "
	 "is too small for it none, unless it is set")
CONF_KEY("taskmanager.memory.jvm-overhead.min", MEMORY, "192 mb", RANGE(0, INT64_MAX), FIXED,
	 WORKS, "",
	 "least part for what nobody counts: threads, libraries, the allocator")
CONF_KEY("taskmanager.memory.jvm-overhead.max", MEMORY, "1 gb", RANGE(0, INT64_MAX), FIXED, WORKS,
	 "",
	 "most part for it")
CONF_KEY("taskmanager.memory.jvm-overhead.fraction", DOUBLE, "0.1", RANGE(0, 1), FIXED, WORKS, "",
	 "its share")
CONF_KEY("taskmanager.memory.*", TEXT, "", ANY, FIXED, SILENT, "",
	 "other parts of Flink's memory model")
CONF_KEY("jobmanager.memory.process.size", MEMORY, "", RANGE(1048576, INT64_MAX), FIXED, SILENT,
	 "",
	 "memory of the JobManager process; it takes what its jobs need")
CONF_KEY("jobmanager.memory.flink.size", MEMORY, "", RANGE(1048576, INT64_MAX), FIXED, SILENT, "",
	 "the same without the Java machine's own")
CONF_KEY("jobmanager.memory.heap.size", MEMORY, "", RANGE(0, INT64_MAX), FIXED, SILENT,
	 "jobmanager.heap.size",
	 "Java heap of the JobManager")
CONF_KEY("jobmanager.memory.off-heap.size", MEMORY, "128 mb", RANGE(0, INT64_MAX), FIXED, SILENT,
	 "",
	 "its memory beside the heap")
CONF_KEY("jobmanager.memory.jvm-metaspace.size", MEMORY, "256 mb", RANGE(0, INT64_MAX), FIXED,
	 SILENT, "",
	 "Java class memory")
CONF_KEY("jobmanager.memory.jvm-overhead.min", MEMORY, "192 mb", RANGE(0, INT64_MAX), FIXED,
	 SILENT, "",
	 "least overhead of the Java machine")
CONF_KEY("jobmanager.memory.jvm-overhead.max", MEMORY, "1 gb", RANGE(0, INT64_MAX), FIXED, SILENT,
	 "",
	 "most overhead of the Java machine")
CONF_KEY("jobmanager.memory.jvm-overhead.fraction", DOUBLE, "0.1", RANGE(0, 1), FIXED, SILENT, "",
	 "its share")
CONF_KEY("jobmanager.memory.*", TEXT, "", ANY, FIXED, SILENT, "",
	 "other parts of Flink's memory model")

CONF_SECTION("Cluster: slots, heartbeats, calls")

CONF_KEY("heartbeat.interval", DURATION, "1000", RANGE(10, 3600000), DRAW(100, 2000), WORKS, "",
	 "pause between two heartbeats of JobManager and TaskManager (Flink: 10 s)")
CONF_KEY("heartbeat.timeout", DURATION, "5000", RANGE(50, 3600000), DRAW(3000, 10000), WORKS, "",
	 "silence after which the other side counts as gone; more than heartbeat.interval "
	 "(Flink: 50 s). A closed connection counts at once")
CONF_KEY("heartbeat.rpc-failure-threshold", INT, "2", RANGE(-1, 1000), FIXED, SILENT, "",
	 "failed calls after which the other side counts as gone")
CONF_KEY("slot.request.timeout", DURATION, "300000", RANGE(1, INT32_MAX), DRAW(5000, 300000),
	 WORKS, "",
	 "how long a job waits for the slots it needs before it fails; what is missing is said "
	 "within a second")
CONF_KEY("slot.idle.timeout", DURATION, "50000", RANGE(0, INT32_MAX), FIXED, WORKS, "",
	 "how long a job keeps a slot it does not use")
CONF_KEY("slotmanager.number-of-slots.min", INT, "0", RANGE(0, INT32_MAX), FIXED, SILENT, "",
	 "slots that a resource manager keeps ready")
CONF_KEY("slotmanager.number-of-slots.max", INT, "2147483647", RANGE(0, INT32_MAX), FIXED, LATER,
	 "",
	 "most slots of the cluster")
CONF_KEY("slotmanager.*", TEXT, "", ANY, FIXED, SILENT, "",
	 "other details of Flink's slot manager")
CONF_KEY("taskmanager.slot.timeout", DURATION, "10 s", RANGE(1, INT32_MAX), FIXED, LATER, "",
	 "how long a slot given to a job stays reserved")
CONF_KEY("taskmanager.registration.timeout", DURATION, "5 min", RANGE(1, INT32_MAX), FIXED, LATER,
	 "taskmanager.maxRegistrationDuration",
	 "how long a TaskManager looks for its JobManager before it gives up; here it goes on "
	 "looking")
CONF_KEY("taskmanager.load-balance.mode", ENUM, "SLOTS", ONE_OF("NONE|SLOTS"), FIXED, LATER, "",
	 "whether tasks spread over all TaskManagers (SLOTS); they always do here (Flink: NONE)")
CONF_KEY("cluster.evenly-spread-out-slots", BOOL, "true", ANY, FIXED, LATER, "",
	 "the older form of taskmanager.load-balance.mode: SLOTS")
CONF_KEY("taskmanager.jvm-exit-on-oom", BOOL, "false", ANY, FIXED, SILENT, "",
	 "what the Java machine does when memory runs out")
CONF_KEY("taskmanager.system-out.*", TEXT, "", ANY, FIXED, LATER, "",
	 "where printed lines of jobs go, if not to the .out file")
CONF_KEY("taskmanager.runtime.*", TEXT, "", ANY, FIXED, SILENT, "", "details of batch algorithms")
CONF_KEY("taskmanager.debug.*", TEXT, "", ANY, FIXED, SILENT, "",
	 "debug output of the Java machine")
CONF_KEY("task.cancellation.interval", DURATION, "30000", RANGE(1, INT32_MAX), FIXED, SILENT, "",
	 "pause between two attempts to interrupt a task that does not end")
CONF_KEY("task.cancellation.timeout", DURATION, "180000", RANGE(0, INT32_MAX), FIXED, WORKS, "",
	 "how long a cancelled task may take to end before its TaskManager is restarted; 0: for "
	 "ever")
CONF_KEY("task.cancellation.timers.timeout", DURATION, "7500", RANGE(0, INT32_MAX), FIXED, SILENT,
	 "",
	 "the same for running timers")
CONF_KEY("pekko.ask.timeout", DURATION, "10 s", RANGE(1, INT32_MAX), FIXED, SILENT,
	 "akka.ask.timeout",
	 "how long a call may take; each call has its own deadline here")
CONF_KEY("pekko.framesize", TEXT, "10485760b", ANY, FIXED, SILENT, "akka.framesize",
	 "largest message between daemons; each call has its own bound here")
CONF_KEY("pekko.*", TEXT, "", ANY, FIXED, SILENT, "", "details of Flink's message system")
CONF_KEY("akka.*", TEXT, "", ANY, FIXED, SILENT, "", "its older name")
CONF_KEY("blob.server.port", PORTS, "0", ANY, FIXED, SILENT, "",
	 "port for program files; they travel over jobmanager.rpc.port here")
CONF_KEY("blob.storage.directory", PATH, "", ANY, FIXED, LATER, "", "folder of program files")
CONF_KEY("blob.*", TEXT, "", ANY, FIXED, SILENT, "", "other details of the store of program files")
CONF_KEY("query.server.port", PORTS, "9067", ANY, FIXED, SILENT, "", "port of queryable state")
CONF_KEY("queryable-state.*", TEXT, "", ANY, FIXED, SILENT, "", "queryable state")
CONF_KEY("resourcemanager.*", TEXT, "", ANY, FIXED, SILENT, "",
	 "resource managers that start TaskManagers by themselves")
CONF_KEY("cluster.*", TEXT, "", ANY, FIXED, SILENT, "",
	 "pools of threads, registration and shutdown")
CONF_KEY("jobstore.expiration-time", INT, "3600", RANGE(0, INT32_MAX), FIXED, WORKS, "",
	 "seconds for which an ended job can still be looked at; unset, its archive can for 7 days")
CONF_KEY("jobstore.max-capacity", INT, "2147483647", RANGE(0, INT32_MAX), FIXED, WORKS, "",
	 "most ended jobs that can still be looked at")
CONF_KEY("jobstore.cache-size", INT, "52428800", RANGE(0, INT64_MAX), FIXED, WORKS, "",
	 "memory for ended jobs in bytes; beyond it the oldest are answered from their archives")
CONF_KEY("jobstore.type", TEXT, "File", ANY, FIXED, SILENT, "", "kind of that store")
CONF_KEY("job-result-store.*", TEXT, "", ANY, FIXED, LATER, "",
	 "results of jobs that outlive the JobManager")
CONF_KEY("jobmanager.scheduler", ENUM, "Default", ONE_OF("Default|Adaptive|AdaptiveBatch"), FIXED,
	 LATER, "",
	 "scheduler of jobs")
CONF_KEY("scheduler-mode", TEXT, "", ANY, FIXED, LATER, "",
	 "REACTIVE: a job takes all slots there are")
CONF_KEY("jobmanager.adaptive-scheduler.*", TEXT, "", ANY, FIXED, LATER, "",
	 "details of the adaptive scheduler")
CONF_KEY("jobmanager.execution.attempts-history-size", INT, "16", RANGE(0, 10000), FIXED, WORKS,
	 "job-manager.max-attempts-history-size",
	 "earlier attempts of a subtask that can still be looked at")
CONF_KEY("jobmanager.execution.failover-strategy", ENUM, "region", ONE_OF("region|full"), FIXED,
	 SILENT, "",
	 "what restarts when a task fails: its pipelined region, which is the whole job as long "
	 "as no edge blocks")
CONF_KEY("jobmanager.archive.fs.dir", PATH, "", ANY, FIXED, WORKS, "",
	 "folder in which ended jobs are kept, one archive each, in the form that Flink's history "
	 "server reads; nothing is removed from it. Unset: history in the Flink home, where old "
	 "ones go")
CONF_KEY("jobmanager.archive.max-size", MEMORY, "256mb", RANGE(0, INT64_MAX), FIXED, WORKS, "",
	 "of the archives of ended jobs together; beyond it the oldest are forgotten")
CONF_KEY("jobmanager.resource-id", TEXT, "", ANY, FIXED, SILENT, "", "name of the JobManager")
CONF_KEY("jobmanager.future-pool.size", TEXT, "", ANY, FIXED, SILENT, "",
	 "threads of the JobManager")
CONF_KEY("jobmanager.io-pool.size", TEXT, "", ANY, FIXED, SILENT, "", "threads of the JobManager")

CONF_SECTION("Jobs")

CONF_KEY("execution.target", TEXT, "remote", ANY, FIXED, WORKS, "",
	 "where the command line runs a job: remote (the cluster) or local (within one process)")
CONF_KEY("execution.attached", BOOL, "false", ANY, FIXED, LATER, "",
	 "whether a client waits for the end of the job; set by the command line")
CONF_KEY("execution.runtime-mode", ENUM, "STREAMING", ONE_OF("STREAMING|BATCH"), FIXED, WORKS, "",
	 "STREAMING: every update is a result; BATCH: sums give one record per key, when all input has "
	 "ended, and are added up beforehand where the records come from")
CONF_KEY("execution.buffer-timeout.interval", DURATION, "100 ms", RANGE(-1, INT32_MAX),
	 DRAW(0, 200), WORKS, "execution.buffer-timeout",
	 "longest time that a record waits in a buffer that is not full; 0: not at all")
CONF_KEY("execution.buffer-timeout.enabled", BOOL, "true", ANY, FIXED, LATER, "",
	 "false: only full buffers are sent")
CONF_KEY("execution.batch-shuffle-mode", TEXT, "ALL_EXCHANGES_BLOCKING", ANY, FIXED, LATER, "",
	 "exchanges of batch jobs")
CONF_KEY("execution.batch.*", TEXT, "", ANY, FIXED, LATER, "", "details of batch jobs")
CONF_KEY("execution.shutdown-on-attached-exit", BOOL, "false", ANY, FIXED, LATER, "",
	 "whether a job is cancelled when its waiting client ends")
CONF_KEY("execution.shutdown-on-application-finish", BOOL, "true", ANY, FIXED, LATER, "",
	 "whether an application cluster ends with its job")
CONF_KEY("execution.*", TEXT, "", ANY, FIXED, LATER, "", "other settings of how jobs run")
CONF_KEY("pipeline.name", TEXT, "", ANY, FIXED, WORKS, "",
	 "name of the job, over the one its program gives")
CONF_KEY("pipeline.max-parallelism", INT, "-1", RANGE(-1, 32768), FIXED, WORKS, "",
	 "number of key groups; -1: half as many again as the parallelism, rounded up to a power "
	 "of two, at least 128")
CONF_KEY("pipeline.operator-chaining.enabled", BOOL, "true", ANY, DRAW(0, 1), WORKS,
	 "pipeline.operator-chaining",
	 "whether operators that need no exchange run as one task")
CONF_KEY("pipeline.object-reuse", BOOL, "false", ANY, FIXED, SILENT, "",
	 "whether Java objects are reused; records are never copied between chained operators "
	 "here")
CONF_KEY("pipeline.auto-watermark-interval", DURATION, "200 ms", RANGE(0, INT32_MAX), FIXED, LATER,
	 "",
	 "pause between two watermarks; 0: none")
CONF_KEY("pipeline.jars", LIST, "", ANY, FIXED, LATER, "",
	 "files that a program needs, as file:// addresses")
CONF_KEY("pipeline.classpaths", LIST, "", ANY, FIXED, SILENT, "", "Java class paths")
CONF_KEY("pipeline.cached-files", LIST, "", ANY, FIXED, LATER, "", "files handed to every task")
CONF_KEY("pipeline.global-job-parameters", MAP, "", ANY, FIXED, LATER, "",
	 "parameters that every function may read")
CONF_KEY("pipeline.*", TEXT, "", ANY, FIXED, SILENT, "",
	 "serializers and other details of Java programs")
CONF_KEY("restart-strategy.type", ENUM, "",
	 ONE_OF("none=off=disable|fixed-delay=fixeddelay|failure-rate=failurerate|"
		""
		"exponential-delay=exponentialdelay"), FIXED, WORKS,
	 "restart-strategy",
	 "what happens when a job fails; unset: it ends, unless it has checkpoints")
CONF_KEY("restart-strategy.fixed-delay.attempts", INT, "1", RANGE(0, INT32_MAX), FIXED, WORKS, "",
	 "restarts before the job counts as failed")
CONF_KEY("restart-strategy.fixed-delay.delay", DURATION, "1 s", RANGE(0, INT32_MAX), DRAW(0, 5000),
	 WORKS, "",
	 "pause before a restart")
CONF_KEY("restart-strategy.failure-rate.max-failures-per-interval", INT, "1", RANGE(1, INT32_MAX),
	 FIXED, WORKS, "",
	 "failures in the interval that are still restarted")
CONF_KEY("restart-strategy.failure-rate.failure-rate-interval", DURATION, "1 min",
	 RANGE(1, INT32_MAX), FIXED, WORKS, "",
	 "that interval")
CONF_KEY("restart-strategy.failure-rate.delay", DURATION, "1 s", RANGE(0, INT32_MAX), FIXED, WORKS,
	 "",
	 "pause before a restart")
CONF_KEY("restart-strategy.exponential-delay.initial-backoff", DURATION, "1 s",
	 RANGE(1, INT32_MAX), FIXED, WORKS, "",
	 "first pause")
CONF_KEY("restart-strategy.exponential-delay.max-backoff", DURATION, "1 min", RANGE(1, INT32_MAX),
	 FIXED, WORKS, "",
	 "longest pause")
CONF_KEY("restart-strategy.exponential-delay.backoff-multiplier", DOUBLE, "1.5", RANGE(1, 1000),
	 FIXED, WORKS, "",
	 "growth from one pause to the next")
CONF_KEY("restart-strategy.exponential-delay.reset-backoff-threshold", DURATION, "1 h",
	 RANGE(1, INT64_MAX), FIXED, WORKS, "",
	 "time without failure after which the first pause counts again")
CONF_KEY("restart-strategy.exponential-delay.jitter-factor", DOUBLE, "0.1", RANGE(0, 1), FIXED,
	 WORKS, "",
	 "chance in the pauses")
CONF_KEY("restart-strategy.exponential-delay.attempts-before-reset-backoff", TEXT, "infinite", ANY,
	 FIXED, WORKS, "",
	 "restarts before the job counts as failed")

CONF_SECTION("Checkpoints and state")

CONF_KEY("execution.checkpointing.interval", DURATION, "", RANGE(10, INT64_MAX), FIXED, LATER, "",
	 "pause between two checkpoints; unset: none are taken")
CONF_KEY("execution.checkpointing.mode", ENUM, "EXACTLY_ONCE",
	 ONE_OF("EXACTLY_ONCE=EXACTLY-ONCE|AT_LEAST_ONCE=AT-LEAST-ONCE"), FIXED, LATER, "",
	 "what a failure may repeat")
CONF_KEY("execution.checkpointing.timeout", DURATION, "10 min", RANGE(10, INT64_MAX), FIXED, LATER,
	 "",
	 "how long a checkpoint may take")
CONF_KEY("execution.checkpointing.min-pause", DURATION, "0", RANGE(0, INT64_MAX), FIXED, LATER, "",
	 "least pause between two checkpoints")
CONF_KEY("execution.checkpointing.max-concurrent-checkpoints", INT, "1", RANGE(1, INT32_MAX),
	 FIXED, LATER, "",
	 "checkpoints under way at a time")
CONF_KEY("execution.checkpointing.tolerable-failed-checkpoints", INT, "0", RANGE(0, INT32_MAX),
	 FIXED, LATER, "",
	 "failed checkpoints in a row that do not fail the job")
CONF_KEY("execution.checkpointing.externalized-checkpoint-retention", ENUM,
	 "NO_EXTERNALIZED_CHECKPOINTS",
	 ONE_OF("NO_EXTERNALIZED_CHECKPOINTS|RETAIN_ON_CANCELLATION|DELETE_ON_CANCELLATION"),
	 FIXED, LATER, "",
	 "what becomes of checkpoints when the job is cancelled")
CONF_KEY("execution.checkpointing.unaligned.enabled", BOOL, "false", ANY, FIXED, LATER,
	 "execution.checkpointing.unaligned",
	 "whether barriers overtake records")
CONF_KEY("execution.checkpointing.unaligned.forced", BOOL, "false", ANY, FIXED, LATER, "",
	 "the same where order would forbid it")
CONF_KEY("execution.checkpointing.aligned-checkpoint-timeout", DURATION, "0", RANGE(0, INT64_MAX),
	 FIXED, LATER, "execution.checkpointing.alignment-timeout",
	 "time after which a barrier begins to overtake")
CONF_KEY("execution.checkpointing.checkpoints-after-tasks-finish.enabled", BOOL, "true", ANY,
	 FIXED, LATER, "",
	 "checkpoints while some tasks have ended")
CONF_KEY("execution.checkpointing.interval-during-backlog", DURATION, "", RANGE(0, INT64_MAX),
	 FIXED, LATER, "",
	 "another interval while a source is behind")
CONF_KEY("execution.checkpointing.snapshot-compression", BOOL, "false", ANY, FIXED, LATER, "",
	 "whether state is compressed")
CONF_KEY("execution.savepoint.path", TEXT, "", ANY, FIXED, LATER, "execution.state-recovery.path",
	 "savepoint from which a job begins")
CONF_KEY("execution.savepoint.ignore-unclaimed-state", BOOL, "false", ANY, FIXED, LATER,
	 "execution.state-recovery.ignore-unclaimed-state",
	 "whether state that fits no operator may be left out")
CONF_KEY("execution.savepoint-restore-mode", ENUM, "NO_CLAIM",
	 ONE_OF("NO_CLAIM=NO-CLAIM|CLAIM|LEGACY"), FIXED, LATER,
	 "execution.state-recovery.claim-mode",
	 "who owns the files of that savepoint")
CONF_KEY("state.backend.type", TEXT, "hashmap", ANY, FIXED, LATER, "state.backend",
	 "where keyed state lives: hashmap or rocksdb")
CONF_KEY("state.backend.incremental", BOOL, "false", ANY, FIXED, LATER,
	 "execution.checkpointing.incremental",
	 "whether a checkpoint holds changes only")
CONF_KEY("state.backend.local-recovery", BOOL, "false", ANY, FIXED, LATER,
	 "execution.state-recovery.from-local",
	 "whether a TaskManager keeps a copy of its state")
CONF_KEY("state.backend.rocksdb.*", TEXT, "", ANY, FIXED, SILENT, "", "tuning of RocksDB")
CONF_KEY("state.backend.*", TEXT, "", ANY, FIXED, LATER, "", "other details of state backends")
CONF_KEY("state.checkpoint-storage", TEXT, "", ANY, FIXED, LATER,
	 "execution.checkpointing.storage",
	 "kind of storage of checkpoints")
CONF_KEY("state.checkpoints.dir", TEXT, "", ANY, FIXED, LATER,
	 "execution.checkpointing.dir state.backend.fs.checkpointdir",
	 "folder of checkpoints")
CONF_KEY("state.savepoints.dir", TEXT, "", ANY, FIXED, WORKS,
	 "execution.checkpointing.savepoint-dir",
	 "folder of savepoints when none is named (none are taken yet)")
CONF_KEY("state.checkpoints.num-retained", INT, "1", RANGE(1, INT32_MAX), FIXED, LATER,
	 "execution.checkpointing.num-retained",
	 "finished checkpoints that are kept")
CONF_KEY("state.checkpoints.create-subdir", BOOL, "true", ANY, FIXED, LATER,
	 "execution.checkpointing.create-subdir",
	 "a folder for each job")
CONF_KEY("state.storage.fs.memory-threshold", MEMORY, "20 kb", RANGE(0, 1048576), FIXED, LATER,
	 "execution.checkpointing.data-inline-threshold",
	 "state smaller than this goes into the metadata")
CONF_KEY("state.*", TEXT, "", ANY, FIXED, LATER, "", "other settings of state")

CONF_SECTION("High availability")

CONF_KEY("high-availability.type", TEXT, "NONE", ANY, FIXED, LATER,
	 "high-availability recovery.mode",
	 "NONE, zookeeper or kubernetes")
CONF_KEY("high-availability.storageDir", PATH, "", ANY, FIXED, LATER, "",
	 "folder of what a new leader needs")
CONF_KEY("high-availability.cluster-id", TEXT, "/default", ANY, FIXED, LATER, "",
	 "name of the cluster")
CONF_KEY("high-availability.zookeeper.*", TEXT, "", ANY, FIXED, LATER, "",
	 "ZooKeeper's addresses and details")
CONF_KEY("high-availability.*", TEXT, "", ANY, FIXED, LATER, "",
	 "other settings of high availability")

CONF_SECTION("Metrics")

CONF_KEY("metrics.reporters", LIST, "", ANY, FIXED, LATER, "",
	 "reporters to use; unset: all that are configured")
CONF_KEY("metrics.reporter.*", TEXT, "", ANY, FIXED, LATER, "",
	 "one reporter: factory.class, port, interval, filter.includes …")
CONF_KEY("metrics.scope.*", TEXT, "", ANY, FIXED, LATER, "", "names in front of metrics")
CONF_KEY("metrics.latency.interval", DURATION, "0", RANGE(0, INT32_MAX), DRAW(0, 50), WORKS, "",
	 "pause between two latency markers of a source; 0: none")
CONF_KEY("metrics.latency.granularity", ENUM, "operator", ONE_OF("single|operator|subtask"), FIXED,
	 WORKS, "",
	 "whether latencies are told apart by the operator they come to alone, by the source as "
	 "well, or by the source's subtask")
CONF_KEY("metrics.latency.history-size", INT, "128", RANGE(1, INT32_MAX), FIXED, SILENT, "",
	 "values kept for a latency's quantiles; all of an attempt count here, in fixed buckets")
CONF_KEY("metrics.fetcher.update-interval", DURATION, "10000", RANGE(0, INT64_MAX), FIXED, SILENT,
	 "",
	 "how old shown metrics may be; they come with each heartbeat here")
CONF_KEY("metrics.*", TEXT, "", ANY, FIXED, LATER, "", "other settings of metrics")

CONF_SECTION("Python")

CONF_KEY("python.executable", TEXT, "python3", ANY, FIXED, WORKS, "",
	 "interpreter of Python workers")
CONF_KEY("python.client.executable", TEXT, "python3", ANY, FIXED, WORKS, "",
	 "interpreter that runs a script given to flink run -py")
CONF_KEY("python.files", TEXT, "", ANY, FIXED, WORKS, "",
	 "modules, folders and archives that functions import; they travel with the job")
CONF_KEY("python.archives", TEXT, "", ANY, FIXED, LATER, "", "archives unpacked for workers")
CONF_KEY("python.requirements", TEXT, "", ANY, FIXED, LATER, "",
	 "requirements file installed for workers")
CONF_KEY("python.pythonpath", TEXT, "", ANY, FIXED, LATER, "", "added to the workers' PYTHONPATH")
CONF_KEY("python.execution-mode", ENUM, "process", ONE_OF("process|thread"), FIXED, WORKS, "",
	 "whether functions run in worker processes")
CONF_KEY("python.fn-execution.bundle.size", INT, "1000", RANGE(1, INT32_MAX), FIXED, LATER, "",
	 "most records of a batch")
CONF_KEY("python.fn-execution.bundle.time", DURATION, "1000", RANGE(0, INT32_MAX), FIXED, LATER,
	 "",
	 "longest wait of a batch")
CONF_KEY("python.*", TEXT, "", ANY, FIXED, LATER, "", "other settings of Python")

CONF_SECTION("Clients and other services")

CONF_KEY("client.timeout", DURATION, "1 min", RANGE(1, INT32_MAX), FIXED, LATER, "",
	 "how long the command line waits for an answer")
CONF_KEY("client.retry-period", DURATION, "2 s", RANGE(1, INT32_MAX), FIXED, SILENT, "",
	 "pause between two questions of a waiting client; it is told here")
CONF_KEY("client.heartbeat.*", TEXT, "", ANY, FIXED, SILENT, "", "heartbeats of a waiting client")
CONF_KEY("historyserver.*", TEXT, "", ANY, FIXED, LATER, "", "the history server")
CONF_KEY("sql-gateway.*", TEXT, "", ANY, FIXED, LATER, "", "the SQL gateway")
CONF_KEY("sql-client.*", TEXT, "", ANY, FIXED, LATER, "", "the SQL client")
CONF_KEY("table.*", TEXT, "", ANY, FIXED, LATER, "", "SQL and tables")
CONF_KEY("classloader.*", TEXT, "", ANY, FIXED, SILENT, "", "Java class loading")
CONF_KEY("parallelism.*", TEXT, "", ANY, FIXED, SILENT, "", "other settings of parallelism")
CONF_KEY("fs.*", TEXT, "", ANY, FIXED, LATER, "", "file systems")
CONF_KEY("s3.*", TEXT, "", ANY, FIXED, LATER, "", "S3")
CONF_KEY("kubernetes.*", TEXT, "", ANY, FIXED, SILENT, "",
	 "deployment on Kubernetes by Flink itself")
CONF_KEY("yarn.*", TEXT, "", ANY, FIXED, SILENT, "", "deployment on YARN")
CONF_KEY("containerized.*", TEXT, "", ANY, FIXED, SILENT, "", "variables of containers")
CONF_KEY("flink.hadoop.*", TEXT, "", ANY, FIXED, SILENT, "", "Hadoop")

#undef CONF_KEY
#undef CONF_SECTION
