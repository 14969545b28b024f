// SPDX-License-Identifier: Apache-2.0
// task-manager.tsx - one TaskManager: its memory, its slots and what sits in them, its files and threads.
import type { PageProps } from "../../app";
import { at } from "../../api/client";
import { useCluster } from "../../api/picture";
import type { ClusterPicture } from "../../api/picture-types";
import { useAnswer } from "../../api/poll";
import type { TaskManagerDetail } from "../../api/processes";
import { bytes, count } from "../../lib/format";
import { link } from "../../lib/route";
import { texts } from "../../lib/texts";
import { useTitle } from "../../lib/title";
import { Elapsed, Empty, Facts, Failure, PageHead, Skeleton, State, Tabs, Time } from "../../ui";
import { type MetricName, ProcessCharts } from "./charts";
import "./cluster.css";
import { Files, MainFile, ThreadDump } from "./files";
import { MemoryModel } from "./memory";
import { Slots } from "./slots";

const t = texts(
	{
		title: "TaskManager {id}", tabs: "Of this TaskManager", metrics: "Overview", logs: "Log", stdout: "Stdout", "log-list": "Log List", "thread-dump": "Threads",
		endpoint: "Data port", path: "RPC address", cores: "CPU cores", physical: "Memory of the machine", freeOf: "{free} of {all} free", since: "Registered", up: "Up for", tasks: "Tasks",
		heartbeat: "Last heartbeat", gone: "This TaskManager is not registered any more", goneWhy: "It was stopped, or was lost and came back under another name.", all: "All TaskManagers",
	},
	{
		title: "TaskManager {id}", tabs: "이 TaskManager", metrics: "개요", logs: "로그", stdout: "표준 출력", "log-list": "로그 목록", "thread-dump": "스레드",
		endpoint: "데이터 포트", path: "RPC 주소", cores: "CPU 코어", physical: "머신 메모리", freeOf: "{all} 중 {free} 남음", since: "등록 시각", up: "가동 시간", tasks: "태스크",
		heartbeat: "마지막 하트비트", gone: "이 TaskManager는 더 이상 등록되어 있지 않습니다", goneWhy: "중지되었거나, 연결이 끊긴 뒤 다른 이름으로 다시 등록되었습니다.", all: "모든 TaskManager",
	},
);

const TABS = ["metrics", "logs", "stdout", "log-list", "thread-dump"] as const;
const CHARTS: MetricName[][] = [
	["Status.JVM.CPU.Load"], ["Status.JVM.Memory.Heap.Used"], ["Status.Shuffle.Netty.UsedMemorySegments"], ["Status.Flink.Memory.Managed.Used"],
	["taskSlotsAvailable"], ["Status.JVM.Threads.Count"],
];

export default function TaskManager(props: PageProps) {
	const id = props.params.id as string;
	const tab = TABS.find(one => one === props.params.tab) ?? "metrics";
	useTitle(t("title", { id }));
	const api = at("taskmanagers", id);
	const { data, error } = useAnswer<TaskManagerDetail>(api);
	const told = useCluster<ClusterPicture>().picture?.taskmanagers[id];
	const page = ["task-manager", id] as const;
	if (error?.notFound) return <><PageHead title={t("title", { id })} /><Empty title={t("gone")}>{t("goneWhy")} <a href="#/task-manager">{t("all")}</a></Empty></>;
	return (
		<>
			<PageHead title={t("title", { id })} badge={told && <State of={told.available ? "REGISTERED" : "SILENT"} />} />
			{error && <Failure of={error} />}
			{data ? (
				<Facts of={[
					[t("up"), told ? <Elapsed from={told.registered} /> : "–"],
					[t("heartbeat"), <Time at={data.timeSinceLastHeartbeat} brief />],
					[t("tasks"), count(data.assignedTasks)],
					[t("cores"), count(data.hardware.cpuCores)],
					[t("physical"), t("freeOf", { free: bytes(data.hardware.freeMemory), all: bytes(data.hardware.physicalMemory) })],
					[t("endpoint"), String(data.dataPort)],
					[t("path"), <code>{data.path}</code>],
				]} />
			) : <Skeleton height={48} />}
			<Tabs label={t("tabs")} here={tab} of={TABS.map(key => ({ key, label: t(key), href: link(...page, key) }))} />
			{tab === "metrics" && (data ? (
				<>
					<Slots of={data} />
					<MemoryModel of={data} managedUsed={told?.["managed-memory-used"]} />
					<ProcessCharts api={api} groups={CHARTS} />
				</>
			) : !error && <Skeleton height={480} />)}
			{tab === "logs" && <MainFile api={api} kind="log" of={id} />}
			{tab === "stdout" && <MainFile api={api} kind="out" of={id} />}
			{tab === "log-list" && <Files api={api} page={page} file={props.params["*"] ?? ""} />}
			{tab === "thread-dump" && <ThreadDump api={api} />}
		</>
	);
}
