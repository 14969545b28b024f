// SPDX-License-Identifier: Apache-2.0
// output.tsx - what print() wrote, of all subtasks in one text, as it comes.
import { useEffect, useState } from "preact/hooks";
import { at, get } from "../../api/client";
import { ApiError } from "../../api/errors";
import { hasEnded } from "../../api/types";
import { bytes } from "../../lib/format";
import { visible } from "../../lib/page";
import { texts } from "../../lib/texts";
import { Empty, Failure, LogView, Skeleton } from "../../ui";
import type { JobTabProps } from "./tab";

const t = texts(
	{
		output: "Output of {name}", none: "The job has printed nothing so far", ended: "The job has printed nothing",
		why: "What print() writes is shown here as it comes, and in log/*.out of the TaskManagers and by an attached flink run as well.",
		dropped: "The first {n} are not kept here any more; they are in the .out files of the TaskManagers.", prefix: "N> in front of a line is the subtask that wrote it.",
	},
	{
		output: "{name}의 출력", none: "작업이 아직 아무것도 출력하지 않았습니다", ended: "작업이 아무것도 출력하지 않았습니다",
		why: "print()의 출력은 나오는 대로 여기에 표시되며, TaskManager의 log/*.out과 연결된 flink run에도 같은 내용이 나옵니다.",
		dropped: "앞부분 {n}는 여기에 더 이상 남아 있지 않습니다. TaskManager의 .out 파일에 있습니다.", prefix: "줄 앞의 N>는 그 줄을 쓴 서브태스크입니다.",
	},
);

interface Output {
	status: string;
	note: string;
	output: string;
	offset: number;
	next: number;
	end: boolean;
}

interface Held {
	text: string;
	/** Of its first byte in all that was printed. */
	from: number;
	error?: ApiError;
	loading: boolean;
}

const PIECE_BYTES = 256 * 1024;
const KEPT_CHARACTERS = 2 * 1024 * 1024;
const WAIT_MS = 9_000;
const AGAIN_MS = 2_000;

const pause = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, ms));

/** Follows the job's output from the last PIECE_BYTES on. */
function useOutput(jid: string, end: number): Held {
	const [held, setHeld] = useState<Held>({ text: "", from: 0, loading: true });
	const seen = visible.value;
	useEffect(() => {
		if (!seen) return;
		const control = new AbortController();
		const follow = async () => {
			let next = Math.max(0, end - PIECE_BYTES), status = "", note = "", text = "", from = -1;
			while (!control.signal.aborted) {
				const query = new URLSearchParams({ from: String(next), max: String(PIECE_BYTES), ...(status ? { wait_ms: String(WAIT_MS), status, note } : {}) });
				try {
					const answer = await get<Output>(`${at("jobs", jid)}/output?${query.toString()}`, { signal: control.signal });
					if (control.signal.aborted) return;
					if (from < 0 || answer.offset > next) { // what lay between is gone
						text = "";
						from = answer.offset;
					}
					text += answer.output;
					if (text.length > KEPT_CHARACTERS) {
						const cut = text.indexOf("\n", text.length - KEPT_CHARACTERS / 2) + 1;
						from += new TextEncoder().encode(text.slice(0, cut)).length;
						text = text.slice(cut);
					}
					({ next, status, note } = answer);
					setHeld({ text, from, loading: false });
					if (answer.end && hasEnded(status)) return;
				} catch (failure) {
					if (control.signal.aborted) return;
					if (failure instanceof ApiError) setHeld(now => ({ ...now, error: failure, loading: false }));
					await pause(AGAIN_MS);
				}
			}
		};
		void follow();
		return () => control.abort();
	}, [jid, seen]);
	return held;
}

export default function OutputTab(props: JobTabProps) {
	const { job } = props.picture;
	const { text, from, error, loading } = useOutput(props.jid, job["output-end"]);
	if (loading) return <Skeleton height={320} />;
	if (error && !text) return <Failure of={error} />;
	if (!text) return <Empty title={hasEnded(job.state) ? t("ended") : t("none")}>{t("why")}</Empty>;
	return (
		<>
			<LogView text={text} label={t("output", { name: job.name })} follow={!hasEnded(job.state)} />
			<p class="hint">{/^\d+> /.test(text) && t("prefix")} {from > 0 && t("dropped", { n: bytes(from) })}</p>
		</>
	);
}
