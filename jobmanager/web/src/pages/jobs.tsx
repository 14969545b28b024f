// SPDX-License-Identifier: Apache-2.0
// jobs.tsx - tables of jobs: those that run, with what they wait for or who is slow in them, and those that ended.
import { useMemo } from "preact/hooks";
import type { JobSummary, TaskCounts } from "../api/types";
import { hasEnded } from "../api/types";
import { clock } from "../lib/page";
import { link } from "../lib/route";
import { texts } from "../lib/texts";
import { classes, type Column, DataTable, Elapsed, Empty, Meter, Name, Quoted, State, Time } from "../ui";

const t = texts(
	{
		name: "Job Name", state: "Status", start: "Start Time", end: "End Time", duration: "Duration", tasks: "Tasks", tasksHint: "Subtasks that run or have finished, of all",
		running: "Running Jobs", completed: "Completed Jobs",
		noneRunning: "No running jobs", tryOne: "Type into one terminal what the job in the other one counts:",
		noneEnded: "No job has ended yet", noneEndedWhy: "Jobs that finish, fail or are canceled are kept here.",
	},
	{
		name: "작업 이름", state: "상태", start: "시작 시각", end: "종료 시각", duration: "기간", tasks: "태스크", tasksHint: "전체 서브태스크 가운데 실행 중이거나 끝난 것",
		running: "실행 중인 작업", completed: "완료된 작업",
		noneRunning: "실행 중인 작업이 없습니다", tryOne: "한 터미널에 글을 입력하면 다른 터미널의 작업이 단어를 셉니다:",
		noneEnded: "아직 끝난 작업이 없습니다", noneEndedWhy: "완료, 실패, 취소된 작업이 여기에 남습니다.",
	},
);

export const jobHref = (job: JobSummary): string => link("job", hasEnded(job.state) ? "completed" : "running", job.jid, "overview");

/** A Python traceback without its frames: where it began, and what was raised. */
export const withoutFrames = (text: string): string => text.replace(/Traceback \(most recent call last\):\n(?:[ \t][^\n]*\n)*/g, "");

const SHOWN = ["finished", "running", "initializing", "deploying", "scheduled", "created", "canceling", "canceled", "failed", "reconciling"] as const;

/** How far its subtasks are. */
export function Tasks(props: { of: TaskCounts }) {
	const done = props.of.running + props.of.finished;
	return (
		<span class="tasks">
			<Meter label={t("tasks")} total={props.of.total} format={String}
				parts={SHOWN.map(key => ({ key, label: key.toUpperCase(), value: props.of[key], tone: `s-${key.toUpperCase()}` }))} />
			<span class="tasks-count">{done} / {props.of.total}</span>
		</span>
	);
}

/** What it waits for, what it failed of, or who in it is slow. The whole of a long one is the title. */
function JobName(props: { job: JobSummary }) {
	const { job } = props;
	const said = job.note || job.bottleneck;
	const tone = job.state === "FAILED" ? "t-bad-text" : job.note && !hasEnded(job.state) ? "t-warn-text" : undefined;
	return (
		<>
			<a class="row-name" href={jobHref(job)}><Name of={job.name} /></a>
			{said && <span class={classes("row-note", tone)} title={said}><Quoted text={withoutFrames(said)} /></span>}
		</>
	);
}

const columnsOf = (ended: boolean): Column<JobSummary>[] => [
	{ key: "name", title: t("name"), main: true, sort: job => job.name, cell: job => <JobName job={job} /> },
	{ key: "state", title: t("state"), sort: job => job.state, cell: job => <State of={job.state} />, width: "8.5rem" },
	{ key: "tasks", title: t("tasks"), hint: t("tasksHint"), sort: job => job.tasks.total, cell: job => <Tasks of={job.tasks} />, width: "10rem" },
	{ key: "start", title: t("start"), sort: job => job["start-time"], cell: job => <Time at={job["start-time"]} brief />, width: "12rem" },
	...(ended ? [{ key: "end", title: t("end"), sort: job => job["end-time"], cell: job => <Time at={job["end-time"]} brief />, width: "12rem" } as Column<JobSummary>] : []),
	{
		key: "duration", title: t("duration"), align: "end", width: "8rem", sort: job => (ended ? job["end-time"] : clock.peek()) - job["start-time"],
		cell: job => <Elapsed from={job["start-time"]} to={ended ? job["end-time"] : undefined} />,
	},
];

const textOf = (job: JobSummary): string => `${job.name} ${job.jid} ${job.state}`;

export function RunningJobs(props: { jobs: readonly JobSummary[]; filter?: boolean }) {
	const name = t("name"); // with the language, the columns change
	const columns = useMemo(() => columnsOf(false), [name]);
	return (
		<DataTable
			id="running-" label={t("running")} columns={columns} rows={props.jobs} rowKey={job => job.jid} sort="-start"
			text={props.filter ? textOf : undefined}
			empty={(
				<Empty title={t("noneRunning")} commands={["nc -lk 9000", "./bin/flink run examples/streaming/SocketWindowWordCount.jar --port 9000"]}>
					{t("tryOne")}
				</Empty>
			)}
		/>
	);
}

export function CompletedJobs(props: { jobs: readonly JobSummary[]; filter?: boolean }) {
	const name = t("name");
	const columns = useMemo(() => columnsOf(true), [name]);
	return (
		<DataTable
			id="completed-" label={t("completed")} columns={columns} rows={props.jobs} rowKey={job => job.jid} sort="-end"
			text={props.filter ? textOf : undefined} empty={<Empty title={t("noneEnded")}>{t("noneEndedWhy")}</Empty>}
		/>
	);
}
