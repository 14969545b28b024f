/* SPDX-License-Identifier: Apache-2.0
 * api_table.c - what every route takes and gives, in the notation of shape.h. Strict bodies,
 * /openapi.json and the contract tests all read it from here.
 *
 * Names of fields are Flink's: the union of 1.19 and 2.x, and what is ours behind it. */
#include <string.h>

#include "jobmanager/rest/rest_priv.h"

#define JOB "/jobs/:jobid"
#define VERTEX JOB "/vertices/:vertexid"
#define SUBTASK VERTEX "/subtasks/:subtaskindex"
#define TASKMANAGER "/taskmanagers/:taskmanagerid"
#define APPLICATION "/applications/:applicationid"

#define TEXT "text/plain"
#define JOB_STATUS \
	"'INITIALIZING|CREATED|RUNNING|FAILING|FAILED|CANCELLING|CANCELED|FINISHED|RESTARTING|" \
	"SUSPENDED|RECONCILING'"
#define EXECUTION_STATE \
	"'CREATED|SCHEDULED|DEPLOYING|INITIALIZING|RUNNING|FINISHED|CANCELING|CANCELED|FAILED|" \
	"RECONCILING'"
#define APPLICATION_STATE "'CREATED|RUNNING|FAILING|CANCELING|FINISHED|CANCELED|FAILED'"
#define LEVEL "'ok|low|high'"
#define BOUNDS "{lowerBound:i upperBound:i}"
#define JAR_QUERY "entry-class?:s program-args?:s programArg?:s parallelism?:s jobId?:s"
/* Flink's page sends numbers and truths as texts, too. */
#define JAR_FIELDS \
	"entryClass?:s? programArgs?:s? programArgsList?:[s]? parallelism?:any jobId?:id? " \
	"flinkConfiguration?:<any>?"
#define LINES_QUERY "from?:i max?:i backwards?:b search?:s level?:s file?:s wait_ms?:i"
#define SERIES_QUERY "get?:s from?:i to?:i step?:s"
#define TASKMANAGER_FIELDS \
	"id:s path:s dataPort:i jmxPort:i timeSinceLastHeartbeat:i slotsNumber:i freeSlots:i " \
	"assignedTasks:i totalResource:Resource freeResource:Resource " \
	"hardware:{cpuCores:i physicalMemory:i freeMemory:i managedMemory:i} " \
	"memoryConfiguration:{frameworkHeap:i taskHeap:i frameworkOffHeap:i taskOffHeap:i " \
	"networkMemory:i managedMemory:i jvmMetaspace:i jvmOverhead:i totalFlinkMemory:i " \
	"totalProcessMemory:i}"
#define OVERVIEW \
	"{taskmanagers:i slots-total:i slots-available:i jobs-running:i jobs-finished:i " \
	"jobs-cancelled:i jobs-failed:i flink-version:s flink-commit:s taskmanagers-blocked?:i " \
	"slots-free-and-blocked?:i}"
#define FLOWS \
	"records-in:i records-out:i bytes-in:i bytes-out:i records-in-rate:f records-out-rate:f " \
	"bytes-in-rate:f bytes-out-rate:f"
#define CHECKPOINT_COUNTS \
	"latest_ack_timestamp:i checkpointed_size:i state_size:i end_to_end_duration:i " \
	"alignment_buffered:i processed_data:i persisted_data:i num_subtasks:i " \
	"num_acknowledged_subtasks:i"

