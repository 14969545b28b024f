// SPDX-License-Identifier: Apache-2.0
// files.tsx - log files and threads of a process, JobManager or TaskManager alike.
import { useMemo } from "preact/hooks";
import { at } from "../../api/client";
import { useAnswer } from "../../api/poll";
import type { LogFile, Threads } from "../../api/processes";
import { bytes } from "../../lib/format";
import { link } from "../../lib/route";
import { texts } from "../../lib/texts";
import { CodeBlock, type Column, CopyButton, DataTable, Empty, Failure, LogPages, Skeleton, Time } from "../../ui";

const t = texts(
	{
		name: "Name", size: "Size", changed: "Last change", files: "Log files", none: "There are no log files", back: "All files",
		noneWhy: "A process that was started by hand writes to the terminal it was started in. Started by the scripts, it has files:",
		log: "Log of {name}", out: "Standard output of {name}", noFile: "There is no such file", filter: "Thread", threads: "{n} {n|thread|threads}", copyAll: "Copy all",
	},
	{
		name: "이름", size: "크기", changed: "마지막 변경", files: "로그 파일", none: "로그 파일이 없습니다", back: "모든 파일",
		noneWhy: "직접 시작한 프로세스는 시작한 터미널에 출력합니다. 스크립트로 시작하면 파일이 생깁니다:",
		log: "{name}의 로그", out: "{name}의 표준 출력", noFile: "해당 파일이 없습니다", filter: "스레드", threads: "스레드 {n}개", copyAll: "모두 복사",
	},
);

const LIST_MS = 10_000;
const THREADS_MS = 5_000;

const useFiles = (api: string) => useAnswer<{ logs: LogFile[] }>(`${api}/logs`, LIST_MS);

const NoFiles = () => <Empty title={t("none")} commands={["./bin/start-cluster.sh"]}>{t("noneWhy")}</Empty>;

/** The main log, or the standard output. `api` is "/jobmanager" or "/taskmanagers/<id>". */
export function MainFile(props: { api: string; kind: "log" | "out"; of: string }) {
	const { data, error } = useFiles(props.api);
	if (error) return <Failure of={error} />;
	if (!data) return <Skeleton height={420} />;
	const file = data.logs.find(one => one.kind === props.kind);
	if (!file) return <NoFiles />;
	return <LogPages key={file.name} path={`${props.api}${at("logs", file.name)}`} label={t(props.kind, { name: props.of })} levels={props.kind === "log"} />;
}

const columnsOf = (page: readonly string[]): Column<LogFile>[] => [
	{ key: "name", title: t("name"), main: true, sort: file => file.name, cell: file => <a href={link(...page, "log-list", file.name)}>{file.name}</a> },
	{ key: "size", title: t("size"), align: "end", sort: file => file.size, cell: file => bytes(file.size), width: "9rem" },
	{ key: "changed", title: t("changed"), sort: file => file.mtime, cell: file => <Time at={file.mtime} />, width: "14rem" },
];

/** All files, or the one that the address names. */
export function Files(props: { api: string; page: readonly string[]; file: string }) {
	const { data, error } = useFiles(props.api);
	const name = t("name");
	const columns = useMemo(() => columnsOf(props.page), [name, props.page.join("/")]);
	if (error) return <Failure of={error} />;
	if (!data) return <Skeleton height={240} />;
	if (props.file) {
		const file = data.logs.find(one => one.name === props.file);
		return (
			<>
				<p class="crumb"><a href={link(...props.page, "log-list")}>← {t("back")}</a> <b>{props.file}</b></p>
				{file ? <LogPages key={file.name} path={`${props.api}${at("logs", file.name)}`} label={t("log", { name: file.name })} levels={file.kind === "log"} />
					: <Empty title={t("noFile")} />}
			</>
		);
	}
	return <DataTable label={t("files")} columns={columns} rows={data.logs} rowKey={file => file.name} sort="-changed" text={file => file.name} empty={<NoFiles />} />;
}

export function ThreadDump(props: { api: string }) {
	const { data, error } = useAnswer<Threads>(`${props.api}/thread-dump`, THREADS_MS);
	if (error && !data) return <Failure of={error} />;
	if (!data) return <Skeleton height={320} />;
	const all = () => data.threadInfos.map(one => one.stringifiedThreadInfo.trimEnd()).join("\n\n");
	return (
		<>
			<p class="hint">{t("threads", { n: data.threadInfos.length })} <CopyButton text={all} label={t("copyAll")} /></p>
			{data.threadInfos.map((one, i) => (
				<section key={`${one.threadName}${i}`} class="thread">
					<h3>{one.threadName}</h3>
					<CodeBlock text={one.stringifiedThreadInfo.trimEnd()} label={one.threadName} />
				</section>
			))}
		</>
	);
}
