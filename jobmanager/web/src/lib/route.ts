// SPDX-License-Identifier: Apache-2.0
// route.ts - the address behind the #, which is Flink's own: #/job/running/<id>/overview/<vertex>/subtasks?sort=-busy.
// Whatever a reader chose (tab, order, filter) is in it, so that an address can be given to somebody else.
import { computed, signal } from "@preact/signals";

export interface Address {
	/** The decoded parts of the path. */
	parts: string[];
	query: URLSearchParams;
}

const decode = (part: string): string => {
	try {
		return decodeURIComponent(part);
	} catch {
		return part; // a lone % that somebody typed
	}
};

export function parse(hash: string): Address {
	const text = hash.replace(/^#?\/?/, "");
	const cut = text.indexOf("?");
	const path = cut < 0 ? text : text.slice(0, cut);
	return {
		parts: path.split("/").filter(Boolean).map(decode),
		query: new URLSearchParams(cut < 0 ? "" : text.slice(cut + 1)),
	};
}

/** `link("job", "running", jid, "overview")`: an address to go to. Parts are encoded. */
export function link(...parts: (string | number)[]): string {
	return `#/${parts.map(part => encodeURIComponent(part)).join("/")}`;
}

/** The same with what a reader chose. */
export const withQuery = (href: string, query: Record<string, string | undefined>): string => {
	const params = new URLSearchParams();
	for (const [key, value] of Object.entries(query)) if (value) params.set(key, value);
	const text = params.toString();
	return text ? `${href}?${text}` : href;
};

const hash = signal(typeof location === "undefined" ? "" : location.hash);
if (typeof addEventListener !== "undefined") addEventListener("hashchange", () => (hash.value = location.hash));

export const address = computed(() => parse(hash.value));
export const path = computed(() => address.value.parts.join("/"));

export function go(href: string): void {
	location.hash = href;
}

/** Changes what the reader chose without a step in the browser's history. An empty value is taken out. */
export function choose(values: Record<string, string>): void {
	const { parts, query } = parse(hash.peek());
	const next = new URLSearchParams(query);
	for (const [key, value] of Object.entries(values)) {
		if (value) next.set(key, value);
		else next.delete(key);
	}
	const text = next.toString();
	const href = text ? `${link(...parts)}?${text}` : link(...parts);
	history.replaceState(history.state, "", href);
	hash.value = href;
}

/** One of those choices. */
export const chosen = (key: string, otherwise = ""): string => address.value.query.get(key) ?? otherwise;

/**
 * Matches "job/:kind/:jid/:tab?/*": names in their places, "?" may be missing, "*" whatever follows (joined by "/").
 * Null when it does not fit.
 */
export function match(pattern: string, parts: string[]): Record<string, string> | null {
	const found: Record<string, string> = {};
	const want = pattern.split("/");
	for (let i = 0; i < want.length; i++) {
		const piece = want[i] as string;
		if (piece === "*") {
			found["*"] = parts.slice(i).join("/");
			return found;
		}
		const part = parts[i];
		if (piece.startsWith(":")) {
			if (part === undefined) {
				if (!piece.endsWith("?")) return null;
			} else found[piece.replace(/^:|\?$/g, "")] = part;
		} else if (part !== piece) return null;
	}
	return parts.length > want.length ? null : found;
}
