// SPDX-License-Identifier: Apache-2.0
// logpages.tsx - a log file of any size: the server gives pages of its lines, this shows those in view. It begins at the
// end and follows it; scrolling up fetches what lies before; words and levels are searched for where the file is.
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { get } from "../api/client";
import { ApiError } from "../api/errors";
import { bytes, count } from "../lib/format";
import { begun, type Held, type Page, unpadded, withNext, withPrevious } from "../lib/lines";
import { choose, chosen } from "../lib/route";
import { texts } from "../lib/texts";
import { useWindow } from "../lib/virtual";
import { Choice, Empty, Failure, Skeleton } from "./basics";
import { CopyButton } from "./copy";
import { Icon } from "./icons";
import { LINE_HEIGHT, levelOf, Marked } from "./logview";

const t = texts(
	{
		find: "Search the whole file", level: "Level", all: "All", follow: "Follow the end", copy: "Copy the lines shown", first: "To the beginning", last: "To the end",
		empty: "The file is empty so far", emptyWhy: "What is written to it will appear here by itself.", none: "No line matches.", searching: "Searching: {done} of {all}",
		shown: "{n} {n|line|lines} of {size}", open: "Show this line among its neighbours", restarted: "The file was begun anew.", out: "Download",
	},
	{
		find: "파일 전체에서 찾기", level: "레벨", all: "전체", follow: "끝을 따라가기", copy: "표시된 줄 복사", first: "처음으로", last: "끝으로",
		empty: "파일이 아직 비어 있습니다", emptyWhy: "내용이 기록되면 여기에 바로 표시됩니다.", none: "일치하는 줄이 없습니다.", searching: "찾는 중: {all} 중 {done}",
		shown: "{size} 중 {n}줄", open: "이 줄의 앞뒤 보기", restarted: "파일이 새로 시작되었습니다.", out: "내려받기",
	},
);

const WAIT_MS = 9_000; // a long poll, below the client's own limit
const EDGE_LINES = 40; // so near to the end of what is held, more is asked for
const ENOUGH_LINES = 200; // a search goes on until there are so many to look at
const AGAIN_MS = 2_000;
const LEVELS = ["", "INFO", "WARN", "ERROR"] as const;

/** What is asked for; another one begins anew. */
interface Query {
	path: string;
	search: string;
	level: string;
	/** A byte of the file to begin at, or "" for the end. */
	at: string;
}

const addressOf = (query: Query, values: Record<string, string | number | boolean>): string => {
	const params = new URLSearchParams(Object.entries(values).map(([key, value]) => [key, String(value)]));
	if (query.search) params.set("search", query.search);
	if (query.level) params.set("level", query.level);
	return `${query.path}?${params.toString()}`;
};

interface Shown {
	held?: Held;
	error?: ApiError;
	busy: boolean;
	restarted: boolean;
}

/** Holds the pages of a file and fetches more; everything it began ends when the query changes. */
function usePages(query: Query, follow: boolean) {
	const [shown, setShown] = useState<Shown>({ busy: true, restarted: false });
	const running = useRef<AbortController | null>(null);
	const key = `${query.path}\n${query.search}\n${query.level}\n${query.at}`;

	const ask = useCallback(async (values: Record<string, string | number | boolean>, signal: AbortSignal): Promise<Page> =>
		get<Page>(addressOf(query, values), { signal }), [key]);

	useEffect(() => {
		const control = new AbortController();
		running.current = control;
		setShown({ busy: true, restarted: false });
		const begin = async () => {
			let held: Held;
			if (query.at) {
				held = begun(await ask({ from: query.at }, control.signal));
				if (!held.begin) held = withPrevious(held, await ask({ from: held.from, backwards: true, file: held.file }, control.signal));
			} else held = begun(await ask({ from: -1 }, control.signal));
			// A page of a search may be empty though there is more.
			while (!held.begin && !query.at && held.lines.length < ENOUGH_LINES && (query.search || query.level)) {
				setShown({ held, busy: true, restarted: false });
				held = withPrevious(held, await ask({ from: held.from, backwards: true, file: held.file }, control.signal));
			}
			setShown({ held: { ...held, before: 0 }, busy: false, restarted: false });
		};
		begin().catch((failure: unknown) => {
			if (!control.signal.aborted) setShown(now => ({ ...now, busy: false, error: failure instanceof ApiError ? failure : undefined }));
		});
		return () => control.abort();
	}, [key]);

	const more = useCallback(async (backwards: boolean) => {
		const control = running.current, held = shown.held;
		if (!control || !held || shown.busy) return;
		setShown(now => ({ ...now, busy: true }));
		try {
			const page = await ask(backwards ? { from: held.from, backwards: true, file: held.file } : { from: held.next, file: held.file }, control.signal);
			if (control.signal.aborted) return;
			setShown(page.restarted ? { held: begun(page), busy: false, restarted: true }
				: { held: backwards ? withPrevious(held, page) : withNext(held, page), busy: false, restarted: false });
		} catch (failure) {
			if (!control.signal.aborted) setShown(now => ({ ...now, busy: false, error: failure instanceof ApiError ? failure : now.error }));
		}
	}, [key, shown, ask]);

	// At the end of the file the server answers when there is news.
	const atEnd = shown.held?.end === true && follow && !shown.busy;
	useEffect(() => {
		const control = running.current, held = shown.held;
		if (!atEnd || !held || !control) return;
		const mine = new AbortController();
		const stop = () => mine.abort();
		control.signal.addEventListener("abort", stop);
		const wait = async () => {
			let now = held;
			while (!mine.signal.aborted) {
				try {
					const page = await ask({ from: now.next, file: now.file, wait_ms: WAIT_MS }, mine.signal);
					if (mine.signal.aborted) return;
					if (page.restarted) now = begun(page);
					else if (page.lines.length > 0 || page.next !== now.next) now = withNext(now, page);
					else continue;
					const news = now;
					setShown({ held: news, busy: false, restarted: page.restarted === true });
				} catch {
					await new Promise(resolve => setTimeout(resolve, AGAIN_MS)); // the banner says that nobody answers
				}
			}
		};
		void wait();
		return stop;
	}, [atEnd, key]);
	return { shown, more };
}

