// SPDX-License-Identifier: Apache-2.0
// texts.ts - what the page says, in English and Korean.
//
// Each page and each part of the kit has its own table beside its code: `const t = texts({ … }, { … })`. A key that
// one language lacks, and a placeholder that is not given, are errors of types. "{n}" is replaced by the value, and
// "{n|slot|slots}" by the first word for one and the second for all other numbers.
import type { ComponentChildren } from "preact";
import { computed } from "@preact/signals";
import { stored } from "./page";

export type Language = "en" | "ko";

const preferred: Language = (typeof navigator === "undefined" ? "en" : navigator.language).toLowerCase().startsWith("ko") ? "ko" : "en";
/** What the reader chose; "auto" is the browser's language. */
export const languageChoice = stored("language", ["auto", "en", "ko"] as const, "auto");
export const language = computed<Language>(() => (languageChoice.value === "auto" ? preferred : languageChoice.value));

type Placeholders<S extends string> = S extends `${string}{${infer P}}${infer Rest}`
	? (P extends `${infer Name}|${string}` ? Name : P) | Placeholders<Rest>
	: never;
type Arguments<S extends string> = [Placeholders<S>] extends [never] ? [] : [Record<Placeholders<S>, string | number>];
type RichArguments<S extends string> = [Record<Placeholders<S>, ComponentChildren>];

const PLACEHOLDER = /\{(\w+)(?:\|([^|}]*)\|([^}]*))?\}/g;

const fill = (text: string, values: Record<string, string | number>): string =>
	text.replace(PLACEHOLDER, (_, name: string, one?: string, many?: string) => {
		const value = values[name] ?? "";
		return one === undefined ? String(value) : Number(value) === 1 ? one : (many ?? "");
	});

/** Every table there is; a test compares their languages. */
export const allTexts: { en: Record<string, string>; ko: Record<string, string> }[] = [];

export function texts<const T extends Record<string, string>>(en: T, ko: { readonly [K in keyof T]: string }) {
	allTexts.push({ en, ko });
	const look = (key: keyof T): string => (language.value === "ko" ? ko : en)[key];
	const t = <K extends keyof T>(key: K, ...values: Arguments<T[K]>): string => fill(look(key), values[0] ?? {});
	/** The same with elements in the places: `t.rich("hint", { command: <code>…</code> })`. */
	t.rich = <K extends keyof T>(key: K, ...[values]: RichArguments<T[K]>): ComponentChildren[] => {
		const parts: ComponentChildren[] = [];
		let end = 0;
		const text = look(key);
		for (const match of text.matchAll(PLACEHOLDER)) {
			parts.push(text.slice(end, match.index), (values as Record<string, ComponentChildren>)[match[1] as string]);
			end = match.index + match[0].length;
		}
		return [...parts, text.slice(end)];
	};
	return t;
}
