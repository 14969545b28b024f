// SPDX-License-Identifier: Apache-2.0
// toast.tsx - what came of an action, told at the edge of the page. Not for what a page can show in its place.
import { signal } from "@preact/signals";
import { ApiError } from "../api/errors";
import { texts } from "../lib/texts";
import { Quoted } from "./basics";
import { Icon } from "./icons";

const t = texts(
	{ dismiss: "Dismiss", unreachable: "The JobManager does not answer; nothing was changed." },
	{ dismiss: "닫기", unreachable: "JobManager가 응답하지 않아 아무것도 바뀌지 않았습니다." },
);

interface Toast {
	id: number;
	tone: "good" | "bad";
	text: string;
	hint?: string;
}

const GOOD_MS = 6_000;
const toasts = signal<Toast[]>([]);
let last = 0;

const dismiss = (id: number) => (toasts.value = toasts.value.filter(toast => toast.id !== id));

/** Good news go by themselves; bad ones stay until somebody has read them. */
export function toast(tone: Toast["tone"], text: string, hint?: string): void {
	const id = ++last;
	toasts.value = [...toasts.value.slice(-3), { id, tone, text, hint }];
	if (tone === "good") setTimeout(dismiss, GOOD_MS, id);
}

/** What an action failed of, in the server's words. */
export function toastFailure(failure: unknown): void {
	if (failure instanceof ApiError) toast("bad", failure.code ? `${failure.message} [${failure.code}]` : failure.message, failure.hint);
	else toast("bad", t("unreachable"));
}

export const Toasts = () => (
	<div class="toasts" role="status" aria-live="polite">
		{toasts.value.map(({ id, tone, text, hint }) => (
			<div key={id} class={`toast t-${tone}`}>
				<Icon name={tone === "good" ? "check" : "warning"} />
				<div>
					<p><Quoted text={text} /></p>
					{hint && <p class="hint" lang="en">{hint}</p>}
				</div>
				<button type="button" class="icon-button" onClick={() => dismiss(id)} aria-label={t("dismiss")}><Icon name="close" /></button>
			</div>
		))}
	</div>
);
