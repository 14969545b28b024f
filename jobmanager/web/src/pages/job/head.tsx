// SPDX-License-Identifier: Apache-2.0
// head.tsx - the head of a job's page: what it is, how it is, and what can be done with it.
import { useEffect, useState } from "preact/hooks";
import { at, send } from "../../api/client";
import { config } from "../../api/config";
import type { JobHeader } from "../../api/picture-types";
import { hasEnded } from "../../api/types";
import { count, duration } from "../../lib/format";
import { texts } from "../../lib/texts";
import { Button, CopyButton, Dialog, Elapsed, Facts, Name, PageHead, Sentence, State, Time, toast, toastFailure } from "../../ui";
import { withoutFrames } from "../jobs";

const t = texts(
	{
		id: "Job ID", start: "Start Time", end: "End Time", duration: "Duration", restarts: "Restarts", runningTime: "{time} of it running",
		slots: "Slots", cancel: "Cancel Job", cancelling: "Canceling …", question: "Cancel this job?",
		explain: "All of its tasks end where they are. What they have not written yet is lost; without a savepoint the job cannot go on from there.",
		keep: "Keep it running", canceled: "“{name}” is canceled.", other: "“{name}” ended as {state} before it could be canceled.",
	},
	{
		id: "작업 ID", start: "시작 시각", end: "종료 시각", duration: "기간", restarts: "재시작", runningTime: "이 중 실행 {time}",
		slots: "슬롯", cancel: "작업 취소", cancelling: "취소하는 중…", question: "이 작업을 취소할까요?",
		explain: "모든 태스크가 그 자리에서 끝납니다. 아직 쓰지 않은 내용은 사라지며, 세이브포인트가 없으면 이어서 실행할 수 없습니다.",
		keep: "계속 실행", canceled: "“{name}” 작업을 취소했습니다.", other: "“{name}” 작업은 취소되기 전에 {state} 상태로 끝났습니다.",
	},
);

function Cancel(props: { job: JobHeader }) {
	const { job } = props;
	const [asking, setAsking] = useState(false);
	const [sent, setSent] = useState(false);
	const going = sent || job.state === "CANCELLING";
	useEffect(() => {
		if (!sent || !hasEnded(job.state)) return;
		setSent(false);
		if (job.state === "CANCELED") toast("good", t("canceled", { name: job.name }));
		else toast("bad", t("other", { name: job.name, state: job.state }));
	}, [sent, job.state]);
	if (hasEnded(job.state) || !config.value.features["web-cancel"]) return null;
	const cancel = async () => {
		setAsking(false);
		setSent(true);
		try {
			await send("PATCH", `${at("jobs", job.jid)}?mode=cancel`);
		} catch (failure) {
			setSent(false);
			toastFailure(failure);
		}
	};
	return (
		<>
			<Button kind="danger" busy={going} onClick={() => setAsking(true)}>{going ? t("cancelling") : t("cancel")}</Button>
			{asking && (
				<Dialog
					title={t("question")} onClose={() => setAsking(false)} command={`./bin/flink cancel ${job.jid}`}
					actions={<><Button kind="danger" onClick={cancel}>{t("cancel")}</Button><Button onClick={() => setAsking(false)}>{t("keep")}</Button></>}
				>
					<p class="row-name"><Name of={job.name} /></p>
					<p class="sub">{t("explain")}</p>
				</Dialog>
			)}
		</>
	);
}

/** How long it ran, when that is not the time from its start: it waited, or was restarted. */
function Running(props: { job: JobHeader; ended: boolean }) {
	const { job } = props, most = job["end-time"] - job["start-time"];
	if (!props.ended || job["all-running-time"] <= 0 || most - job["all-running-time"] < 1_000) return null;
	return <span class="none"> · {t("runningTime", { time: duration(job["all-running-time"]) })}</span>;
}

export function JobHead(props: { job: JobHeader }) {
	const { job } = props;
	const ended = hasEnded(job.state);
	return (
		<>
			<PageHead title={<Name of={job.name} />} badge={<State of={job.state} />} actions={<Cancel job={job} />} />
			<Facts of={[
				[t("id"), <span class="job-id"><code translate={false}>{job.jid}</code><CopyButton text={job.jid} /></span>],
				[t("start"), <Time at={job["start-time"]} />],
				...(ended ? [[t("end"), <Time at={job["end-time"]} />] as [string, preact.JSX.Element]] : []),
				[t("duration"), <><Elapsed from={job["start-time"]} to={ended ? job["end-time"] : undefined} /><Running job={job} ended={ended} /></>],
				[t("restarts"), <span class={job.restarts > 0 ? "t-warn-text" : undefined}>{count(job.restarts)}</span>],
				[t("slots"), count(job.slots)],
			]} />
			{job.note && <Sentence text={withoutFrames(job.note)} tone={job.state === "FAILED" ? "bad" : ended ? "calm" : "warn"} />}
			{!ended && !job.note && job.bottleneck && <Sentence text={job.bottleneck} />}
		</>
	);
}