const struct shape_name rest_shapes[] = {
	/* bodies, by the names of Flink's classes */
	{ "EmptyRequestBody", "{}" },
	{ "JobClientHeartbeatRequestBody", "{expiredTimestamp:i}" },
	{ "CheckpointTriggerRequestBody",
	  "{checkpointType?:'CONFIGURED|FULL|INCREMENTAL'? triggerId?:id?}" },
	{ "SavepointTriggerRequestBody", "{target-directory?:s? cancel-job?:b? "
					 "formatType?:'CANONICAL|NATIVE'? triggerId?:id?}" },
	{ "StopWithSavepointRequestBody",
	  "{targetDirectory?:s? drain?:b? formatType?:'CANONICAL|NATIVE'? triggerId?:id?}" },
	{ "SavepointDisposalRequest", "{savepoint-path?:s?}" },
	{ "ClientCoordinationRequestBody", "{serializedCoordinationRequest?:any}" },
	{ "JarPlanRequestBody", "{" JAR_FIELDS "}" },
	{ "JarRunRequestBody", "{" JAR_FIELDS " savepointPath?:s? allowNonRestoredState?:any "
			       "restoreMode?:'CLAIM|NO_CLAIM|LEGACY'? "
			       "claimMode?:'CLAIM|NO_CLAIM|LEGACY'?}" },
	{ "JobResourceRequirementsBody", "<{parallelism:" BOUNDS "}>" },
	/* parts of answers */
	{ "Error", "{errors:[s] code?:i text?:s hint?:s origin?:s}" },
	{ "FailureCause", "{class:s stack-trace:s serialized-throwable:s}" },
	{ "Trigger", "{request-id:id}" },
	{ "QueueStatus", "{id:'IN_PROGRESS|COMPLETED'}" },
	{ "JobStates", "{INITIALIZING:i CREATED:i RUNNING:i FAILING:i FAILED:i CANCELLING:i "
		       "CANCELED:i FINISHED:i RESTARTING:i SUSPENDED:i RECONCILING:i}" },
	{ "ExecutionStates", "{CREATED:i SCHEDULED:i DEPLOYING:i INITIALIZING:i RUNNING:i "
			     "FINISHED:i CANCELING:i CANCELED:i FAILED:i RECONCILING:i}" },
	{ "JobDetails",
	  "{jid:id name:s start-time:i end-time:i duration:i state:" JOB_STATUS
	  " last-modification:i tasks:{total:i created:i scheduled:i deploying:i initializing:i "
	  "running:i finished:i canceling:i canceled:i failed:i reconciling:i} "
	  "jobType:'BATCH|STREAMING' schedulerType:'Default|Adaptive|AdaptiveBatch' "
	  "pending-operators:i note:s bottleneck:s}" },
	{ "IOMetrics",
	  "{read-bytes:i read-bytes-complete:b write-bytes:i write-bytes-complete:b "
	  "read-records:i read-records-complete:b write-records:i write-records-complete:b "
	  "accumulated-backpressured-time:i accumulated-idle-time:i accumulated-busy-time:f}" },
	{ "Plan",
	  "{jid:id name:s type:'STREAMING|BATCH' nodes:[{id:id parallelism:i operator:s "
	  "operator_strategy:s description:s inputs?:[{num:i id:id ship_strategy:s exchange:s "
	  "local_strategy?:s caching?:s}] optimizer_properties:{}}]}" },
	{ "JobVertex",
	  "{id:id slotSharingGroupId:id name:s maxParallelism:i parallelism:i status:" EXECUTION_STATE
	  " start-time:i end-time:i duration:i tasks:ExecutionStates metrics:IOMetrics busy-ratio:f "
	  "back-pressured-ratio:f}" },
	{ "Failure", "{exceptionName:s stacktrace:s timestamp:i failureLabels:<s> taskName?:s "
		     "endpoint?:s location?:s taskManagerId?:s}" },
	{ "RootFailure",
	  "{exceptionName:s stacktrace:s timestamp:i failureLabels:<s> taskName?:s "
	  "endpoint?:s location?:s taskManagerId?:s concurrentExceptions:[Failure]}" },
	{ "Statistics", "{min:i max:i avg:i sum:i median:i p25:i p75:i p95:i}" },
	{ "StatusDurations",
	  "{CREATED:i SCHEDULED:i DEPLOYING:i INITIALIZING:i RUNNING:i}" },
	{ "Aggregated",
	  "{metrics:{read-bytes:Statistics write-bytes:Statistics read-records:Statistics "
	  "write-records:Statistics accumulated-backpressured-time:Statistics "
	  "accumulated-idle-time:Statistics accumulated-busy-time:Statistics} "
	  "status-duration:{CREATED:Statistics SCHEDULED:Statistics DEPLOYING:Statistics "
	  "INITIALIZING:Statistics RUNNING:Statistics}}" },
	{ "Subtask",
	  "{subtask:i status:" EXECUTION_STATE " attempt:i endpoint:s host:s start-time:i "
	  "start_time:i end-time:i duration:i metrics:IOMetrics taskmanager-id:s "
	  "status-duration:StatusDurations status-text:s blocking:b failure?:s}" },
	{ "Accumulator", "{name:s type:s value:s}" },
	{ "SubtaskPressure",
	  "{subtask:i attempt-number:i backpressureLevel:" LEVEL " backpressure-level:" LEVEL
	  " ratio:f idleRatio:f busyRatio:f waitingRatio:f edges:[f]}" },
	{ "FlameNode", "{name:s value:i children:[FlameNode]}" },
	{ "Metrics", "[{id:s value?:s}]" },
	{ "AggregatedMetrics", "[{id:s min?:f max?:f avg?:f sum?:f skew?:f}]" },
	{ "Summary", "{min:i max:i avg:i p50:f p90:f p95:f p99:f p999:f}" },
	{ "TaskCheckpoint", "{id:i status:s " CHECKPOINT_COUNTS "}" },
	{ "Checkpoint",
	  "{className:'in_progress|completed|failed' id:i status:'IN_PROGRESS|COMPLETED|FAILED' "
	  "is_savepoint:b savepointFormat:s? trigger_timestamp:i " CHECKPOINT_COUNTS
	  " checkpoint_type:'CHECKPOINT|UNALIGNED_CHECKPOINT|SAVEPOINT|SYNC_SAVEPOINT' "
	  "tasks:<TaskCheckpoint> external_path?:s discarded?:b failure_timestamp?:i "
	  "failure_message?:s}" },
	{ "Resource", "{cpuCores:f taskHeapMemory:i taskOffHeapMemory:i managedMemory:i "
		      "networkMemory:i extendedResources:<f>}" },
	{ "TaskManager", "{" TASKMANAGER_FIELDS "}" },
	{ "Logs", "{logs:[{name:s size:i mtime:i kind:'log|out|other'}]}" },
	{ "JobPicture",
	  "{now:i states:[s] columns:[s] job:{jid:id name:s state:" JOB_STATUS
	  " job-type:'BATCH|STREAMING' start-time:i end-time:i all-running-time:i "
	  "last-modification:i parallelism:i maxParallelism:i slots:i restarts:i failures:i note:s "
	  "bottleneck:s waiting-for:s output-end:i metrics-dropped:i timestamps:JobStates} "
	  "vertices:<{name:s parallelism:i maxParallelism:i status:" EXECUTION_STATE
	  " tasks:[i] start-time:i end-time:i inputs:[i] " FLOWS " busy-max:f busy-mean:f idle-max:f "
	  "idle-mean:f backpressured-max:f backpressured-mean:f waiting-max:f waiting-mean:f cause:s "
	  "operators:<OperatorPicture> subtasks:<[any]>}> "
	  "edges:<{source:id source-operator:i target:id target-operator:i input:i ship_strategy:s "
	  "exchange:s records-rate?:f backpressured:f}> "
	  "checkpoints:{counts:{restored:i total:i in_progress:i completed:i failed:i}} "
	  "taskmanagers:<{id:s endpoint:s}>}" },
	{ "HotSpot", "{vertex:id name:s subtask?:i taskmanager-id?:s operator?:i value:f text:s}" },
	{ "OperatorPicture",
	  "{name:s kind:'source|operator|sink' inputs:[i] records-in?:i records-out?:i bytes-in?:i "
	  "bytes-out?:i records-in-rate?:f records-out-rate?:f bytes-in-rate?:f bytes-out-rate?:f "
	  "busy-max?:f busy-mean?:f}" },
	{ "ClusterPicture",
	  "{now:i states:[s] cluster:" OVERVIEW " jobs:<{name:s state:" JOB_STATUS
	  " job-type:'BATCH|STREAMING' start-time:i end-time:i last-modification:i tasks:[i] "
	  "restarts:i note:s bottleneck:s records-in-rate:f records-out-rate:f bytes-in-rate:f "
	  "bytes-out-rate:f}> taskmanagers:<{endpoint:s path:s available:b registered:i "
	  "last-heartbeat:i slots:i free-slots:i cpu-cores:i cpu-time:i threads:i "
	  "physical-memory:i physical-memory-free:i process-memory:i heap-used:i managed-memory:i "
	  "managed-memory-used:i network-memory:i network-memory-used:i}>}" },
	{ "LogLines", "{name:s size:i from:i next:i begin:b end:b file:s restarted:b "
		      "lines:[{at:i text:s open?:b}]}" },
	{ "ThreadDump", "{threadInfos:[{threadName:s stringifiedThreadInfo:s}]}" },
	/* without `get` the names, with it the numbers */
	{ "Series", "{names?:[s] begin?:i? from?:i step?:i series?:<[f?]> "
		    "markers:[{at:i kind:'restart|failure|checkpoint|savepoint' text:s}] "
		    "missing:[s]}" },
	{ "Config", "[{key:s value:s origin:s}]" },
	{ "Environment", "{jvm:{version:s arch:s options:[s]} classpath:[s]}" },
	{ NULL, NULL },
};

