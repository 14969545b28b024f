// SPDX-License-Identifier: Apache-2.0
// poll.ts - answers that are asked for again and again while somebody looks at them.
//
// However many parts of a page want the same address, it is asked for once per interval; one request at a time;
// none while the page is hidden. An answer that is the same as before (ETag, or the same text) draws nothing. An
// answer that fails leaves the last good one in place.
import { effect, signal, type Signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { visible } from "../lib/page";
import { ask } from "./client";
import { ApiError } from "./errors";
import { config } from "./config";

export interface Answer<T> {
	data?: T;
	/** The server said no to the last request. What was there before is still in `data`. */
	error?: ApiError;
	/** True until the first answer. */
	loading: boolean;
}

const KEPT_MS = 60_000;
const RETRY_MAX_MS = 5_000;

class Resource<T> {
	readonly answer: Signal<Answer<T>> = signal({ loading: true });
	everyMs = 0;
	private users = 0;
	private failures = 0;
	private etag = "";
	private text = "";
	private timer: ReturnType<typeof setTimeout> | undefined;
	private running: AbortController | undefined;

	constructor(readonly path: string) {}

	enter(): void {
		clearTimeout(this.timer);
		if (this.users++ === 0) void this.refresh();
	}

	leave(): void {
		if (--this.users > 0) return;
		clearTimeout(this.timer);
		this.running?.abort();
		this.running = undefined;
		this.timer = setTimeout(() => resources.delete(this.path), KEPT_MS);
	}

	wake(): void {
		if (this.users > 0 && !this.running) void this.refresh();
	}

	async refresh(): Promise<void> {
		clearTimeout(this.timer);
		if (this.running) return;
		const running = (this.running = new AbortController());
		try {
			const answer = await ask(this.path, {
				signal: running.signal,
				headers: this.etag ? { "If-None-Match": this.etag } : undefined,
			});
			if (answer.status !== 304) this.take(await answer.text(), answer.headers.get("ETag") ?? "");
			else if (this.answer.peek().error) this.answer.value = { ...this.answer.peek(), error: undefined };
			this.failures = 0;
		} catch (failure) {
			if (failure instanceof ApiError) this.answer.value = { ...this.answer.peek(), error: failure, loading: false };
			if (this.running === running) this.failures++;
		}
		if (this.running !== running) return; // left meanwhile, and perhaps entered again
		this.running = undefined;
		if (this.users > 0) this.later();
	}

	private take(text: string, etag: string): void {
		const before = this.answer.peek();
		this.etag = etag;
		if (text === this.text && !before.loading && !before.error) return;
		try {
			this.answer.value = { data: JSON.parse(text) as T, loading: false };
			this.text = text;
		} catch (failure) {
			throw new ApiError(200, `the answer to ${this.path} is not JSON: ${String(failure)}`);
		}
	}

	private later(): void {
		if (!visible.peek() || (this.everyMs === 0 && this.failures === 0)) return;
		const retry = Math.min(RETRY_MAX_MS, 500 * 2 ** this.failures);
		this.timer = setTimeout(() => void this.refresh(), this.failures > 0 ? retry : this.everyMs);
	}
}

const resources = new Map<string, Resource<unknown>>();

effect(() => {
	if (visible.value) for (const resource of resources.values()) resource.wake();
});

const resourceOf = <T>(path: string): Resource<T> => {
	let resource = resources.get(path);
	if (!resource) resources.set(path, (resource = new Resource(path)));
	return resource as Resource<T>;
};

/** Asks again at once: after something was changed. */
export function refresh(prefix = "/"): void {
	for (const [path, resource] of resources) if (path.startsWith(prefix)) resource.wake();
}

const nothing = signal<Answer<never>>({ loading: true });

/**
 * The answer of an address, asked for again every `everyMs` (default: what the server wants; 0: once). With null
 * nothing is asked for.
 */
export function useAnswer<T>(path: string | null, everyMs?: number): Answer<T> {
	const resource = useMemo(() => (path === null ? null : resourceOf<T>(path)), [path]);
	useEffect(() => {
		if (!resource) return;
		resource.everyMs = everyMs ?? config.peek()["refresh-interval"];
		resource.enter();
		return () => resource.leave();
	}, [resource, everyMs]);
	return (resource?.answer ?? nothing).value as Answer<T>;
}
