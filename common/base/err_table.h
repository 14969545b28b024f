/* SPDX-License-Identifier: Apache-2.0
 * err_table.h - every error the project can report, one row each, nothing optional.
 *
 * X(name, number, class, http status, sentence, hint)
 * Ranges: 1xxx settings, 2xxx submitting and planning, 3xxx running, 4xxx sources, sinks and data,
 * 5xxx network, 6xxx state and checkpoints, 9xxx bugs. The class decides what happens: USER (tell,
 * change nothing), RETRY (restart the job as its strategy allows), FAIL (end the job), FATAL (end
 * the daemon), BUG. The enum, the texts, the HTTP status, the exit code of the CLI and
 * docs/errors.md are made from this table. A retired number stays as a comment. A new row only
 * where somebody would act differently on it. scripts/check-errors wants a test for every row. */
#ifndef COMMON_BASE_ERR_TABLE_H
#define COMMON_BASE_ERR_TABLE_H

#define ERR_TABLE(X) \
	X(ERR_CONF_BAD_VALUE, 1001, USER, 400, "a setting has a value that is not allowed", \
	  "correct the value and start again; 'bin/flink-settings check' tests settings without starting anything") \
	X(ERR_CONF_SYNTAX, 1002, USER, 400, "a settings file cannot be read", \
	  "correct the line; every line is 'key: value', and '#' begins a comment") \
	X(ERR_CONF_MISSING, 1003, USER, 400, "a needed setting or settings file is missing", \
	  "add it, or copy conf/flink-conf.yaml from a fresh build/flink") \
	X(ERR_CONF_PORT_TAKEN, 1004, FATAL, 500, "another process holds the port", \
	  "stop that process, or choose another port in conf/flink-conf.yaml or, for the web page, conf/masters") \
	X(ERR_USAGE, 1005, USER, 400, "the command line is not understood", \
	  "'--help' behind the command shows what it takes") \
	X(ERR_NOT_YET, 1006, USER, 501, "this version cannot do that yet", \
	  "docs/status.md lists what works and what does not yet") \
	X(ERR_PLAN_INVALID, 2001, USER, 400, "the job graph is not valid", \
	  "correct the program; 'bin/flink info' shows its plan without running it") \
	X(ERR_ARTIFACT_UNREADABLE, 2002, USER, 400, "the program file cannot be used", \
	  "give a C file (.c), a shared object (.so; bin/flink-config prints the flags to build one) or, " \
	  "behind -py, a Python script") \
	X(ERR_ARTIFACT_ENTRY, 2003, USER, 400, "the program has no entry function", \
	  "include <flink/flink.h> and define: " \
	  "int flink_main(struct flink_env *env, struct flink_args *args, struct err *err)") \
	X(ERR_ARTIFACT_ABI, 2004, USER, 400, "the program was built for another version", \
	  "build it again with the flags that bin/flink-config prints") \
	X(ERR_ARTIFACT_SYMBOL, 2005, USER, 400, "the program needs a symbol that is not there", \
	  "link the library that defines it into the program") \
	X(ERR_COMPILER_MISSING, 2006, USER, 400, "no C compiler was found", \
	  "install one (Debian, Ubuntu: sudo apt-get install gcc), or set CC") \
	X(ERR_COMPILE_FAILED, 2007, USER, 400, "the program does not compile", \
	  "correct the lines named above") \
	X(ERR_PROGRAM_FAILED, 2008, USER, 400, \
	  "the program ended with an error before its job ran", \
	  "correct the program or its arguments") \
	X(ERR_NO_JOB, 2009, USER, 400, \
	  "The program didn't contain a Flink job. Perhaps you forgot to call execute() on the execution environment.", \
	  "call flink_execute(env, name, err) at the end of flink_main") \
	X(ERR_JOB_NOT_FOUND, 2010, USER, 404, "no such job", "'bin/flink list -a' shows all jobs") \
	X(ERR_JOB_AMBIGUOUS, 2011, USER, 409, "several jobs match", \
	  "give more letters of the job id") \
	X(ERR_JOB_ENDED, 2012, USER, 409, "the job has already ended", \
	  "'bin/flink list -a' shows how it ended") \
	X(ERR_CLUSTER_UNREACHABLE, 2013, USER, 503, "no cluster answers", \
	  "start one with ./bin/start-cluster.sh, or name its address with -m host:port") \
	X(ERR_TOO_LARGE, 2014, USER, 413, "the request is larger than allowed", \
	  "raise rest.server.max-content-length or send less") \
	X(ERR_NO_SLOTS, 3001, FAIL, 503, "the job's slots did not come in time", \
	  "start TaskManagers (./bin/taskmanager.sh start), raise taskmanager.numberOfTaskSlots, or run with a smaller -p") \
	X(ERR_TASKMANAGER_LOST, 3002, RETRY, 500, "a TaskManager is gone", \
	  "its log tells why; the job restarts as its restart strategy allows") \
	X(ERR_USER_FUNCTION_CRASHED, 3003, RETRY, 500, "a user function crashed", \
	  "run the job with --target local under a debugger, or build it with -fsanitize=address") \
	X(ERR_USER_FUNCTION_FAILED, 3004, RETRY, 500, "a user function reported a failure", \
	  "the message is the function's own (flink_fail), or says what it emitted wrongly") \
	X(ERR_DEPLOY_FAILED, 3005, RETRY, 500, "a task could not be deployed", \
	  "see the message; the job restarts as its restart strategy allows") \
	X(ERR_RESTARTS_USED_UP, 3006, FAIL, 500, \
	  "the job failed and its restart strategy allows no further attempt", \
	  "mend the cause named first, or allow more restarts (restart-strategy.*)") \
	X(ERR_CANCELED, 3007, FAIL, 409, "the job was cancelled", \
	  "submit it again to run it again") \
	X(ERR_BUFFERS, 3008, RETRY, 500, "the network buffers do not suffice for this job", \
	  "raise taskmanager.memory.network.max or lower the parallelism") \
	X(ERR_MANAGED_MEMORY, 3009, FAIL, 500, "the state of a task is larger than its memory", \
	  "raise taskmanager.memory.managed.size (or taskmanager.memory.process.size, of which it " \
	  "is a share), lower taskmanager.numberOfTaskSlots, or raise the parallelism; state that " \
	  "lies on disk (state.backend.type: rocksdb) comes in a later version") \
	X(ERR_SOURCE_UNREADABLE, 4001, RETRY, 500, "a source cannot be read", \
	  "check the name and the rights") \
	X(ERR_SINK_UNWRITABLE, 4002, RETRY, 500, "a sink cannot be written", \
	  "check the name, the rights and the free space") \
	X(ERR_SINK_EXISTS, 4003, FAIL, 409, "the output exists already", \
	  "remove it or name another; an existing file is never overwritten") \
	X(ERR_RECORD_INVALID, 4004, RETRY, 500, "bytes do not form a valid record", \
	  "the sender runs another version or is broken; restart it with this version") \
	X(ERR_RECORD_TOO_LARGE, 4005, FAIL, 500, "a record is larger than allowed", \
	  "raise taskmanager.network.max-record-size on every TaskManager, or emit smaller records") \
	X(ERR_CONNECTOR_MISSING, 4006, USER, 400, "no such connector", \
	  "check its name; connectors are the files lib/flink-*.so") \
	X(ERR_KAFKA, 4007, RETRY, 500, "Kafka answered with an error", \
	  "check bootstrap.servers and the topic; bin/kafka-dev gives a broker to try with") \
	X(ERR_NET_UNREACHABLE, 5001, RETRY, 503, "an address cannot be reached", \
	  "check the host, the port and that something listens there") \
	X(ERR_NET_CLOSED, 5002, RETRY, 503, "the connection was closed", \
	  "the other side's log tells why") \
	X(ERR_NET_PROTOCOL, 5003, RETRY, 400, "the peer broke the protocol", \
	  "the peer is no cflink daemon, or one of another version; the connection was closed") \
	X(ERR_NET_VERSION, 5004, USER, 400, "the peer speaks another protocol version", \
	  "run the same version everywhere") \
	X(ERR_NET_SECRET, 5005, USER, 401, "the peer does not know the cluster secret", \
	  "give both sides the same security.cluster.secret-file or FLINK_CLUSTER_SECRET") \
	X(ERR_NET_TIMEOUT, 5006, RETRY, 504, "no answer in time", \
	  "check that the other side runs and is reachable") \
	X(ERR_FENCED, 5007, USER, 409, "a message of an earlier leader, incarnation or attempt", \
	  "nothing to do: it is refused on purpose") \
	X(ERR_PARTITION_NOT_FOUND, 5008, RETRY, 500, \
	  "a task asked for data of a task that is not there", \
	  "the job restarts as its restart strategy allows") \
	X(ERR_CREDIT_EXCEEDED, 5009, RETRY, 400, "a peer sent more than its credit", \
	  "the peer runs another version or is broken") \
	X(ERR_REST_TOKEN, 5010, USER, 401, "the REST address wants a token", \
	  "name the JobManager's token file, or a copy of it, in rest.auth.token-file, or put the " \
	  "token into FLINK_REST_TOKEN") \
	X(ERR_RESOURCE, 9001, FATAL, 500, "the operating system refused a resource", \
	  "raise the limit (ulimit -a shows them)") \
	X(ERR_IO, 9002, RETRY, 500, "a file cannot be read or written", \
	  "check the name, the rights and the free space") \
	X(ERR_BUG, 9999, BUG, 500, "an internal error", "please report it with the log")

#endif
