// SPDX-License-Identifier: Apache-2.0
// submit.tsx - programs: uploaded, looked at (their plan), run, deleted.
import { useState } from "preact/hooks";
import { ask, at, send } from "../../api/client";
import { config } from "../../api/config";
import { ApiError } from "../../api/errors";
import { refresh, useAnswer } from "../../api/poll";
import type { Program, Programs } from "../../api/programs";
import { isPlan, type Plan, planIn } from "../../lib/plan";
import { choose, chosen, go, link } from "../../lib/route";
import { texts } from "../../lib/texts";
import { useTitle } from "../../lib/title";
import { Button, classes, CommandLine, Dialog, Empty, EquivalentCommand, Failure, lazy, PageHead, Section, Skeleton, Time, toast, toastFailure } from "../../ui";
import { commandOf, optionsOf, settingsIn, type Typed } from "./command";
import "./submit.css";

const t = texts(
	{
		title: "Submit New Job", sub: "A program is uploaded once, and run as often as you like.", drop: "Drop a program here, or", choose: "choose a file", kinds: ".py, .zip of Python modules, .c, or .so",
		uploading: "Uploading {name} …", uploaded: "Uploaded {name}", programs: "Programs", none: "No program has been uploaded", noneWhy: "On the command line it is one step:",
		entry: "Entry point", automatic: "the program's own", parallelism: "Parallelism", usual: "the cluster's", args: "Arguments", argsHint: "as on a command line; quotes keep blanks together",
		settings: "Settings of this job", settingsHint: "key: value, a line each", plan: "Show plan", run: "Submit", remove: "Delete", open: "Prepare", close: "Close",
		planning: "Planning …", running: "Submitting …", submitted: "Submitted: {name}", removeTitle: "Delete {name}?", removeWhy: "Jobs that were begun from it go on. It can be uploaded again.", keep: "Keep it",
		removed: "Deleted {name}", badSetting: "This line of the settings is none: {line}", badParallelism: "Parallelism is a whole number from 1 on.", planOf: "Plan of {name}",
		off: "Submitting programs from the page is switched off", offWhy: "{setting} switches it on. The command line can always submit:",
		savepoint: "Jobs begin without state: savepoints to resume from do not exist in this version yet.", noJob: "The answer names no job.",
	},
	{
		title: "새 작업 제출", sub: "프로그램을 한 번 올려 두고 여러 번 실행할 수 있습니다.", drop: "프로그램을 여기에 끌어다 놓거나", choose: "파일 선택", kinds: ".py, Python 모듈 .zip, .c 또는 .so",
		uploading: "{name} 올리는 중…", uploaded: "{name} 업로드 완료", programs: "프로그램", none: "올린 프로그램이 없습니다", noneWhy: "명령줄에서는 한 번에 됩니다:",
		entry: "진입점", automatic: "프로그램 기본값", parallelism: "병렬도", usual: "클러스터 기본값", args: "인수", argsHint: "명령줄처럼 적고, 공백이 있으면 따옴표로 묶습니다",
		settings: "이 작업의 설정", settingsHint: "한 줄에 하나씩 key: value", plan: "실행 계획 보기", run: "제출", remove: "삭제", open: "준비", close: "닫기",
		planning: "계획하는 중…", running: "제출하는 중…", submitted: "제출했습니다: {name}", removeTitle: "{name}을(를) 삭제할까요?", removeWhy: "여기서 시작한 작업은 계속 실행됩니다. 다시 올릴 수 있습니다.", keep: "남겨 두기",
		removed: "{name} 삭제 완료", badSetting: "설정이 아닌 줄이 있습니다: {line}", badParallelism: "병렬도는 1 이상의 정수입니다.", planOf: "{name}의 실행 계획",
		off: "페이지에서 프로그램을 제출하는 기능이 꺼져 있습니다", offWhy: "{setting} 설정으로 켭니다. 명령줄에서는 언제나 제출할 수 있습니다:",
		savepoint: "작업은 상태 없이 시작합니다. 재개할 세이브포인트는 이 버전에 아직 없습니다.", noJob: "응답에 작업이 없습니다.",
	},
);

