// SPDX-License-Identifier: Apache-2.0
// checkpoints.tsx - checkpoints are not taken yet: the page says so, what it will show, and what is set.
import { at } from "../../api/client";
import { useAnswer } from "../../api/poll";
import { count, duration } from "../../lib/format";
import { texts } from "../../lib/texts";
import { Card, Cards, Facts, Failure, Section, Sentence, Skeleton } from "../../ui";
import type { JobTabProps } from "./tab";
import "./parts.css";

const t = texts(
	{
		none: "This version takes no checkpoints and no savepoints yet: after a failure a job begins anew, without its state.",
		set: "{setting} will turn periodic checkpoints on; until then it has no effect.",
		shows: "With checkpoints, this page shows:", trend: "their size and duration over time, and what failed, in one chart",
		phases: "for each subtask how long it waited for the barrier, aligned, and wrote (start delay, alignment, sync, async)", verdict: "which subtask holds a checkpoint up, in a sentence",
		resume: "where to resume from, with the command line for it",
		completed: "Completed", failed: "Failed", progress: "In progress", restored: "Restored", settings: "Settings", mode: "Mode", interval: "Interval", off: "off", timeout: "Timeout",
		pause: "Minimum pause", concurrent: "At the same time", unaligned: "Unaligned", backend: "State backend", storage: "Storage", yes: "yes", no: "no",
	},
	{
		none: "이 버전은 아직 체크포인트와 세이브포인트를 만들지 않습니다. 실패하면 작업은 상태 없이 처음부터 다시 시작합니다.",
		set: "{setting} 설정이 주기적 체크포인트를 켜게 되며, 그때까지는 효과가 없습니다.",
		shows: "체크포인트가 있으면 이 페이지에 다음이 표시됩니다:", trend: "시간에 따른 크기와 소요 시간, 실패를 한 차트로",
		phases: "서브태스크마다 배리어를 기다리고 정렬하고 기록한 시간 (시작 지연, 정렬, 동기, 비동기)", verdict: "체크포인트를 늦추는 서브태스크를 한 문장으로",
		resume: "어디서부터 재개할 수 있는지와 그 명령",
		completed: "완료", failed: "실패", progress: "진행 중", restored: "복원", settings: "설정", mode: "모드", interval: "간격", off: "꺼짐", timeout: "제한 시간",
		pause: "최소 간격", concurrent: "동시 개수", unaligned: "비정렬", backend: "상태 백엔드", storage: "저장소", yes: "예", no: "아니요",
	},
);

interface CheckpointConfig {
	mode: string;
	interval: number;
	timeout: number;
	min_pause: number;
	max_concurrent: number;
	unaligned_checkpoints: boolean;
	state_backend: string;
	checkpoint_storage: string;
}

const NEVER = 2 ** 53; // Flink says the largest 64-bit number for "off"

export default function Checkpoints(props: JobTabProps) {
	const { counts } = props.picture.checkpoints;
	const { data, error } = useAnswer<CheckpointConfig>(`${at("jobs", props.jid)}/checkpoints/config`, 0);
	return (
		<>
			<Sentence text={t("none")} tone="calm">
				<p>{t.rich("set", { setting: <code>execution.checkpointing.interval</code> })}</p>
				<p>{t("shows")}</p>
				<ul class="points"><li>{t("trend")}</li><li>{t("phases")}</li><li>{t("verdict")}</li><li>{t("resume")}</li></ul>
			</Sentence>
			<Cards>
				<Card label={t("completed")} value={count(counts.completed)} />
				<Card label={t("progress")} value={count(counts.in_progress)} />
				<Card label={t("failed")} value={count(counts.failed)} />
				<Card label={t("restored")} value={count(counts.restored)} />
			</Cards>
			<Section title={t("settings")}>
				{error ? <Failure of={error} /> : !data ? <Skeleton height={80} /> : (
					<Facts of={[
						[t("mode"), data.mode], [t("interval"), data.interval >= NEVER ? t("off") : duration(data.interval)], [t("timeout"), duration(data.timeout)],
						[t("pause"), duration(data.min_pause)], [t("concurrent"), count(data.max_concurrent)], [t("unaligned"), data.unaligned_checkpoints ? t("yes") : t("no")],
						[t("backend"), data.state_backend], [t("storage"), data.checkpoint_storage],
					]} />
				)}
			</Section>
		</>
	);
}