interface Props {
	/** "/taskmanagers/x/logs/y" */
	path: string;
	label: string;
	height?: string;
	/** The file has levels: it can be filtered by them. */
	levels?: boolean;
}

export function LogPages(props: Props) {
	const search = chosen("find"), level = chosen("level"), at = chosen("at");
	const [typed, setTyped] = useState(search);
	const [follow, setFollow] = useState(!at);
	const { shown, more } = usePages({ path: `${props.path}/lines`, search, level, at }, follow);
	const box = useRef<HTMLDivElement>(null);
	const { held } = shown;
	const lines = held?.lines ?? [];
	const { from, to } = useWindow(box, lines.length, LINE_HEIGHT, true);
	const word = search.toLowerCase();
	const selective = word !== "" || level !== "";

	useEffect(() => setFollow(!at), [props.path, at, search, level]);
	useEffect(() => {
		if (typed === search) return;
		const timer = setTimeout(() => choose({ find: typed.trim(), at: "" }), 350);
		return () => clearTimeout(timer);
	}, [typed]);
	useEffect(() => setTyped(search), [search]);

	// What is in view stays where it is when lines come before it; whoever follows stays at the end.
	useLayoutEffect(() => {
		const element = box.current;
		if (!element || !held) return;
		if (follow) element.scrollTop = element.scrollHeight;
		else if (held.before) element.scrollTop += held.before * LINE_HEIGHT;
	}, [held, follow]);
	useLayoutEffect(() => {
		if (!at || !box.current || shown.busy) return;
		const row = lines.findIndex(line => line.at >= Number(at));
		if (row >= 0) box.current.scrollTop = Math.max(0, row * LINE_HEIGHT - box.current.clientHeight / 2);
	}, [at, shown.busy && !held]);

	const look = () => {
		const element = box.current;
		if (!element || !held || shown.busy) return;
		const end = element.scrollTop + element.clientHeight >= element.scrollHeight - LINE_HEIGHT;
		if (element.scrollTop < EDGE_LINES * LINE_HEIGHT && !held.begin) void more(true);
		else if (end && !held.end) void more(false);
		setFollow(end && held.end);
	};
	const jump = (where: string) => choose({ at: where, find: "", level: "" });

	const widest = lines.slice(from, to).reduce((most, line) => Math.max(most, unpadded(line.text).length), 0);
	return (
		<div class="log">
			<div class="table-tools">
				<label class="filter">
					<Icon name="search" />
					<span class="visually-hidden">{t("find")}</span>
					<input type="search" value={typed} placeholder={t("find")} spellcheck={false} autocomplete="off" maxLength={200}
						onInput={event => setTyped(event.currentTarget.value)} />
				</label>
				{props.levels && (
					<Choice label={t("level")} value={level} onChoose={value => choose({ level: value, at: "" })}
						of={LEVELS.map(value => ({ value: value as string, label: value || t("all") }))} />
				)}
				{held && (
					<span class="filter-count" role="status">
						{shown.busy && selective ? t("searching", { done: bytes(held.size - held.from), all: bytes(held.size) })
							: t("shown", { n: count(lines.length), size: bytes(held.size) })}
					</span>
				)}
				<span class="push" />
				<button type="button" class="icon-button" onClick={() => jump("0")} aria-label={t("first")} title={t("first")}><Icon name="up" /></button>
				<button type="button" class="icon-button" onClick={() => jump("")} aria-label={t("last")} title={t("last")}><Icon name="down" /></button>
				<label class="check"><input type="checkbox" checked={follow} onChange={event => {
					if (event.currentTarget.checked && (at || !held?.end)) choose({ at: "" });
					setFollow(event.currentTarget.checked);
				}} />{t("follow")}</label>
				<a class="log-raw" href={`.${props.path}`} download>{t("out")}</a>
				<CopyButton text={() => lines.map(line => line.text).join("\n")} label={t("copy")} />
			</div>
			{shown.error && <Failure of={shown.error} />}
			{shown.restarted && <p class="hint" role="status">{t("restarted")}</p>}
			{!held && shown.busy && <Skeleton height={420} />}
			{held && lines.length === 0 && !shown.busy && (
				selective ? <Empty title={t("none")} /> : <Empty title={t("empty")}>{t("emptyWhy")}</Empty>
			)}
			<div
				ref={box} class="log-lines" tabIndex={0} role="region" aria-label={props.label} translate={false} onScroll={look} hidden={lines.length === 0}
				style={{ height: `min(${lines.length * LINE_HEIGHT + 20}px, ${props.height ?? "min(68vh, 46rem)"})` }}
			>
				<div class="log-all" style={{ height: `${lines.length * LINE_HEIGHT}px`, minWidth: `${widest + 8}ch` }}>
					<pre style={{ transform: `translateY(${from * LINE_HEIGHT}px)` }}>
						{lines.slice(from, to).map(line => (
							<span key={line.at} class={`log-line ${levelOf(line.text) ?? ""}${at && String(line.at) === at ? " here" : ""}`}>
								{selective && <button type="button" class="log-at" onClick={() => jump(String(line.at))} aria-label={t("open")} title={t("open")}>›</button>}
								<Marked line={unpadded(line.text)} find={word} />{"\n"}
							</span>
						))}
					</pre>
				</div>
			</div>
		</div>
	);
}