const struct rest_api rest_apis[] = {
	{ "GET", "/config", NULL, NULL, 200,
	  "{refresh-interval:i timezone-name:s timezone-offset:i flink-version:s flink-revision:s "
	  "features:{web-submit:b web-cancel:b web-rescale:b web-history:b} ended-jobs-shown:i}" },
	{ "GET", "/openapi.json", NULL, NULL, 200, "any" },
	{ "GET", "/overview", NULL, NULL, 200, OVERVIEW },
	{ "GET", "/snapshot", NULL, NULL, 200, "ClusterPicture" },
	{ "GET", "/metrics", "from?:i", NULL, 200, TEXT },
	{ "GET", "/events", "jobs?:s cluster?:b", NULL, 200, "text/event-stream" },
	{ "DELETE", "/cluster", NULL, NULL, 200, "{}" },

	{ "GET", "/jobs", NULL, NULL, 200, "{jobs:[{id:id status:" JOB_STATUS "}]}" },
	{ "GET", "/jobs/overview", NULL, NULL, 200, "{jobs:[JobDetails]}" },
	{ "GET", "/jobs/metrics", "get?:s agg?:s jobs?:s", NULL, 200, "AggregatedMetrics" },
	{ "POST", "/jobs", "Idempotency-Key?:s", "application/x-protobuf", 202,
	  "{jobUrl:s jobid:id waiting-for:s}" },
	{ "PUT", "/artifacts/:sha256", "name?:s offset?:i size?:i", "application/octet-stream", 200,
	  "{received:i}" },
	{ "GET", JOB, NULL, NULL, 200,
	  "{jid:id name:s isStoppable:b state:" JOB_STATUS " job-type:'BATCH|STREAMING' "
	  "schedulerType:'Default|Adaptive|AdaptiveBatch' application-id:id start-time:i end-time:i duration:i maxParallelism:i now:i timestamps:JobStates vertices:[JobVertex] "
	  "status-counts:ExecutionStates plan:Plan pending-operators:i note:s bottleneck:s "
	  "all-running-time:i restarts:i}" },
	{ "PATCH", JOB, "mode?:s", NULL, 202, "{}" },
	{ "GET", JOB "/yarn-cancel", NULL, NULL, 202, "{}" },
	{ "GET", JOB "/yarn-stop", NULL, NULL, 202, "{}" },
	{ "GET", JOB "/snapshot", NULL, NULL, 200, "JobPicture" },
	{ "GET", JOB "/operators", NULL, NULL, 200,
	  "{operators:[{id:id name:s uid:s kind:'source|operator|sink' vertex:id index:i parallelism:i "
	  "inputs:[{id:id vertex:id index:i ship_strategy:s}] records-in?:i records-out?:i "
	  "bytes-in?:i bytes-out?:i records-in-rate?:f records-out-rate?:f bytes-in-rate?:f "
	  "bytes-out-rate?:f busy-max?:f busy-mean?:f}]}" },
	{ "GET", JOB "/metrics/top-n", "top?:i", NULL, 200,
	  "{busy:[HotSpot] backpressured:[HotSpot] skewed:[HotSpot] lagging:[HotSpot] "
	  "operators:[HotSpot]}" },
	{ "GET", JOB "/status", NULL, NULL, 200, "{status:" JOB_STATUS "}" },
	{ "GET", JOB "/config", NULL, NULL, 200,
	  "{jid:id name:s execution-config:{execution-mode:s restart-strategy:s job-parallelism:i "
	  "object-reuse-mode:b user-config:<s>}}" },
	{ "GET", JOB "/plan", NULL, NULL, 200, "{plan:Plan}" },
	{ "GET", JOB "/exceptions", "maxExceptions?:i failureLabelFilter?:s", NULL, 200,
	  "{root-exception:s? timestamp:i? all-exceptions:[{exception:s task:s location:s "
	  "timestamp:i taskManagerId:s}] truncated:b exceptionHistory:{entries:[RootFailure] "
	  "truncated:b}}" },
	{ "GET", JOB "/accumulators", "includeSerializedValue?:b", NULL, 200,
	  "{job-accumulators:[any] user-task-accumulators:[Accumulator] "
	  "serialized-user-task-accumulators:<s>}" },
	{ "GET", JOB "/execution-result", NULL, NULL, 200,
	  "{status:QueueStatus job-execution-result?:{id:id name:s "
	  "application-status:'SUCCEEDED|FAILED|CANCELED|UNKNOWN' accumulator-results:<s> "
	  "net-runtime:i failure-cause?:FailureCause application-id:id start-time:i end-time:i}}" },
	{ "GET", JOB "/output", "from?:i max?:i wait_ms?:i status?:s note?:s", NULL, 200,
	  "{status:" JOB_STATUS " note:s output:s offset:i next:i end:b start-time:i end-time:i "
	  "all-running-time:i failure?:{code:i text:s origin:s}}" },
	{ "GET", JOB "/output/lines", LINES_QUERY, NULL, 200, "LogLines" },
	{ "GET", JOB "/metrics", "get?:s", NULL, 200, "Metrics" },

	{ "GET", JOB "/series", SERIES_QUERY, NULL, 200, "Series" },
	{ "GET", JOB "/checkpoints", NULL, NULL, 200,
	  "{counts:{restored:i total:i in_progress:i completed:i failed:i} summary:{"
	  "checkpointed_size:Summary state_size:Summary end_to_end_duration:Summary "
	  "alignment_buffered:Summary processed_data:Summary persisted_data:Summary} "
	  "latest:{completed:Checkpoint? savepoint:Checkpoint? failed:Checkpoint? restored:{id:i "
	  "restore_timestamp:i is_savepoint:b external_path?:s}?} history:[Checkpoint]}" },
	{ "POST", JOB "/checkpoints", NULL, "CheckpointTriggerRequestBody", 202, "Trigger" },
	{ "GET", JOB "/checkpoints/config", NULL, NULL, 200,
	  "{mode:'exactly_once|at_least_once' interval:i timeout:i min_pause:i max_concurrent:i "
	  "externalization:{enabled:b delete_on_cancellation:b} state_backend:s "
	  "checkpoint_storage:s unaligned_checkpoints:b tolerable_failed_checkpoints:i "
	  "aligned_checkpoint_timeout:i checkpoints_after_tasks_finish:b state_changelog_enabled:b "
	  "changelog_periodic_materialization_interval:i changelog_storage:s}" },
	{ "GET", JOB "/checkpoints/details/:checkpointid", NULL, NULL, 200, "Checkpoint" },
	{ "GET", JOB "/checkpoints/details/:checkpointid/subtasks/:vertexid", NULL, NULL, 200,
	  "{id:i status:s " CHECKPOINT_COUNTS " summary:{checkpointed_size:Summary "
	  "state_size:Summary end_to_end_duration:Summary checkpoint_duration:{sync:Summary "
	  "async:Summary} alignment:{buffered:Summary processed:Summary persisted:Summary "
	  "duration:Summary} start_delay:Summary} subtasks:[{index:i status:'pending|completed' "
	  "ack_timestamp?:i end_to_end_duration?:i checkpointed_size?:i state_size?:i "
	  "checkpoint?:{sync:i async:i} alignment?:{buffered:i processed:i persisted:i duration:i} "
	  "start_delay?:i unaligned_checkpoint?:b aborted?:b}]}" },
	{ "GET", JOB "/checkpoints/:triggerid", NULL, NULL, 200,
	  "{status:QueueStatus operation?:{checkpointId?:i failureCause?:FailureCause}}" },
	{ "POST", JOB "/savepoints", NULL, "SavepointTriggerRequestBody", 202, "Trigger" },
	{ "GET", JOB "/savepoints/:triggerid", NULL, NULL, 200,
	  "{status:QueueStatus operation?:{location?:s failure-cause?:FailureCause}}" },
	{ "POST", JOB "/stop", NULL, "StopWithSavepointRequestBody", 202, "Trigger" },

	{ "GET", JOB "/resource-requirements", NULL, NULL, 200, "<{parallelism:" BOUNDS "}>" },
	{ "PUT", JOB "/resource-requirements", NULL, "JobResourceRequirementsBody", 200, "{}" },
	{ "PATCH", JOB "/rescaling", "parallelism?:i", NULL, 200, "Trigger" },
	{ "GET", JOB "/rescaling/:triggerid", NULL, NULL, 200,
	  "{status:QueueStatus operation?:{failure-cause?:FailureCause}}" },
	{ "GET", JOB "/rescales/config", NULL, NULL, 200,
	  "{rescaleHistoryMax:i schedulerExecutionMode:s? submissionResourceWaitTimeoutInMillis:i "
	  "submissionResourceStabilizationTimeoutInMillis:i slotIdleTimeoutInMillis:i "
	  "executingCooldownTimeoutInMillis:i executingResourceStabilizationTimeoutInMillis:i "
	  "maximumDelayForTriggeringRescaleInMillis:i rescaleOnFailedCheckpointCount:i}" },
	{ "GET", JOB "/rescales/overview", NULL, NULL, 200,
	  "{rescalesCounts:{ignored:i inProgress:i completed:i failed:i} "
	  "latest:{completed:any failed:any ignored:any}}" },
	{ "GET", JOB "/rescales/summary", NULL, NULL, 200, "any" },
	{ "GET", JOB "/rescales/history", NULL, NULL, 200, "[any]" },
	{ "GET", JOB "/rescales/details/:rescaleuuid", NULL, NULL, 200, "any" },
	{ "PATCH", JOB "/clientHeartbeat", NULL, "JobClientHeartbeatRequestBody", 202, "{}" },
	{ "POST", JOB "/coordinators/:operatorid", NULL, "ClientCoordinationRequestBody", 200,
	  "{serializedCoordinationResult:any}" },
	{ "GET", JOB "/jobmanager/config", NULL, NULL, 200, "Config" },
	{ "GET", JOB "/jobmanager/environment", NULL, NULL, 200, "Environment" },
	{ "GET", JOB "/jobmanager/log-url", NULL, NULL, 200, "{url:s}" },
	{ "GET", JOB TASKMANAGER "/log-url", NULL, NULL, 200, "{url:s}" },

	{ "GET", VERTEX, NULL, NULL, 200,
	  "{id:id name:s parallelism:i maxParallelism:i now:i subtasks:[Subtask] "
	  "aggregated:Aggregated operators:[{name:s records-in:i records-out:i bytes-in:i bytes-out:i "
	  "busy-time:i}] cause:s}" },
	{ "GET", VERTEX "/subtasktimes", NULL, NULL, 200,
	  "{id:id name:s now:i subtasks:[{subtask:i endpoint:s host:s duration:i "
	  "timestamps:ExecutionStates}]}" },
	{ "GET", VERTEX "/taskmanagers", NULL, NULL, 200,
	  "{id:id name:s now:i taskmanagers:[{endpoint:s host:s status:" EXECUTION_STATE
	  " start-time:i end-time:i duration:i metrics:IOMetrics status-counts:ExecutionStates "
	  "taskmanager-id:s aggregated:Aggregated}]}" },
	{ "GET", VERTEX "/accumulators", NULL, NULL, 200,
	  "{id:id user-accumulators:[Accumulator]}" },
	{ "GET", VERTEX "/watermarks", NULL, NULL, 200, "[{id:s value:s}]" },
	{ "GET", VERTEX "/backpressure", NULL, NULL, 200,
	  "{status:'ok|deprecated' backpressureLevel?:" LEVEL " backpressure-level?:" LEVEL
	  " end-timestamp?:i subtasks?:[SubtaskPressure] cause?:s edges?:[{target:id name:s}]}" },
	{ "GET", VERTEX "/flamegraph", "type?:'FULL|ON_CPU|OFF_CPU' subtaskindex?:i", NULL, 200,
	  "{endTimestamp:i subtasks?:i data?:FlameNode note?:s}" },
	{ "GET", VERTEX "/metrics", "get?:s", NULL, 200, "Metrics" },
	{ "GET", VERTEX "/jm-operator-metrics", "get?:s", NULL, 200, "Metrics" },
	{ "GET", VERTEX "/subtasks/metrics", "get?:s agg?:s subtasks?:s", NULL, 200,
	  "AggregatedMetrics" },
	{ "GET", VERTEX "/subtasks/accumulators", NULL, NULL, 200,
	  "{id:id parallelism:i subtasks:[{subtask:i attempt:i endpoint:s host:s "
	  "user-accumulators:[Accumulator]}]}" },
	{ "GET", SUBTASK, NULL, NULL, 200, "Subtask" },
	{ "GET", SUBTASK "/attempts/:attempt", NULL, NULL, 200, "Subtask" },
	{ "GET", SUBTASK "/attempts/:attempt/accumulators", NULL, NULL, 200,
	  "{subtask:i attempt:i id:id user-accumulators:[Accumulator]}" },
	{ "GET", SUBTASK "/metrics", "get?:s", NULL, 200, "Metrics" },

	{ "GET", "/taskmanagers", NULL, NULL, 200, "{taskmanagers:[TaskManager]}" },
	{ "GET", "/taskmanagers/metrics", "get?:s agg?:s taskmanagers?:s", NULL, 200,
	  "AggregatedMetrics" },
	{ "GET", TASKMANAGER, NULL, NULL, 200,
	  "{" TASKMANAGER_FIELDS
	  " allocatedSlots:[{index:i jobId:id resource:Resource assignedTasks:i jobName:s "
	  "tasks:[{vertex:id name:s subtask:i status:s}]}] "
	  "metrics:{heapUsed:i heapCommitted:i heapMax:i nonHeapUsed:i nonHeapCommitted:i "
	  "nonHeapMax:i directCount:i directUsed:i directMax:i mappedCount:i mappedUsed:i "
	  "mappedMax:i memorySegmentsAvailable:i memorySegmentsTotal:i "
	  "nettyShuffleMemorySegmentsAvailable:i nettyShuffleMemorySegmentsUsed:i "
	  "nettyShuffleMemorySegmentsTotal:i nettyShuffleMemoryAvailable:i "
	  "nettyShuffleMemoryUsed:i nettyShuffleMemoryTotal:i "
	  "garbageCollectors:[{name:s count:i time:i}]}}" },
	{ "GET", TASKMANAGER "/metrics", "get?:s", NULL, 200, "Metrics" },
	{ "GET", TASKMANAGER "/series", SERIES_QUERY, NULL, 200, "Series" },
	{ "GET", TASKMANAGER "/logs", NULL, NULL, 200, "Logs" },
	{ "GET", TASKMANAGER "/logs/:filename", "tail?:i", NULL, 200, TEXT },
	{ "GET", TASKMANAGER "/logs/:filename/lines", LINES_QUERY, NULL, 200, "LogLines" },
	{ "GET", TASKMANAGER "/log", "tail?:i", NULL, 200, TEXT },
	{ "GET", TASKMANAGER "/stdout", "tail?:i", NULL, 200, TEXT },
	{ "GET", TASKMANAGER "/thread-dump", NULL, NULL, 200, "ThreadDump" },

	{ "GET", "/jobmanager/config", NULL, NULL, 200, "Config" },
	{ "GET", "/jobmanager/environment", NULL, NULL, 200, "Environment" },
	{ "GET", "/jobmanager/metrics", "get?:s", NULL, 200, "Metrics" },
	{ "GET", "/jobmanager/series", SERIES_QUERY, NULL, 200, "Series" },
	{ "GET", "/jobmanager/logs", NULL, NULL, 200, "Logs" },
	{ "GET", "/jobmanager/logs/:filename", "tail?:i", NULL, 200, TEXT },
	{ "GET", "/jobmanager/logs/:filename/lines", LINES_QUERY, NULL, 200, "LogLines" },
	{ "GET", "/jobmanager/log", "tail?:i", NULL, 200, TEXT },
	{ "GET", "/jobmanager/stdout", "tail?:i", NULL, 200, TEXT },
	{ "GET", "/jobmanager/thread-dump", NULL, NULL, 200, "ThreadDump" },
	{ "GET", "/jars", NULL, NULL, 200,
	  "{address:s files:[{id:s name:s uploaded:i entry:[{name:s description:s?}]}]}" },
	{ "POST", "/jars/upload", NULL, "multipart/form-data", 200,
	  "{filename:s status:'success'}" },
	{ "DELETE", "/jars/:jarid", NULL, NULL, 200, "{}" },
	{ "POST", "/jars/:jarid/run",
	  JAR_QUERY " savepointPath?:s allowNonRestoredState?:s Idempotency-Key?:s",
	  "JarRunRequestBody", 200,
	  "{jobid:id}" },
	{ "GET", "/jars/:jarid/plan", JAR_QUERY, NULL, 200, "{plan:Plan}" },
	{ "POST", "/jars/:jarid/plan", JAR_QUERY, "JarPlanRequestBody", 200, "{plan:Plan}" },

	{ "GET", "/applications/overview", NULL, NULL, 200,
	  "{applications:[{id:id name:s status:" APPLICATION_STATE " start-time:i end-time:i "
	  "duration:i jobs:JobStates}]}" },
	{ "GET", APPLICATION, NULL, NULL, 200,
	  "{id:id name:s status:" APPLICATION_STATE " start-time:i end-time:i duration:i "
	  "timestamps:{CREATED:i RUNNING:i FAILING:i CANCELING:i FINISHED:i CANCELED:i FAILED:i} "
	  "jobs:[JobDetails]}" },
	{ "POST", APPLICATION "/cancel", NULL, NULL, 202, "{}" },
	{ "GET", APPLICATION "/exceptions", NULL, NULL, 200,
	  "{exceptionHistory:{entries:[{exceptionName:s stacktrace:s timestamp:i jobId:id}]}}" },
	{ "GET", APPLICATION "/jobmanager/config", NULL, NULL, 200, "Config" },
	{ "GET", "/datasets", NULL, NULL, 200, "{dataSets:[{id:id isComplete:b}]}" },
	{ "DELETE", "/datasets/:datasetid", NULL, NULL, 202, "Trigger" },
	{ "GET", "/datasets/delete/:triggerid", NULL, NULL, 200,
	  "{status:QueueStatus operation?:{failure-cause?:FailureCause}}" },
	{ "POST", "/savepoint-disposal", NULL, "SavepointDisposalRequest", 200, "Trigger" },
	{ "GET", "/savepoint-disposal/:triggerid", NULL, NULL, 200,
	  "{status:QueueStatus operation?:{failure-cause?:FailureCause}}" },
	{ NULL, NULL, NULL, NULL, 0, NULL },
};

const struct rest_api *rest_api_of(const struct rest_route *route)
{
	for (const struct rest_api *api = rest_apis; api->method != NULL; api++)
		if (strcmp(api->method, route->method) == 0 &&
		    strcmp(api->pattern, route->pattern) == 0)
			return api;
	return NULL;
}
