// SPDX-License-Identifier: Apache-2.0
// task-managers.tsx - all TaskManagers with what they have and use.
import { useMemo } from "preact/hooks";
import { useCluster } from "../../api/picture";
import type { ClusterPicture, ClusterTaskManager } from "../../api/picture-types";
import { bytes, count } from "../../lib/format";
import { link } from "../../lib/route";
import { texts } from "../../lib/texts";
import { useTitle } from "../../lib/title";
import { type Column, DataTable, Elapsed, Empty, Failure, Meter, PageHead, Share, Skeleton, State, Time } from "../../ui";
import "./cluster.css";

const t = texts(
	{
		title: "Task Managers", id: "TaskManager", slots: "Slots", heartbeat: "Last heartbeat", since: "Up for", cores: "CPU cores", memory: "Memory of the process",
		managed: "Managed memory", network: "Network buffers", none: "No TaskManager is registered", noneWhy: "Jobs need slots, and slots are in TaskManagers. Start one:",
		inUse: "in use", free: "free", silent: "does not answer; its slots do not count",
	},
	{
		title: "TaskManager", id: "TaskManager", slots: "슬롯", heartbeat: "마지막 하트비트", since: "가동 시간", cores: "CPU 코어", memory: "프로세스 메모리",
		managed: "관리 메모리", network: "네트워크 버퍼", none: "등록된 TaskManager가 없습니다", noneWhy: "작업에는 슬롯이 필요하고, 슬롯은 TaskManager에 있습니다. 하나 시작하세요:",
		inUse: "사용 중", free: "남음", silent: "응답이 없어 슬롯을 세지 않습니다",
	},
);

interface Row extends ClusterTaskManager {
	id: string;
}

const shareOf = (used: number, all: number, label: string) => (all > 0
	? <Share of={used / all} tone={used / all > 0.9 ? "t-warn" : "t-slot"} label={`${label}: ${bytes(used)} / ${bytes(all)}`} />
	: <span class="none">–</span>);

const columnsOf = (): Column<Row>[] => [
	{
		key: "id", title: t("id"), main: true, sort: row => row.id,
		cell: row => (
			<>
				<a class="row-name" href={link("task-manager", row.id, "metrics")}>{row.id}</a>
				{!row.available && <span class="row-note t-warn-text">{t("silent")}</span>}
				<span class="row-note">{row.endpoint}</span>
			</>
		),
	},
	{
		key: "slots", title: t("slots"), sort: row => row["free-slots"], width: "11rem",
		cell: row => (
			<span class="tasks">
				<Meter label={t("slots")} total={row.slots} format={count} parts={[{ key: "used", label: t("inUse"), value: row.slots - row["free-slots"], tone: "t-slot" }]} />
				<span class="tasks-count">{row.slots - row["free-slots"]} / {row.slots}</span>
			</span>
		),
	},
	{ key: "cores", title: t("cores"), align: "end", sort: row => row["cpu-cores"], cell: row => count(row["cpu-cores"]), width: "6rem" },
	{ key: "memory", title: t("memory"), align: "end", sort: row => row["process-memory"], cell: row => bytes(row["process-memory"]), width: "9rem" },
	{
		key: "managed", title: t("managed"), sort: row => row["managed-memory-used"] / Math.max(1, row["managed-memory"]), width: "9rem",
		cell: row => shareOf(row["managed-memory-used"], row["managed-memory"], t("managed")),
	},
	{
		key: "network", title: t("network"), sort: row => row["network-memory-used"] / Math.max(1, row["network-memory"]), width: "9rem",
		cell: row => shareOf(row["network-memory-used"], row["network-memory"], t("network")),
	},
	{ key: "since", title: t("since"), align: "end", sort: row => -row.registered, cell: row => <Elapsed from={row.registered} />, width: "7rem" },
	{ key: "heartbeat", title: t("heartbeat"), sort: row => row["last-heartbeat"], cell: row => <Time at={row["last-heartbeat"]} brief />, width: "9rem" },
];

export default function TaskManagers() {
	useTitle(t("title"));
	const { picture, error } = useCluster<ClusterPicture>();
	const name = t("slots");
	const columns = useMemo(columnsOf, [name]);
	const rows = useMemo(() => Object.entries(picture?.taskmanagers ?? {}).map(([id, one]) => ({ ...one, id })), [picture?.taskmanagers]);
	return (
		<>
			<PageHead title={t("title")} badge={picture && <State of="REGISTERED" count={rows.length} />} />
			{error && <Failure of={error} />}
			{picture ? (
				<DataTable label={t("title")} columns={columns} rows={rows} rowKey={row => row.id} sort="id" text={rows.length > 5 ? row => `${row.id} ${row.endpoint}` : undefined}
					empty={<Empty title={t("none")} commands={["./bin/taskmanager.sh start"]}>{t("noneWhy")}</Empty>} />
			) : <Skeleton height={200} />}
		</>
	);
}
