// SPDX-License-Identifier: Apache-2.0
// logview.tsx - a long text by its lines: only those in view are drawn, its end is followed, words are found.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { count } from "../lib/format";
import { texts } from "../lib/texts";
import { useWindow } from "../lib/virtual";
import { CopyButton } from "./copy";
import { Icon } from "./icons";

const t = texts(
	{
		find: "Find in these lines", found: "{here} of {all}", none: "not found", next: "Next", previous: "Previous",
		follow: "Follow the end", copy: "Copy all lines", lines: "{n} {n|line|lines}",
	},
	{
		find: "이 내용에서 찾기", found: "{all}개 중 {here}번째", none: "찾을 수 없음", next: "다음", previous: "이전",
		follow: "끝을 따라가기", copy: "모든 줄 복사", lines: "{n}줄",
	},
);

export const LINE_HEIGHT = 20;

export const levelOf = (line: string): string | undefined => {
	const level = /\b(ERROR|FATAL|WARN)\b/.exec(line.slice(0, 64))?.[1];
	return level === "WARN" ? "warn" : level ? "error" : undefined;
};

export function Marked(props: { line: string; find: string }) {
	const { line, find } = props;
	if (!find) return <>{line}</>;
	const parts = [];
	const lower = line.toLowerCase();
	let from = 0;
	for (let at = lower.indexOf(find); at >= 0; at = lower.indexOf(find, from)) {
		parts.push(line.slice(from, at), <mark>{line.slice(at, at + find.length)}</mark>);
		from = at + find.length;
	}
	return <>{parts}{line.slice(from)}</>;
}

export function LogView(props: { text: string; label: string; height?: string; /** Begins at the end and stays there. */ follow?: boolean }) {
	const box = useRef<HTMLDivElement>(null);
	const lines = useMemo(() => props.text.replace(/\n$/, "").split("\n"), [props.text]);
	const [follow, setFollow] = useState(props.follow ?? false);
	const [find, setFind] = useState("");
	const [here, setHere] = useState(0);
	const word = find.toLowerCase();
	const found = useMemo(() => (word ? lines.flatMap((line, i) => (line.toLowerCase().includes(word) ? [i] : [])) : []), [lines, word]);
	const { from, to } = useWindow(box, lines.length, LINE_HEIGHT, true);
	const widest = useMemo(() => lines.reduce((most, line) => Math.max(most, line.length), 0), [lines]);

	useLayoutEffect(() => {
		if (follow && box.current) box.current.scrollTop = box.current.scrollHeight;
	}, [lines, follow]);
	useEffect(() => {
		const line = found[here];
		if (line === undefined || !box.current) return;
		setFollow(false);
		box.current.scrollTop = Math.max(0, line * LINE_HEIGHT - box.current.clientHeight / 2);
	}, [here, word]);
	const step = (by: number) => setHere(now => (found.length ? (now + by + found.length) % found.length : 0));
	// Whoever scrolls up wants to read, and whoever comes back to the end wants to follow.
	const onWheel = () => requestAnimationFrame(() => {
		const element = box.current;
		if (element && props.follow) setFollow(element.scrollTop + element.clientHeight >= element.scrollHeight - LINE_HEIGHT);
	});

	return (
		<div class="log">
			<div class="table-tools">
				<label class="filter">
					<Icon name="search" />
					<span class="visually-hidden">{t("find")}</span>
					<input
						type="search" value={find} placeholder={t("find")} spellcheck={false} autocomplete="off"
						onInput={event => {
							setFind(event.currentTarget.value);
							setHere(0);
						}}
						onKeyDown={event => event.key === "Enter" && step(event.shiftKey ? -1 : 1)}
					/>
				</label>
				{word && (
					<>
						<span class="filter-count" role="status">{found.length ? t("found", { here: count(here + 1), all: count(found.length) }) : t("none")}</span>
						<button type="button" class="icon-button" onClick={() => step(-1)} aria-label={t("previous")} title={t("previous")}><Icon name="up" /></button>
						<button type="button" class="icon-button" onClick={() => step(1)} aria-label={t("next")} title={t("next")}><Icon name="down" /></button>
					</>
				)}
				<span class="push" />
				{props.follow !== undefined && (
					<label class="check"><input type="checkbox" checked={follow} onChange={event => setFollow(event.currentTarget.checked)} />{t("follow")}</label>
				)}
				<span class="filter-count">{t("lines", { n: count(lines.length) })}</span>
				<CopyButton text={() => props.text} label={t("copy")} />
			</div>
			<div
				ref={box} class="log-lines" tabIndex={0} role="region" aria-label={props.label} translate={false}
				style={{ height: `min(${lines.length * LINE_HEIGHT + 20}px, ${props.height ?? "min(70vh, 46rem)"})` }} onWheel={onWheel} onTouchMove={onWheel} onKeyUp={onWheel}
			>
				<div class="log-all" style={{ height: `${lines.length * LINE_HEIGHT}px`, minWidth: `${widest + 8}ch` }}>
					<pre style={{ transform: `translateY(${from * LINE_HEIGHT}px)` }}>
						{lines.slice(from, to).map((line, i) => (
							<span key={from + i} class={`log-line ${levelOf(line) ?? ""}${found[here] === from + i ? " here" : ""}`}>
								<Marked line={line} find={word} />{"\n"}
							</span>
						))}
					</pre>
				</div>
			</div>
		</div>
	);
}