const RUN_TIMEOUT_MS = 120_000; // a C file is compiled first
const PlanGraph = lazy<{ plan: Plan }>(() => import("../plan/plan-graph"), 320);
const EMPTY: Typed = { entry: "", parallelism: "", args: "", settings: "" };

function Upload(props: { onDone: (id: string) => void }) {
	const [name, setName] = useState("");
	const [over, setOver] = useState(false);
	const [failure, setFailure] = useState<ApiError | null>(null);
	const upload = async (file: File | null | undefined) => {
		if (!file || name) return;
		setName(file.name);
		setFailure(null);
		try {
			const form = new FormData();
			form.append("jarfile", file);
			const answer = (await (await ask("/jars/upload", { method: "POST", form, timeoutMs: 600_000 })).json()) as { filename: string };
			toast("good", t("uploaded", { name: file.name }));
			refresh("/jars");
			props.onDone(answer.filename.split("/").pop() ?? "");
		} catch (cause) {
			if (cause instanceof ApiError) setFailure(cause);
			else toastFailure(cause);
		}
		setName("");
	};
	return (
		<>
			<div
				class={classes("drop", over && "drop-over")}
				onDragOver={event => {
					event.preventDefault();
					setOver(true);
				}}
				onDragLeave={() => setOver(false)}
				onDrop={event => {
					event.preventDefault();
					setOver(false);
					void upload(event.dataTransfer?.files[0]);
				}}
			>
				<p>{t("drop")}</p>
				<label class={classes("button main", name && "busy")} aria-busy={name ? "true" : undefined}>
					{name ? t("uploading", { name }) : t("choose")}
					<input type="file" class="visually-hidden" accept=".py,.zip,.c,.so,.jar" disabled={name !== ""} onChange={event => {
						void upload(event.currentTarget.files?.[0]);
						event.currentTarget.value = "";
					}} />
				</label>
				<p class="hint">{t("kinds")}</p>
			</div>
			{failure && <Failure of={failure} />}
		</>
	);
}

/** What a program printed before it failed has lines of its own. */
const RunFailure = (props: { of: ApiError }) => {
	const [first = "", ...more] = props.of.message.split("\n");
	return (
		<div class="program-error">
			<Failure of={{ message: first, code: props.of.code, hint: props.of.hint }} />
			{more.length > 0 && <pre tabIndex={0} lang="en">{more.join("\n")}</pre>}
		</div>
	);
};

function Form(props: { program: Program }) {
	const { program } = props;
	const [typed, setTyped] = useState(EMPTY);
	const [busy, setBusy] = useState<"plan" | "run" | null>(null);
	const [failure, setFailure] = useState<ApiError | null>(null);
	const [plan, setPlan] = useState<Plan | null>(null);
	const set = (values: Partial<Typed>) => setTyped(now => ({ ...now, ...values }));
	const read = settingsIn(typed.settings), settings = "bad" in read ? {} : read.settings;
	const wrong = "bad" in read ? t("badSetting", { line: read.bad }) : typed.parallelism && !/^[1-9]\d{0,5}$/.test(typed.parallelism) ? t("badParallelism") : null;

	const begin = async (what: "plan" | "run") => {
		setBusy(what);
		setFailure(null);
		try {
			const answer = await send<{ jobid?: string }>("POST", at("jars", program.id, what), optionsOf(typed, settings), { timeoutMs: RUN_TIMEOUT_MS });
			if (what === "plan") {
				const drawn = planIn(JSON.stringify(answer));
				setPlan(isPlan(drawn) ? drawn : null);
			} else if (answer.jobid) {
				toast("good", t("submitted", { name: program.name }));
				go(link("job", "running", answer.jobid, "overview"));
				return; // the page is another one
			} else throw new ApiError(200, t("noJob"));
		} catch (cause) {
			if (cause instanceof ApiError) setFailure(cause);
			else toastFailure(cause);
		}
		setBusy(null);
	};

	return (
		<form class="program-form" onSubmit={event => {
			event.preventDefault();
			if (!busy && !wrong) void begin("run");
		}}>
			<div class="fields">
				{program.entry.length > 1 && (
					<label class="field">
						<span>{t("entry")}</span>
						<select value={typed.entry} onChange={event => set({ entry: event.currentTarget.value })}>
							<option value="">{t("automatic")}</option>
							{program.entry.map(entry => <option key={entry.name} value={entry.name}>{entry.name}</option>)}
						</select>
					</label>
				)}
				<label class="field">
					<span>{t("parallelism")}</span>
					<input inputMode="numeric" value={typed.parallelism} placeholder={t("usual")} onInput={event => set({ parallelism: event.currentTarget.value.trim() })} />
				</label>
				<label class="field wide">
					<span>{t("args")} · {t("argsHint")}</span>
					<input value={typed.args} spellcheck={false} autocomplete="off" onInput={event => set({ args: event.currentTarget.value })} />
				</label>
				<label class="field wide">
					<span>{t("settings")} · {t("settingsHint")}</span>
					<textarea value={typed.settings} spellcheck={false} rows={2} placeholder="execution.runtime-mode: BATCH" onInput={event => set({ settings: event.currentTarget.value })} />
				</label>
			</div>
			{wrong && <p class="t-bad-text" role="alert">{wrong}</p>}
			<div class="form-actions">
				<button type="submit" class="button main" disabled={busy !== null || wrong !== null} aria-busy={busy === "run" ? "true" : undefined}>{busy === "run" ? t("running") : t("run")}</button>
				<Button busy={busy === "plan"} onClick={() => void (busy === null && !wrong && begin("plan"))}>{busy === "plan" ? t("planning") : t("plan")}</Button>
				<span class="hint">{t("savepoint")}</span>
			</div>
			<EquivalentCommand text={commandOf("run", program, typed, settings)} />
			{failure && <RunFailure of={failure} />}
			{plan && (
				<Dialog title={t("planOf", { name: plan.name || program.name })} wide onClose={() => setPlan(null)} command={commandOf("info", program, typed, settings)}>
					<PlanGraph plan={plan} />
				</Dialog>
			)}
		</form>
	);
}

