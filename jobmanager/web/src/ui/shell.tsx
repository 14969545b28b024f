// SPDX-License-Identifier: Apache-2.0
// shell.tsx - what stands around every page: the way to the others, whether the JobManager answers, and what a reader
// may choose (theme, language, zone).
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { config } from "../api/config";
import { down, pushed, since } from "../api/link";
import { clock } from "../lib/page";
import { duration, localZone, zoneChoice } from "../lib/format";
import { path } from "../lib/route";
import { languageChoice, texts } from "../lib/texts";
import { classes } from "./basics";
import { Icon, type IconName } from "./icons";
import { themeChoice } from "./theme";

const t = texts(
	{
		skip: "Skip to the content", pages: "Pages", menu: "Menu", overview: "Overview", running: "Running Jobs", completed: "Completed Jobs",
		taskManagers: "Task Managers", jobManager: "Job Manager", submit: "Submit New Job", plan: "Plan",
		down: "The JobManager does not answer; trying again. What is shown is {ago} old.",
		live: "Live: changes are shown as they happen", polling: "Connected: asked for every {n}", lost: "No connection",
		theme: "Theme", auto: "System", light: "Light", dark: "Dark", language: "Language", automatic: "Auto", zone: "Time zone", settings: "Display",
	},
	{
		skip: "본문으로 건너뛰기", pages: "페이지", menu: "메뉴", overview: "개요", running: "실행 중인 작업", completed: "완료된 작업",
		taskManagers: "TaskManager", jobManager: "JobManager", submit: "새 작업 제출", plan: "실행 계획",
		down: "JobManager가 응답하지 않아 다시 시도하고 있습니다. 화면의 내용은 {ago} 전 상태입니다.",
		live: "실시간: 변경 사항이 바로 표시됩니다", polling: "연결됨: {n}마다 새로 고칩니다", lost: "연결 끊김",
		theme: "테마", auto: "시스템", light: "밝게", dark: "어둡게", language: "언어", automatic: "자동", zone: "시간대", settings: "표시 설정",
	},
);

interface Entry {
	key: "overview" | "running" | "completed" | "taskManagers" | "jobManager" | "submit" | "plan";
	href: string;
	icon: IconName;
	/** It is open when the address begins so. */
	here: RegExp;
}

const entries: readonly Entry[] = [
	{ key: "overview", href: "#/overview", icon: "overview", here: /^(overview|)$/ },
	{ key: "running", href: "#/job/running", icon: "running", here: /^job\/running/ },
	{ key: "completed", href: "#/job/completed", icon: "completed", here: /^job\/completed/ },
	{ key: "taskManagers", href: "#/task-manager", icon: "taskManager", here: /^task-manager/ },
	{ key: "jobManager", href: "#/job-manager", icon: "jobManager", here: /^job-manager/ },
	{ key: "submit", href: "#/submit", icon: "submit", here: /^submit/ },
	{ key: "plan", href: "#/plan", icon: "plan", here: /^plan/ },
];

function Choose<T extends string>(props: { label: string; value: T; of: readonly [T, string][]; onChange: (value: T) => void }) {
	return (
		<label class="select">
			<span>{props.label}</span>
			<select value={props.value} onChange={event => props.onChange(event.currentTarget.value as T)}>
				{props.of.map(([value, label]) => <option key={value} value={value}>{label}</option>)}
			</select>
		</label>
	);
}

function Settings() {
	return (
		<details class="settings">
			<summary><Icon name={themeChoice.value === "dark" ? "moon" : themeChoice.value === "light" ? "sun" : "auto"} /><span class="nav-label">{t("settings")}</span></summary>
			<div class="settings-body">
				<Choose label={t("theme")} value={themeChoice.value} onChange={value => (themeChoice.value = value)}
					of={[["auto", t("auto")], ["light", t("light")], ["dark", t("dark")]]} />
				<Choose label={t("language")} value={languageChoice.value} onChange={value => (languageChoice.value = value)}
					of={[["auto", t("automatic")], ["en", "English"], ["ko", "한국어"]]} />
				<Choose label={t("zone")} value={zoneChoice.value} onChange={value => (zoneChoice.value = value)}
					of={[["local", localZone], ["utc", "UTC"]]} />
			</div>
		</details>
	);
}

function Health() {
	const text = down.value ? t("lost") : pushed.value ? t("live") : t("polling", { n: duration(config.value["refresh-interval"], false) });
	return <span class={classes("health", down.value ? "lost" : "well")} role="img" aria-label={text} title={text} />;
}

function Age() {
	void clock.value; // draws it again every second
	return <>{duration(Math.max(1_000, Date.now() - since.value), false)}</>;
}

const Banner = () => (
	<div role="status">{down.value && <p class="banner"><Icon name="warning" /><span>{t.rich("down", { ago: <Age /> })}</span></p>}</div>
);

export function Shell(props: { children: ComponentChildren }) {
	const [open, setOpen] = useState(false);
	const main = useRef<HTMLElement>(null);
	const here = path.value;
	useEffect(() => setOpen(false), [here]);
	return (
		<div class={classes("shell", open && "nav-open")}>
			<a class="skip" href="#main" onClick={event => {
				event.preventDefault(); // the part behind # is the page's address
				main.current?.focus();
			}}>{t("skip")}</a>
			<header class="side">
				<div class="brand-row">
					<a class="brand" href="#/overview">
						<svg viewBox="0 0 16 16" width="20" height="20" aria-hidden="true"><path d="M2 4h9M2 8h12M2 12h6" /></svg>
						<span class="nav-label">cflink</span>
					</a>
					<Health />
					<button type="button" class="icon-button nav-toggle" aria-expanded={open} aria-controls="pages" onClick={() => setOpen(!open)} aria-label={t("menu")}>
						<Icon name={open ? "close" : "menu"} />
					</button>
				</div>
				<nav id="pages" aria-label={t("pages")}>
					{entries.filter(({ key }) => key !== "submit" || config.value.features["web-submit"]).map(({ key, href, icon, here: pattern }) => (
						<a key={key} href={href} aria-current={pattern.test(here) ? "page" : undefined} title={t(key)}>
							<Icon name={icon} /><span class="nav-label">{t(key)}</span>
						</a>
					))}
				</nav>
				<div class="side-end">
					<Settings />
					<p class="version nav-label" title={config.value["flink-revision"]}>
						{config.value["flink-version"] && `Flink ${config.value["flink-version"]}`}
					</p>
				</div>
			</header>
			<div class="content">
				<Banner />
				<main id="main" ref={main} tabIndex={-1}>{props.children}</main>
			</div>
		</div>
	);
}
