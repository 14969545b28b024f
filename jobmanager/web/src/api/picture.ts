// SPDX-License-Identifier: Apache-2.0
// picture.ts - pictures of jobs and of the cluster, as docs/adr/0020-one-picture.md describes them.
//
// One stream of events (`/events`) tells all pictures that the page shows: each whole at first, then in patches. Where
// there is no stream (a proxy that keeps events back, a server that refuses), pictures are asked for with their ETag.
// Nothing runs while nobody looks. A stream that breaks leaves the last picture in place.
import { effect, signal, type Signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { setServerNow, visible } from "../lib/page";
import { ask, at } from "./client";
import { config } from "./config";
import { ApiError } from "./errors";
import { heard, pushed, silent } from "./link";
import { mergePatch } from "./patch";
import { hasEnded } from "./types";

export interface Held<T> {
	picture?: T;
	error?: ApiError;
	loading: boolean;
}

/** What `data` of an event is. */
interface Told {
	jid?: string | null;
	version: number;
	now: number;
	picture?: unknown;
	patch?: unknown;
}

const CLUSTER = "";
const FIRST_EVENT_MS = 4_000; // a stream that says nothing for so long is kept back by somebody
const STREAM_AGAIN_MS = 60_000;
const RETRY_MAX_MS = 5_000;
const HIDDEN_MS = 15_000; // a look at another tab does not end the stream
const FIRST_AGAIN_MS = 1_000;
const GATHER_MS = 20; // pages that change their mind make one stream

class Topic {
	readonly held: Signal<Held<unknown>> = signal({ loading: true });
	users = 0;
	etag = "";
	/** It changes: told by the stream. A job is asked for first, since one that has ended is told by nobody. */
	live: boolean;

	constructor(readonly jid: string) {
		this.live = jid === CLUSTER;
	}

	get path(): string {
		return this.jid === CLUSTER ? "/snapshot" : `${at("jobs", this.jid)}/snapshot`;
	}

	take(told: Told): void {
		setServerNow(told.now);
		if (told.picture !== undefined) this.show(told.picture);
		else if (told.patch !== undefined && this.held.peek().picture !== undefined) {
			this.show(mergePatch(this.held.peek().picture, told.patch));
		}
	}

	show(picture: unknown): void {
		const before = this.held.peek();
		if (before.picture !== picture || before.error || before.loading) this.held.value = { picture, loading: false };
		if (this.jid === CLUSTER) return;
		const live = !hasEnded((picture as { job?: { state?: string } }).job?.state ?? "");
		if (live === this.live) return;
		this.live = live;
		changeSoon();
	}

	/** Until it is known whether it changes. */
	async begin(): Promise<void> {
		while (this.users > 0 && this.held.peek().picture === undefined) {
			try {
				await this.ask();
			} catch (failure) {
				if (failure instanceof ApiError) return;
				await new Promise(resolve => setTimeout(resolve, FIRST_AGAIN_MS));
			}
		}
	}

	async ask(): Promise<void> {
		try {
			const answer = await ask(this.path, { headers: this.etag ? { "If-None-Match": this.etag } : undefined });
			if (answer.status === 304) return;
			const picture = (await answer.json()) as { now?: number };
			this.etag = answer.headers.get("ETag") ?? "";
			if (typeof picture.now === "number") setServerNow(picture.now);
			this.show(picture);
		} catch (failure) {
			if (failure instanceof ApiError) this.held.value = { ...this.held.peek(), error: failure, loading: false };
			throw failure;
		}
	}
}

const topics = new Map<string, Topic>();
const wanted = (): Topic[] => [...topics.values()].filter(topic => topic.users > 0 && topic.live);

/* ---- the stream, or asking again ---- */

let stream: EventSource | undefined;
let streamOf = "";
let failures = 0;
let streamAgainAt = 0;
let gather: ReturnType<typeof setTimeout> | undefined;
let retry: ReturnType<typeof setTimeout> | undefined;
let firstEvent: ReturnType<typeof setTimeout> | undefined;
let asking = 0; // number of the round that asks; another number ends it

function close(): void {
	stream?.close();
	stream = undefined;
	streamOf = "";
	asking++;
	clearTimeout(retry);
	clearTimeout(firstEvent);
	pushed.value = false;
}

const streamPath = (of: Topic[]): string => {
	const jobs = of.map(topic => topic.jid).filter(jid => jid !== CLUSTER).sort();
	const parts = [jobs.length ? `jobs=${jobs.map(encodeURIComponent).join(",")}` : "", of.some(topic => topic.jid === CLUSTER) ? "cluster=true" : ""];
	return `./events?${parts.filter(Boolean).join("&")}`;
};

function again(): void {
	failures++;
	retry = setTimeout(change, Math.min(RETRY_MAX_MS, 500 * 2 ** failures));
}

function begin(path: string): void {
	const source = new EventSource(path);
	const told = (event: MessageEvent<string>) => {
		if (stream !== source) return;
		clearTimeout(firstEvent);
		failures = 0;
		heard();
		pushed.value = true;
		const data = JSON.parse(event.data) as Told;
		topics.get(data.jid ?? CLUSTER)?.take(data);
	};
	stream = source;
	streamOf = path;
	source.addEventListener("picture", told);
	source.addEventListener("patch", told);
	source.onerror = () => {
		if (stream !== source) return;
		const refused = source.readyState === EventSource.CLOSED && failures > 0;
		close();
		if (refused) {
			streamAgainAt = Date.now() + STREAM_AGAIN_MS;
			void askAgain();
		} else {
			// Who did not hear the reason (a stream tells none) asks for the picture, whose answer tells it.
			void Promise.all(wanted().map(topic => topic.ask())).catch(() => undefined).then(again);
		}
	};
	firstEvent = setTimeout(() => {
		if (stream !== source) return;
		close();
		streamAgainAt = Date.now() + STREAM_AGAIN_MS;
		void askAgain();
	}, FIRST_EVENT_MS);
}

async function askAgain(): Promise<void> {
	const mine = ++asking;
	while (mine === asking) {
		if (Date.now() > streamAgainAt) return change();
		try {
			await Promise.all(wanted().map(topic => topic.ask()));
			failures = 0;
		} catch {
			failures++;
		}
		const wait = Math.max(config.peek()["refresh-interval"], failures ? Math.min(RETRY_MAX_MS, 500 * 2 ** failures) : 0);
		await new Promise(resolve => setTimeout(resolve, wait));
	}
}

function change(): void {
	const of = wanted();
	const path = streamPath(of);
	if (stream && streamOf === path) return;
	close();
	if (of.length === 0 || hidden) return;
	if (Date.now() < streamAgainAt) void askAgain();
	else begin(path);
}

function changeSoon(): void {
	clearTimeout(gather);
	gather = setTimeout(change, GATHER_MS);
}

let hidden = false;
let hide: ReturnType<typeof setTimeout> | undefined;
effect(() => {
	clearTimeout(hide);
	if (visible.value) {
		hidden = false;
		if (!stream) changeSoon();
	} else {
		hide = setTimeout(() => {
			hidden = true;
			close();
		}, HIDDEN_MS);
	}
});
if (typeof addEventListener !== "undefined") addEventListener("offline", silent);

/* ---- for pages ---- */

function useTopic<T>(jid: string): Held<T> {
	let topic = topics.get(jid);
	if (!topic) topics.set(jid, (topic = new Topic(jid)));
	const mine = topic;
	useEffect(() => {
		topics.set(jid, mine);
		mine.users++;
		changeSoon();
		void mine.begin();
		return () => {
			mine.users--;
			changeSoon();
		};
	}, [mine]);
	return mine.held.value as Held<T>;
}

/** The picture of a job, kept up to date while the component is there. */
export const usePicture = <T>(jid: string): Held<T> => useTopic<T>(jid);
/** The picture of the cluster. */
export const useCluster = <T>(): Held<T> => useTopic<T>(CLUSTER);