function ProgramRow(props: { program: Program; open: boolean }) {
	const { program, open } = props;
	const [asking, setAsking] = useState(false);
	const remove = async () => {
		setAsking(false);
		try {
			await send("DELETE", at("jars", program.id));
			toast("good", t("removed", { name: program.name }));
			if (open) choose({ program: "" });
		} catch (failure) {
			toastFailure(failure);
		}
		refresh("/jars");
	};
	return (
		<li class="program">
			<div class="program-head">
				<span class="row-name">{program.name}</span>
				<span class="sub"><Time at={program.uploaded} brief /></span>
				<span class="push" />
				<button type="button" class="button" aria-expanded={open} onClick={() => choose({ program: open ? "" : program.id })}>{open ? t("close") : t("open")}</button>
				<Button kind="danger" onClick={() => setAsking(true)}>{t("remove")}</Button>
			</div>
			{open && <Form program={program} />}
			{asking && (
				<Dialog title={t("removeTitle", { name: program.name })} onClose={() => setAsking(false)}
					actions={<><Button kind="danger" onClick={() => void remove()}>{t("remove")}</Button><Button onClick={() => setAsking(false)}>{t("keep")}</Button></>}>
					<p class="sub">{t("removeWhy")}</p>
				</Dialog>
			)}
		</li>
	);
}

export default function Submit() {
	useTitle(t("title"));
	const allowed = config.value.features["web-submit"];
	const { data, error } = useAnswer<Programs>(allowed ? "/jars" : null);
	const open = chosen("program");
	if (!allowed) {
		return (
			<>
				<PageHead title={t("title")} />
				<Empty title={t("off")} commands={["./bin/flink run job.py"]}>{t.rich("offWhy", { setting: <code>web.submit.enable: true</code> })}</Empty>
			</>
		);
	}
	return (
		<>
			<PageHead title={t("title")} sub={t("sub")} />
			<Upload onDone={id => choose({ program: id })} />
			<Section title={t("programs")}>
				{error && !data && <Failure of={error} />}
				{!data && !error && <Skeleton height={120} />}
				{data && (data.files.length === 0 ? (
					<Empty title={t("none")}>{t("noneWhy")}</Empty>
				) : <ul>{data.files.map(program => <ProgramRow key={program.id} program={program} open={open === program.id} />)}</ul>)}
				{data?.files.length === 0 && <div class="commands"><CommandLine text="./bin/flink run examples/streaming/WordCount.jar" /></div>}
			</Section>
		</>
	);
}
