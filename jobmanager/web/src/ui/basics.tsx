// SPDX-License-Identifier: Apache-2.0
// basics.tsx - what every page is made of: heads, cards, facts, states, sentences, times, and what stands there
// while there is nothing.
import type { ComponentChildren, VNode } from "preact";
import { clock } from "../lib/page";
import { duration, time, timeExactly, timeShort } from "../lib/format";
import { texts } from "../lib/texts";
import { CommandLine } from "./copy";

const t = texts(
	{ loading: "Loading …", running: "and counting" },
	{ loading: "불러오는 중…", running: "계속 늘어나는 중" },
);

type Tone = "good" | "bad" | "warn" | "calm";
export const classes = (...names: (string | false | null | undefined)[]): string => names.filter(Boolean).join(" ");

/** The head of a page: its title, what stands below it, and its actions on the right. */
export function PageHead(props: { title: ComponentChildren; badge?: ComponentChildren; sub?: ComponentChildren; actions?: ComponentChildren }) {
	return (
		<header class="page-head">
			<div class="page-title">
				<h1>{props.title}</h1>
				{props.badge}
				{props.actions && <div class="actions">{props.actions}</div>}
			</div>
			{props.sub && <p class="sub">{props.sub}</p>}
		</header>
	);
}

export function Section(props: { title: ComponentChildren; id?: string; aside?: ComponentChildren; children: ComponentChildren }) {
	return (
		<section class="section" aria-labelledby={props.id}>
			<div class="section-head">
				<h2 id={props.id}>{props.title}</h2>
				{props.aside && <div class="aside">{props.aside}</div>}
			</div>
			{props.children}
		</section>
	);
}

export const Cards = (props: { children: ComponentChildren }) => <div class="cards">{props.children}</div>;

/** A number that is read from afar, with its name and whatever stands below. */
export function Card(props: { value: ComponentChildren; of?: ComponentChildren; label: string; href?: string; children?: ComponentChildren }) {
	const inside = (
		<>
			<span class="card-label">{props.label}</span>
			<span class="card-value">
				{props.value}
				{props.of !== undefined && <small> / {props.of}</small>}
			</span>
			{props.children && <div class="card-more">{props.children}</div>}
		</>
	);
	return props.href ? <a class="card" href={props.href}>{inside}</a> : <div class="card">{inside}</div>;
}

/** Names with their values, as in a header. */
export function Facts(props: { of: [ComponentChildren, ComponentChildren][] }) {
	return (
		<dl class="facts">
			{props.of.map(([name, value]) => (
				<div>
					<dt>{name}</dt>
					<dd>{value}</dd>
				</div>
			))}
		</dl>
	);
}

/** A state in Flink's words and hues, of a job or a task. */
export const State = (props: { of: string; count?: number }) => (
	<span class={`state s-${props.of}`}>
		{props.count !== undefined && <b>{props.count}</b>}
		{props.of}
	</span>
);

/** A point in time; the title has the zone and the milliseconds. */
export function Time(props: { at: number | null | undefined; brief?: boolean }) {
	const { at } = props;
	if (at === null || at === undefined || at <= 0) return <span class="none">–</span>;
	return <time dateTime={new Date(at).toISOString()} title={timeExactly(at)}>{props.brief ? timeShort(at, clock.value) : time(at)}</time>;
}

/** How long something took; or, without an end, takes: it counts by itself, once a second. */
export function Elapsed(props: { from: number; to?: number }) {
	if (props.from <= 0) return <span class="none">–</span>;
	if (props.to !== undefined && props.to > 0) return <span title={`${props.to - props.from} ms`}>{duration(props.to - props.from)}</span>;
	return <span title={t("running")}>{duration(Math.max(0, clock.value - props.from), false)}</span>;
}

/** A long name that may break where a new word begins, and never inside an arrow between two operators. */
export function Name(props: { of: string }) {
	return (
		<>
			{props.of.split(/(->)/).map(part =>
				part === "->"
					? <span class="nowrap">{"->"}</span>
					: part.split(/(?<=[a-z])(?=[A-Z])|(?<=[.:/_-])(?=\w)/).flatMap((word, i) => (i > 0 ? [<wbr />, word] : [word])))}
		</>
	);
}

/** What the server says, `names` as code. */
export const Quoted = (props: { text: string }) => (
	<span lang="en">{props.text.split("`").map((part, i) => (i % 2 ? <code>{part}</code> : part))}</span>
);

/** A verdict: one sentence that says what is the matter. */
export function Sentence(props: { text: string | undefined | null; tone?: Tone; children?: ComponentChildren }) {
	if (!props.text) return null;
	return (
		<div class={classes("sentence", props.tone && `t-${props.tone}`)}>
			<p><Quoted text={props.text} /></p>
			{props.children}
		</div>
	);
}

/** Nothing is there yet: says so, and what to do next. */
export function Empty(props: { title: string; children?: ComponentChildren; commands?: string[] }) {
	return (
		<div class="empty">
			<p class="empty-title">{props.title}</p>
			{props.children && <p>{props.children}</p>}
			{props.commands?.map(command => <CommandLine text={command} />)}
		</div>
	);
}

/** Holds the place of what comes, so that nothing jumps. */
export const Skeleton = (props: { height: number }) => (
	<div class="skeleton" role="status" aria-label={t("loading")} style={{ height: `${props.height}px` }} />
);

/** What the server refused, in its words. */
export function Failure(props: { of: { message: string; code?: string; hint?: string } }) {
	return (
		<div class="sentence t-bad" role="alert">
			<p>
				<Quoted text={props.of.message} />
				{props.of.code && <span class="code-number"> {props.of.code}</span>}
			</p>
			{props.of.hint && <p class="hint" lang="en">{props.of.hint}</p>}
		</div>
	);
}

/** Some of a few: written as links when they are addresses, as buttons when they are not. */
export function Choice<T extends string>(props: {
	label: string;
	value: T;
	of: readonly { value: T; label: ComponentChildren; href?: string }[];
	onChoose?: (value: T) => void;
}) {
	return (
		<div class="choice" role="group" aria-label={props.label}>
			{props.of.map(({ value, label, href }): VNode =>
				href
					? <a href={href} aria-current={value === props.value ? "true" : undefined}>{label}</a>
					: <button type="button" aria-pressed={value === props.value} onClick={() => props.onChoose?.(value)}>{label}</button>)}
		</div>
	);
}
