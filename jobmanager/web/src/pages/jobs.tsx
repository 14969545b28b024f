// SPDX-License-Identifier: Apache-2.0
// jobs.tsx - tables of jobs: those that run, with what they wait for or who is slow in them, and those that ended.
import { useMemo } from "preact/hooks";
import { useCluster } from "../api/picture";
import type { ClusterJob, ClusterPicture } from "../api/picture-types";
import { hasEnded, type ExecutionState } from "../api/types";
import type { PageProps } from "../app";
import { perSecond, short } from "../lib/format";
import { clock } from "../lib/page";
import { link } from "../lib/route";
import { texts } from "../lib/texts";
import { useTitle } from "../lib/title";
import { classes, type Column, DataTable, Elapsed, Empty, Failure, Meter, Name, PageHead, Quoted, Skeleton, State, Time } from "../ui";

const t = texts(
	{
		name: "Job Name", state: "Status", start: "Start Time", end: "End Time", duration: "Duration", tasks: "Tasks", tasksHint: "Subtasks that run or have finished, of all",
		read: "Read", readHint: "Records per second that its sources read", wrote: "Written", wroteHint: "Records per second that its sinks wrote",
		running: "Running Jobs", completed: "Completed Jobs",
		noneRunning: "No running jobs", tryOne: "Type into one terminal what the job in the other one counts:",
		noneEnded: "No job has ended yet", noneEndedWhy: "Jobs that finish, fail or are canceled are kept here.",
	},
	{
		name: "작업 이름", state: "상태", start: "시작 시각", end: "종료 시각", duration: "기간", tasks: "태스크", tasksHint: "전체 서브태스크 가운데 실행 중이거나 끝난 것",
		read: "읽기", readHint: "소스가 초당 읽은 레코드 수", wrote: "쓰기", wroteHint: "싱크가 초당 쓴 레코드 수",
		running: "실행 중인 작업", completed: "완료된 작업",
		noneRunning: "실행 중인 작업이 없습니다", tryOne: "한 터미널에 글을 입력하면 다른 터미널의 작업이 단어를 셉니다:",
		noneEnded: "아직 끝난 작업이 없습니다", noneEndedWhy: "완료, 실패, 취소된 작업이 여기에 남습니다.",
	},
);

/** A job as the tables show it. */
export interface ListedJob {
	jid: string;
	of: ClusterJob;
	states: readonly ExecutionState[];
}

const listed = new WeakMap<ClusterJob, ListedJob>(); // a job that did not change is the same row

/** Those that run, newest first, and those that ended, likewise. */
export function jobsOf(picture: ClusterPicture | undefined): { running: ListedJob[]; ended: ListedJob[] } {
	const running: ListedJob[] = [], ended: ListedJob[] = [];
	for (const [jid, of] of Object.entries(picture?.jobs ?? {})) {
		let job = listed.get(of);
		if (!job) listed.set(of, (job = { jid, of, states: picture?.states ?? [] }));
		(hasEnded(of.state) ? ended : running).push(job);
	}
	running.sort((a, b) => b.of["start-time"] - a.of["start-time"]);
	ended.sort((a, b) => b.of["end-time"] - a.of["end-time"]);
	return { running, ended };
}

export const jobHref = (jid: string, state: string): string => link("job", hasEnded(state) ? "completed" : "running", jid, "overview");

/** A Python traceback without its frames: where it began, and what was raised. */
export const withoutFrames = (text: string): string => text.replace(/Traceback \(most recent call last\):\n(?:[ \t][^\n]*\n)*/g, "");

const FIRST: readonly ExecutionState[] = ["FINISHED", "RUNNING"]; // what is done stands on the left

/** How far its subtasks are. */
export function Tasks(props: { of: readonly number[]; states: readonly ExecutionState[]; bare?: boolean }) {
	const value = (state: ExecutionState) => props.of[props.states.indexOf(state)] ?? 0;
	const all = props.of.reduce((sum, n) => sum + n, 0);
	const order = [...FIRST, ...props.states.filter(state => !FIRST.includes(state))];
	return (
		<span class="tasks">
			<Meter label={t("tasks")} total={all} format={String}
				parts={order.map(state => ({ key: state, label: state, value: value(state), tone: `s-${state}` }))} />
			{!props.bare && <span class="tasks-count">{value("RUNNING") + value("FINISHED")} / {all}</span>}
		</span>
	);
}

