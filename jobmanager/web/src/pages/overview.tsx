// SPDX-License-Identifier: Apache-2.0
// overview.tsx - the cluster at a glance: its slots and TaskManagers, what runs, what waits and why, what ended.
import { useMemo } from "preact/hooks";
import { config } from "../api/config";
import { useCluster } from "../api/picture";
import type { ClusterPicture } from "../api/picture-types";
import type { Overview as Counts } from "../api/types";
import { count } from "../lib/format";
import { texts } from "../lib/texts";
import { useTitle } from "../lib/title";
import { Card, Cards, CommandLine, Failure, PageHead, Section, Sentence, Skeleton } from "../ui";
import { CompletedJobs, jobsOf, RunningJobs } from "./jobs";

const t = texts(
	{
		title: "Overview", slots: "Available Task Slots", taskManagers: "Task Managers",
		slotsShown: "{used} of {all} slots in use", running: "Running Jobs", completed: "Completed Jobs", waiting: "{n} waiting; the reason is below the name", all: "All completed jobs",
		noTaskManagers: "No TaskManager is registered, so no job can run. Start one:", ended: "Ended Jobs",
		finished: "Finished", canceled: "Canceled", failed: "Failed",
	},
	{
		title: "개요", slots: "사용 가능한 태스크 슬롯", taskManagers: "TaskManager",
		slotsShown: "슬롯 {all}개 중 {used}개 사용 중", running: "실행 중인 작업", completed: "완료된 작업", waiting: "{n}개 대기 중 (이유는 이름 아래)", all: "완료된 작업 모두 보기",
		noTaskManagers: "등록된 TaskManager가 없어 작업을 실행할 수 없습니다. 다음 명령으로 시작하세요:", ended: "끝난 작업",
		finished: "완료", canceled: "취소", failed: "실패",
	},
);

const SLOTS_DRAWN_MAX = 96;

/** A square per slot; of many, a bar. */
function Slots(props: { used: number; all: number }) {
	const { used, all } = props;
	const label = t("slotsShown", { used: count(used), all: count(all) });
	if (all > SLOTS_DRAWN_MAX) {
		return (
			<div class="meter" role="img" aria-label={label} title={label}>
				<i class="t-slot" style={{ flexGrow: used / all }} /><i class="rest" style={{ flexGrow: 1 - used / all }} />
			</div>
		);
	}
	return (
		<div class="slots" role="img" aria-label={label} title={label}>
			{Array.from({ length: all }, (_, i) => <i key={i} class={i < used ? "used" : undefined} />)}
		</div>
	);
}

const ENDS = [["FINISHED", "finished", "jobs-finished"], ["CANCELED", "canceled", "jobs-cancelled"], ["FAILED", "failed", "jobs-failed"]] as const;

function Numbers(props: { of: Counts; waiting: number }) {
	const { of } = props, free = of["slots-available"], all = of["slots-total"];
	return (
		<Cards>
			<Card label={t("slots")} value={count(free)} of={count(all)}><Slots used={all - free} all={all} /></Card>
			<Card label={t("taskManagers")} value={count(of.taskmanagers)} href="#/task-manager" />
			<Card label={t("running")} value={count(of["jobs-running"])} href="#/job/running">
				{props.waiting > 0 && <span class="t-warn-text">{t("waiting", { n: props.waiting })}</span>}
			</Card>
			<Card label={t("ended")} value={count(of["jobs-finished"] + of["jobs-cancelled"] + of["jobs-failed"])} href="#/job/completed">
				<ul class="legend">
					{ENDS.map(([state, word, key]) => <li key={state} class={of[key] ? undefined : "nothing"}><i class={`s-${state}`} />{t(word)} <b>{count(of[key])}</b></li>)}
				</ul>
			</Card>
		</Cards>
	);
}

export default function Overview() {
	useTitle(t("title"));
	const { picture, error } = useCluster<ClusterPicture>();
	const counts = picture?.cluster;
	const most = config.value["ended-jobs-shown"];
	const { running, ended } = useMemo(() => jobsOf(picture), [picture]);
	return (
		<>
			<PageHead title={t("title")} />
			{error && <Failure of={error} />}
			{counts ? <Numbers of={counts} waiting={running.filter(job => job.of.note).length} /> : <Skeleton height={128} />}
			{counts?.taskmanagers === 0 && (
				<Sentence text={t("noTaskManagers")} tone="warn"><CommandLine text="./bin/taskmanager.sh start" /></Sentence>
			)}
			<Section title={t("running")}>{picture ? <RunningJobs jobs={running} /> : <Skeleton height={140} />}</Section>
			<Section title={t("completed")} aside={ended.length > most && <a href="#/job/completed">{t("all")} ({count(ended.length)})</a>}>
				{picture ? <CompletedJobs jobs={ended.slice(0, most)} /> : <Skeleton height={140} />}
			</Section>
		</>
	);
}
