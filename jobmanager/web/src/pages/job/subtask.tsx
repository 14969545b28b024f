// SPDX-License-Identifier: Apache-2.0
// subtask.tsx - one subtask: what it does now, and each of its attempts, the newest first.
import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import { at } from "../../api/client";
import { useAnswer } from "../../api/poll";
import type { Subtask } from "../../api/subtasks";
import { hasEnded } from "../../api/types";
import { bytes, count } from "../../lib/format";
import { link } from "../../lib/route";
import { texts } from "../../lib/texts";
import { type Column, DataTable, Elapsed, Icon, Meter, Quoted, Section, Sentence, State, Time } from "../../ui";
import { withoutFrames } from "../jobs";
import type { VertexTabProps } from "./tab";

const t = texts(
	{
		back: "All subtasks", title: "Subtask {n}", of: "{n} of {all}", time: "Where its time goes", busy: "Busy", held: "Back-pressured", idle: "Idle",
		attempts: "Attempts", attempt: "Attempt", status: "Status", taskManager: "TaskManager", recordsIn: "Records in", recordsOut: "Records out",
		bytesIn: "Bytes in", bytesOut: "Bytes out", own: "Of this attempt alone", start: "Start", duration: "Duration",
		notKept: "No longer kept (jobmanager.execution.attempts-history-size)", older: "{n} older {n|attempt is|attempts are} not shown.",
	},
	{
		back: "모든 서브태스크", title: "서브태스크 {n}", of: "{all}개 중 {n}", time: "시간 사용", busy: "처리", held: "백프레셔", idle: "유휴",
		attempts: "시도", attempt: "시도", status: "상태", taskManager: "TaskManager", recordsIn: "입력 레코드", recordsOut: "출력 레코드",
		bytesIn: "입력 바이트", bytesOut: "출력 바이트", own: "이 시도만의 값", start: "시작", duration: "기간",
		notKept: "더 이상 보관되지 않습니다 (jobmanager.execution.attempts-history-size)", older: "이전 시도 {n}개는 표시하지 않습니다.",
	},
);

/** `GET …/subtasks/:subtaskindex/attempts/:attempt` */
interface Attempt {
	status: string;
	attempt: number;
	endpoint: string;
	"start-time": number;
	"end-time": number;
	metrics: Record<"read-records" | "write-records" | "read-bytes" | "write-bytes", number>;
	"taskmanager-id": string;
	failure?: string;
}

const SHOWN_MAX = 16;

interface Row {
	number: number;
	path: string;
	/** It is asked for again while it changes. */
	live: boolean;
}

/** What is in a cell, once the attempt is known; all cells of a row ask one question. */
function Told(props: { row: Row; cell: (attempt: Attempt) => ComponentChildren; missing?: boolean }) {
	const { data, error } = useAnswer<Attempt>(props.row.path, props.row.live ? undefined : 0);
	if (data) return <>{props.cell(data)}</>;
	return <span class="none">{props.missing && error?.notFound ? t("notKept") : "–"}</span>;
}

const told = (key: string, title: string, cell: (attempt: Attempt) => ComponentChildren, more?: Partial<Column<Row>>): Column<Row> => ({
	key, title, cell: row => <Told row={row} cell={cell} missing={key === "status"} />, ...more,
});

export function SubtaskPage(props: VertexTabProps & { subtask: Subtask }) {
	const { subtask, base, vid, jid, vertex } = props;
	const newest = subtask.attempt ?? 0, live = !hasEnded(props.picture.job.state) && subtask["end-time"] === -1;
	const rows = useMemo(() => Array.from({ length: Math.min(newest + 1, SHOWN_MAX) }, (_, i): Row => ({
		number: newest - i, live: live && i === 0, path: at("jobs", jid, "vertices", vid, "subtasks", subtask.index, "attempts", newest - i),
	})), [newest, live, jid, vid, subtask.index]);
	const name = t("attempt");
	const columns = useMemo((): Column<Row>[] => [
		{ key: "attempt", title: t("attempt"), main: true, sort: row => row.number, cell: row => (
			<>
				<span class="row-name">{count(row.number + 1)}</span>
				<Told row={row} cell={attempt => attempt.failure && <span class="row-note t-bad-text" title={attempt.failure}><Quoted text={withoutFrames(attempt.failure)} /></span>} />
			</>
		) },
		told("status", t("status"), attempt => <State of={attempt.status} />),
		told("taskmanager", t("taskManager"), attempt => attempt["taskmanager-id"].includes(":")
			? <a href={link("task-manager", attempt["taskmanager-id"], "metrics")}>{attempt.endpoint}</a> : attempt.endpoint),
		told("in", t("recordsIn"), attempt => count(attempt.metrics["read-records"]), { align: "end", hint: t("own") }),
		told("out", t("recordsOut"), attempt => count(attempt.metrics["write-records"]), { align: "end", hint: t("own") }),
		told("bytes-in", t("bytesIn"), attempt => bytes(attempt.metrics["read-bytes"]), { align: "end", hint: t("own") }),
		told("bytes-out", t("bytesOut"), attempt => bytes(attempt.metrics["write-bytes"]), { align: "end", hint: t("own") }),
		told("start", t("start"), attempt => <Time at={attempt["start-time"]} brief />),
		told("duration", t("duration"), attempt => <Elapsed from={attempt["start-time"]} to={attempt["end-time"] > 0 ? attempt["end-time"] : undefined} />, { align: "end" }),
	], [name]);
	return (
		<>
			<p><a class="back" href={link(...base, "overview", vid, "subtasks")}><Icon name="left" />{t("back")}</a></p>
			<h2 class="vertex-title">{t("title", { n: subtask.index })} <State of={subtask.status} /> <small class="sub">{t("of", { n: subtask.index + 1, all: vertex.parallelism })}</small></h2>
			{subtask["status-text"] && <Sentence text={subtask["status-text"]} tone="warn" />}
			{live && (
				<div class="time-meter">
					<Meter label={t("time")} total={1} legend parts={[
						{ key: "busy", label: t("busy"), value: subtask.busy ?? 0, tone: "t-busy" },
						{ key: "held", label: t("held"), value: subtask.backpressured ?? 0, tone: "t-held" },
						{ key: "idle", label: t("idle"), value: subtask.idle ?? 0, tone: "t-idle" },
					]} />
				</div>
			)}
			<Section title={t("attempts")}>
				<div class="dense"><DataTable id="attempts-" label={t("attempts")} columns={columns} rows={rows} rowKey={row => row.path} sort="-attempt" /></div>
				{newest >= SHOWN_MAX && <p class="sub">{t("older", { n: newest + 1 - SHOWN_MAX })}</p>}
			</Section>
		</>
	);
}