/** What it waits for, what it failed of, or who in it is slow. The whole of a long one is the title. */
function JobName(props: { job: ListedJob }) {
	const { jid, of } = props.job;
	const said = of.note || of.bottleneck;
	const tone = of.state === "FAILED" ? "t-bad-text" : of.note && !hasEnded(of.state) ? "t-warn-text" : undefined;
	return (
		<>
			<a class="row-name" href={jobHref(jid, of.state)}><Name of={of.name} /></a>
			{said && <span class={classes("row-note", tone)} title={said}><Quoted text={withoutFrames(said)} /></span>}
		</>
	);
}

const rate = (key: "read" | "wrote", of: (job: ClusterJob) => number): Column<ListedJob> => ({
	key, title: t(key), hint: t(`${key}Hint`), align: "end", width: "7rem", sort: job => of(job.of),
	cell: job => <span title={`${short(of(job.of))}`}>{perSecond(of(job.of))}</span>,
});

const columnsOf = (ended: boolean): Column<ListedJob>[] => [
	{ key: "name", title: t("name"), main: true, sort: job => job.of.name, cell: job => <JobName job={job} /> },
	{ key: "state", title: t("state"), sort: job => job.of.state, cell: job => <State of={job.of.state} />, width: "8.5rem" },
	{ key: "tasks", title: t("tasks"), hint: t("tasksHint"), sort: job => job.of.tasks.reduce((sum, n) => sum + n, 0), cell: job => <Tasks of={job.of.tasks} states={job.states} />, width: "10rem" },
	...(ended ? [] : [rate("read", job => job["records-in-rate"]), rate("wrote", job => job["records-out-rate"])]),
	{ key: "start", title: t("start"), sort: job => job.of["start-time"], cell: job => <Time at={job.of["start-time"]} brief />, width: "12rem" },
	...(ended ? [{ key: "end", title: t("end"), sort: job => job.of["end-time"], cell: job => <Time at={job.of["end-time"]} brief />, width: "12rem" } as Column<ListedJob>] : []),
	{
		key: "duration", title: t("duration"), align: "end", width: "8rem", sort: job => (ended ? job.of["end-time"] : clock.peek()) - job.of["start-time"],
		cell: job => <Elapsed from={job.of["start-time"]} to={ended ? job.of["end-time"] : undefined} />,
	},
];

const textOf = (job: ListedJob): string => `${job.of.name} ${job.jid} ${job.of.state}`;

export function RunningJobs(props: { jobs: readonly ListedJob[]; filter?: boolean }) {
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

export function CompletedJobs(props: { jobs: readonly ListedJob[]; filter?: boolean }) {
	const name = t("name");
	const columns = useMemo(() => columnsOf(true), [name]);
	return (
		<DataTable
			id="completed-" label={t("completed")} columns={columns} rows={props.jobs} rowKey={job => job.jid} sort="-end"
			text={props.filter ? textOf : undefined} empty={<Empty title={t("noneEnded")}>{t("noneEndedWhy")}</Empty>}
		/>
	);
}

/** #/job/running and #/job/completed: all of them. */
export default function JobList(props: PageProps) {
	const completed = props.params.kind === "completed";
	const title = completed ? t("completed") : t("running");
	const { picture, error } = useCluster<ClusterPicture>();
	const { running, ended } = useMemo(() => jobsOf(picture), [picture]);
	useTitle(title);
	return (
		<>
			<PageHead title={title} />
			{error && <Failure of={error} />}
			{!picture ? <Skeleton height={140} /> : completed ? <CompletedJobs jobs={ended} filter={ended.length > 1} /> : <RunningJobs jobs={running} filter={running.length > 1} />}
		</>
	);
}
