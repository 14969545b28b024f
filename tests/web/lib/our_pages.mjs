// SPDX-License-Identifier: Apache-2.0
// our_pages.mjs - every page of our dashboard: its address, and what a person must see there. One row per page; each is
// opened in light and dark, wide and narrow, English and Korean, and looked at by axe.

/** `see`: texts (or patterns) that the page shows. `ko`: one that it shows in Korean. */
export function ourPages({ taskManager, jobs, vertices }) {
	const job = (which, kind = "running") => `/#/job/${kind}/${jobs[which].id}`;
	const vertex = `${job("words")}/overview/${vertices[0].id}`;
	const tm = `/#/task-manager/${encodeURIComponent(taskManager.id)}`;
	return [
		{ name: "overview", address: "/#/overview", see: ["Available Task Slots", jobs.words.name, jobs.finished.name, jobs.failed.name], ko: "사용 가능한 태스크 슬롯" },
		{ name: "task-managers", address: "/#/task-manager", see: [taskManager.id, "REGISTERED"], ko: "마지막 하트비트" },
		{ name: "task-manager", address: `${tm}/metrics`, see: ["Memory model", "Managed memory", jobs.words.name, "Source: Socket Stream", "CPU, of all cores"], ko: "메모리 모델" },
		{ name: "task-manager-log", address: `${tm}/logs`, see: ["Received task"], ko: "파일 전체에서 찾기" },
		{ name: "task-manager-log-search", address: `${tm}/logs?find=registration`, see: [/[1-9]\d* lines? of/], ko: "끝을 따라가기" },
		{ name: "task-manager-stdout", address: `${tm}/stdout`, see: [/\d> line number \d/], ko: "내려받기" },
		{ name: "task-manager-files", address: `${tm}/log-list`, see: [/taskexecutor-0-.*\.log/], ko: "마지막 변경" },
		{ name: "task-manager-threads", address: `${tm}/thread-dump`, see: [/[1-9]\d* threads/], ko: "스레드" },
		{ name: "job-manager", address: "/#/job-manager/metrics", see: ["Running jobs", "All slots"], ko: "실행 중인 작업" },
		{ name: "job-manager-config", address: "/#/job-manager/config", see: ["taskmanager.numberOfTaskSlots", "flink-conf.yaml"], ko: "출처" },
		{ name: "job-manager-log", address: "/#/job-manager/logs", see: ["Received JobGraph submission"], ko: "파일 전체에서 찾기" },
		{ name: "job-manager-stdout", address: "/#/job-manager/stdout", see: ["The file is empty so far"], ko: "파일이 아직 비어 있습니다" },
		{ name: "job-manager-files", address: "/#/job-manager/log-list", see: [/standalonesession-0-.*\.log/], ko: "마지막 변경" },
		{ name: "jobs-running", address: "/#/job/running", see: [jobs.words.name, jobs.pressed.name], ko: "실행 중인 작업" },
		{ name: "jobs-completed", address: "/#/job/completed", see: [jobs.finished.name, jobs.failed.name, jobs.failed.cause], ko: "완료된 작업" },
		{ name: "job-overview", address: `${job("words")}/overview`, see: ["Source: Socket Stream", "HASH", "Busiest", "Records read by sources"], ko: "가장 바쁨" },
		{ name: "job-overview-operators", address: `${job("pressed")}/overview?show=operators`, see: ["Cause", "Filter", "it holds back"], ko: "원인" },
		{ name: "job-overview-ended", address: `${job("finished", "completed")}/overview`, see: ["FINISHED", "Vertices"], ko: "버텍스" },
		{ name: "job-output", address: `${job("words")}/output`, see: ["be : 2"], ko: "출력" },
		{ name: "job-output-none", address: `${job("failed", "completed")}/output`, see: ["The job has printed nothing"], ko: "작업이 아무것도 출력하지 않았습니다" },
		{ name: "job-exceptions", address: `${job("failed", "completed")}/exceptions`, see: [jobs.failed.cause, "Failures over the job's life", taskManager.id.split(":")[0]], ko: "실패 기록" },
		{ name: "job-exceptions-none", address: `${job("words")}/exceptions`, see: ["No failures"], ko: "실패가 없습니다" },
		{ name: "job-timeline", address: `${job("words")}/timeline?vertex=${vertices[0].id}`, see: ["Vertices", "Subtask 0"], ko: "버텍스" },
		{ name: "job-checkpoints", address: `${job("words")}/checkpoints`, see: ["execution.checkpointing.interval", "exactly_once"], ko: "체크포인트" },
		{ name: "job-configuration", address: `${job("words")}/configuration`, see: ["Restart strategy"], ko: "재시작 전략" },
		{ name: "vertex-flamegraph", address: `${job("pressed")}/overview/${jobs.pressed.vertices.at(-1).id}/flamegraph`, see: [/samples of \d/], ko: "플레임 그래프" },
		{ name: "vertex-subtasks", address: `${vertex}/subtasks`, see: ["Source: Socket Stream"], ko: "서브태스크" },
		{ name: "submit", address: "/#/submit", see: ["Drop a program here", "Programs"], ko: "프로그램을 여기에 끌어다 놓거나" },
		{ name: "plan", address: "/#/plan", see: ["get_execution_plan()", "To get one"], ko: "실행 계획을 얻으려면" },
		{ name: "vertex-subtask", address: `${vertex}/subtasks/0`, see: ["Subtask 0", "Attempts", "localhost:"], ko: "시도" },
		{ name: "vertex-operators", address: `${job("pressed")}/overview/${jobs.pressed.vertices.at(-1).id}/operators`, see: ["Filter", "Sink: Print to Std. Out", "sink"], ko: "연산자" },
		{ name: "vertex-taskmanagers", address: `${vertex}/taskmanagers`, see: ["localhost:"], ko: "서브태스크" },
		{ name: "vertex-metrics", address: `${vertex}/metrics?metrics=numRecordsInPerSecond,buffers.outPoolUsage`, see: ["numRecordsOut", "numRecordsInPerSecond (sum)"], ko: "합계" },
		{ name: "vertex-backpressure", address: `${job("pressed")}/overview/${jobs.pressed.vertices[0].id}/backpressure`, see: ["HIGH", "REBALANCE"], ko: "연결선" },
		{ name: "nowhere", address: "/#/nowhere", see: ["There is no page at this address."], ko: "이 주소에는 페이지가 없습니다." },
	];
}
