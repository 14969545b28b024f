// SPDX-License-Identifier: Apache-2.0
// flink_tabs.mjs - the tabs of Flink's dashboard: the address of each and what a person must find there
// (a text, or a pattern).

const vertexTabs = ["detail", "subtasks", "taskmanagers", "watermarks", "accumulators", "backpressure", "metrics", "flamegraph"];

/** Tabs of one job. `state` is running or completed, `vertices` what /jobs/:jobid says. */
export function jobTabs(label, state, job, vertices, { exceptions = [] } = {}) {
	const address = `/#/job/${state}/${job.id}`;
	const tab = (name, path, ...see) => ({ name: `${label}-${name}`, address: `${address}/${path}`, see: [job.name, ...see] });
	const tabs = [
		tab("overview", "overview", "Records Received", ...vertices.map((vertex) => vertex.name)),
		tab("timeline", "timeline", "Vertex TimeLine"),
		tab("exceptions", "exceptions", "Root Exception", ...exceptions),
		tab("checkpoints", "checkpoints", "Checkpoint Counts", "Latest Restore"),
		tab("configuration", "configuration", "Execution Configuration", "Job parallelism"),
	];
	const runs = state === "running";
	const words = {
		detail: () => ["Max Parallelism", "Records Sent"],
		subtasks: () => ["Subtask Metrics", "Records Received"],
		taskmanagers: () => ["Bytes Received", "localhost"],
		watermarks: () => ["Watermark"],
		accumulators: () => ["Accumulators"],
		backpressure: () => (runs ? ["Back Pressure Status:"] : ["Cannot sample back pressure."]),
		metrics: () => ["Add Metric"],
		flamegraph: () => (runs ? ["On-CPU", /Measurement: [\d hms]+ ago/] : ["On-CPU", "Cannot sample flame graph."]),
	};
	for (const [index, vertex] of vertices.entries()) {
		for (const name of vertexTabs) {
			// A person comes to a vertex from the graph. The page itself stumbles when it goes from one vertex to the next
			// by address.
			const from = `${address}/overview`;
			tabs.push({ ...tab(`vertex-${index}-${name}`, `overview/${vertex.id}/${name}`, ...words[name](vertex)), from });
		}
	}
	return tabs;
}

/** All tabs that need no job. */
export function clusterTabs(taskManager) {
	const ofTaskManager = (name, ...see) =>
		({ name: `taskmanager-${name}`, address: `/#/task-manager/${encodeURIComponent(taskManager.id)}/${name}`, see: [taskManager.id, ...see] });
	const ofJobManager = (name, ...see) => ({ name: `jobmanager-${name}`, address: `/#/job-manager/${name}`, see });
	return [
		{ name: "overview", address: "/#/overview", see: ["Available Task Slots", "Running Job List", "Completed Job List"] },
		{ name: "jobs-running", address: "/#/job/running", see: ["Running Jobs", "Socket Window WordCount"] },
		{ name: "jobs-completed", address: "/#/job/completed", see: ["Completed Jobs", "Refusing Map"] },
		{ name: "submit", address: "/#/submit", see: ["Uploaded Jars"] },
		{ name: "taskmanagers", address: "/#/task-manager", see: [taskManager.id, "Data Port"] },
		ofTaskManager("metrics", "Flink Memory Model", "Managed Memory", "Garbage Collection"),
		ofTaskManager("logs", "Received task"),
		ofTaskManager("stdout"),
		ofTaskManager("log-list", "Last Modified Time"),
		ofTaskManager("thread-dump", '"slot-0"'),
		ofTaskManager("profiler", "rest.profiling.enabled"),
		ofJobManager("metrics", "Flink Memory Model", "JVM Overhead", "Garbage Collection"),
		ofJobManager("config", "jobmanager.rpc.address", "JVM", "Classpath"),
		ofJobManager("logs", "Starting the JobManager"),
		ofJobManager("stdout"),
		ofJobManager("log", "Last Modified Time"),
		ofJobManager("thread-dump", '"'),
		ofJobManager("profiler", "rest.profiling.enabled"),
	];
}
