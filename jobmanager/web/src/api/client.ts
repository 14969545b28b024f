// SPDX-License-Identifier: Apache-2.0
// client.ts - one request to the JobManager. Addresses are relative, so that the page works below any path.
import { ApiError, errorOf, Unreachable } from "./errors";
import { heard, silent } from "./link";

const TIMEOUT_MS = 15_000;

export interface AskOptions {
	method?: "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
	/** Sent as JSON. */
	body?: unknown;
	/** Sent as it is: a FormData with a file. */
	form?: FormData;
	headers?: Record<string, string>;
	timeoutMs?: number;
	/** Ends the request from outside, as when its page is left. */
	signal?: AbortSignal;
}

/** The path's parts, each percent-encoded: `at("taskmanagers", id, "log")`. */
export const at = (...parts: (string | number)[]): string => `/${parts.map(part => encodeURIComponent(part)).join("/")}`;

export async function ask(path: string, options: AskOptions = {}): Promise<Response> {
	const timer = new AbortController();
	const timeout = setTimeout(() => timer.abort(), options.timeoutMs ?? TIMEOUT_MS);
	const stop = () => timer.abort();
	if (options.signal?.aborted) timer.abort();
	options.signal?.addEventListener("abort", stop);
	let answer: Response;
	try {
		answer = await fetch(`.${path}`, {
			method: options.method ?? "GET",
			cache: "no-store",
			credentials: "same-origin",
			signal: timer.signal,
			headers: { ...(options.body === undefined ? {} : { "Content-Type": "application/json" }), ...options.headers },
			body: options.form ?? (options.body === undefined ? undefined : JSON.stringify(options.body)),
		});
	} catch (cause) {
		if (!options.signal?.aborted) silent();
		throw new Unreachable(cause);
	} finally {
		clearTimeout(timeout);
		options.signal?.removeEventListener("abort", stop);
	}
	heard();
	if (answer.ok || answer.status === 304) return answer;
	throw errorOf(answer.status, answer.statusText, await answer.json().catch(() => null));
}

/** A body that breaks off is no answer either. */
async function whole<T>(body: Promise<T>): Promise<T> {
	try {
		return await body;
	} catch (cause) {
		throw cause instanceof SyntaxError ? new ApiError(200, `the answer is not JSON: ${cause.message}`) : new Unreachable(cause);
	}
}

export const get = async <T>(path: string, options?: AskOptions): Promise<T> => whole((await ask(path, options)).json() as Promise<T>);
export const getText = async (path: string, options?: AskOptions): Promise<string> => whole((await ask(path, options)).text());

/** What changes something: POST, PATCH, DELETE. */
export const send = async <T>(method: "POST" | "PATCH" | "PUT" | "DELETE", path: string, body?: unknown, options?: AskOptions): Promise<T> =>
	whole((await ask(path, { ...options, method, body })).json() as Promise<T>);
