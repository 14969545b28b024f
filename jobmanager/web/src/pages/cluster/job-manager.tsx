// SPDX-License-Identifier: Apache-2.0
// job-manager.tsx - the JobManager: what it uses, its settings with where they come from, its files and threads.
import { useMemo } from "preact/hooks";
import type { PageProps } from "../../app";
import { useAnswer } from "../../api/poll";
import type { Setting } from "../../api/processes";
import { config } from "../../api/config";
import { link } from "../../lib/route";
import { texts } from "../../lib/texts";
import { useTitle } from "../../lib/title";
import { type Column, DataTable, Facts, Failure, PageHead, Skeleton, Tabs } from "../../ui";
import { type MetricName, ProcessCharts } from "./charts";
import "./cluster.css";
import { Files, MainFile, ThreadDump } from "./files";

const t = texts(
	{
		title: "Job Manager", tabs: "Of the JobManager", metrics: "Overview", config: "Configuration", logs: "Log", stdout: "Stdout", "log-list": "Log List", "thread-dump": "Threads",
		key: "Key", value: "Value", origin: "From", settings: "Settings in force", version: "Version", commit: "Revision", runtime: "Runtime", arch: "Machine",
	},
	{
		title: "JobManager", tabs: "JobManager 정보", metrics: "개요", config: "설정", logs: "로그", stdout: "표준 출력", "log-list": "로그 목록", "thread-dump": "스레드",
		key: "키", value: "값", origin: "출처", settings: "적용된 설정", version: "버전", commit: "리비전", runtime: "실행 환경", arch: "아키텍처",
	},
);

const TABS = ["metrics", "config", "logs", "stdout", "log-list", "thread-dump"] as const;
const CHARTS: MetricName[][] = [
	["Status.JVM.CPU.Load"], ["Status.JVM.Memory.Heap.Used"], ["taskSlotsTotal", "taskSlotsAvailable"], ["numRunningJobs", "numRegisteredTaskManagers"],
];

const columnsOf = (): Column<Setting>[] => [
	{ key: "key", title: t("key"), sort: one => one.key, cell: one => <code>{one.key}</code>, width: "38%" },
	{ key: "value", title: t("value"), main: true, sort: one => one.value, cell: one => <code>{one.value}</code>, width: "34%" },
	{ key: "origin", title: t("origin"), sort: one => one.origin ?? "", cell: one => <span class="sub">{one.origin ?? ""}</span>, width: "28%" },
];

function Settings() {
	const { data, error } = useAnswer<Setting[]>("/jobmanager/config", 0);
	const name = t("key");
	const columns = useMemo(columnsOf, [name]);
	if (error) return <Failure of={error} />;
	if (!data) return <Skeleton height={480} />;
	return <DataTable label={t("settings")} columns={columns} rows={data} rowKey={one => one.key} sort="key" text={one => `${one.key} ${one.value} ${one.origin ?? ""}`} />;
}

export default function JobManager(props: PageProps) {
	useTitle(t("title"));
	const tab = TABS.find(one => one === props.params.tab) ?? "metrics";
	const about = useAnswer<{ jvm: { version: string; arch: string } }>("/jobmanager/environment", 0).data;
	const page = ["job-manager"] as const;
	return (
		<>
			<PageHead title={t("title")} />
			<Facts of={[
				[t("version"), config.value["flink-version"] || "–"], [t("commit"), config.value["flink-revision"] || "–"],
				[t("runtime"), about?.jvm.version ?? "–"], [t("arch"), about?.jvm.arch ?? "–"],
			]} />
			<Tabs label={t("tabs")} here={tab} of={TABS.map(key => ({ key, label: t(key), href: link(...page, key) }))} />
			{tab === "metrics" && <ProcessCharts api="/jobmanager" groups={CHARTS} />}
			{tab === "config" && <Settings />}
			{tab === "logs" && <MainFile api="/jobmanager" kind="log" of="JobManager" />}
			{tab === "stdout" && <MainFile api="/jobmanager" kind="out" of="JobManager" />}
			{tab === "log-list" && <Files api="/jobmanager" page={page} file={props.params["*"] ?? ""} />}
			{tab === "thread-dump" && <ThreadDump api="/jobmanager" />}
		</>
	);
}
