// SPDX-License-Identifier: Apache-2.0
// dashboard.mjs - walks our dashboard as a person does; dashboard.sh calls it. Cases of single pages are in
// dashboard_*.mjs, each a function that is given what stands here.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { openBrowser, openPage } from "./lib/browser.mjs";
import { startCluster } from "./lib/cluster.mjs";
import { backPressuredJob, failedJob, finishedWordCount, windowWordCount } from "./lib/jobs.mjs";
import { ourPages } from "./lib/our_pages.mjs";
import { check, runTests, same, test, until } from "./lib/tap.mjs";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const jobs = {};
let cluster;
let browser;

async function see(page, what, texts) {
	await until(`${what} to show ${texts.join(", ")}`, async () => {
		const text = await page.text();
		const missing = texts.filter((part) => (part instanceof RegExp ? !part.test(text) : !text.includes(part)));
		return missing.length === 0 || `missing: ${missing.join(", ")}; the page: ${text.slice(0, 1500)}`;
	});
}

function quiet(page, what) {
	check(page.troubles.length === 0, `${what}: ${page.troubles.join("\n")}`);
}

async function axe(page) {
	await page.page.evaluate(axeSource);
	const { violations } = await page.page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
	return violations
		.filter(({ impact }) => impact === "serious" || impact === "critical")
		.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")}`);
}

/** A page that is wider than the screen makes everybody scroll sideways. */
async function tooWide(page) {
	const { full, seen } = await page.page.evaluate(() => ({ full: document.documentElement.scrollWidth, seen: document.documentElement.clientWidth }));
	return full > seen + 1 ? [`the page is ${full} px wide on ${seen} px`] : [];
}

async function walk(options, suffix, looks) {
	const [taskManager] = (await cluster.json("/taskmanagers")).taskmanagers;
	const vertices = (await cluster.json(`/jobs/${jobs.words.id}`)).vertices;
	const page = await openPage(browser, cluster.url, options);
	const troubles = [];
	for (const one of ourPages({ taskManager, jobs, vertices })) {
		page.troubles = [];
		try {
			await page.goto(one.address);
			await see(page, one.name, options.lang === "ko-KR" ? [one.ko] : one.see);
			troubles.push(...(await looks(page)).map((text) => `${one.name}: ${text}`));
		} catch (error) {
			troubles.push(`${one.name}: ${error.message}`);
		}
		await page.screenshot(`${one.name}${suffix}`);
		troubles.push(...page.troubles.map((text) => `${one.name}: ${text}`));
	}
	await page.close();
	check(troubles.length === 0, `${troubles.length} troubles:\n${troubles.join("\n")}`);
}

test("every page shows what it is for, and axe finds nothing serious", () => walk({}, "", axe));
test("every page is legible in the dark", () => walk({ dark: true }, "-dark", axe));
test("every page fits 360 pixels", () => walk({ width: 360, height: 740 }, "-narrow", tooWide));
test("every page speaks Korean", () => walk({ lang: "ko-KR" }, "-ko", async () => []));

test("a page that the browser has already is there again", async () => {
	const page = await openPage(browser, cluster.url);
	await page.goto("/#/overview");
	await see(page, "the overview", ["WordCount"]);
	for (let visit = 0; visit < 2; visit++) {
		await page.page.goto("about:blank");
		await page.goto("/#/overview");
		await see(page, "the overview, visited again", ["WordCount"]);
	}
	quiet(page, "the overview");
	await page.close();
});

test("no inline script runs", async () => {
	const page = await openPage(browser, cluster.url);
	await page.goto("/#/overview");
	await see(page, "the overview", ["Available Task Slots"]);
	const ran = await page.page.evaluate(async () => {
		const script = document.createElement("script");
		script.textContent = "globalThis.ran = true";
		document.head.append(script);
		await new Promise((resolve) => setTimeout(resolve, 50));
		return globalThis.ran === true;
	});
	same(false, ran, "an inline script that ran");
	await page.close();
});

test("a job that comes and goes is seen without a reload", async () => {
	const page = await openPage(browser, cluster.url);
	await page.goto("/#/overview");
	await see(page, "the overview", [jobs.words.name]);
	const before = Number((await cluster.json("/overview"))["jobs-finished"]);
	const { id } = await finishedWordCount(cluster);
	await until("the finished job in the list", async () => (await page.page.locator(`a[href*="${id}"]`).count()) > 0);
	same(before + 1, (await cluster.json("/overview"))["jobs-finished"], "jobs finished");
	quiet(page, "the overview");
	await page.close();
});

/** What the table of vertices shows in a column, row by row, as numbers. */
async function shown(page, column) {
	const cells = await page.page.locator(`td[data-label="${column}"] .flow > span`).allInnerTexts();
	return cells.map((text) => Number(text.replace(/\D/g, "")));
}

test("records of a known input are on the page, to the last one", async () => {
	const lines = Array.from({ length: 20000 }, (_, i) => `one two three four word${i % 97}`);
	const { id, words } = await finishedWordCount(cluster, lines);
	const page = await openPage(browser, cluster.url);
	await page.goto(`/#/job/completed/${id}/overview`);
	await see(page, "the job", ["FINISHED", "HASH"]);
	// Its source with the words it makes of the lines, and the sum with an update for each word.
	same([lines.length, words], await shown(page, "Records in"), "records in");
	same([words, words], await shown(page, "Records out"), "records out");
	quiet(page, "the finished job");
	await page.close();
});

test("numbers of a running job follow the truth", async () => {
	const page = await openPage(browser, cluster.url);
	const truth = async () => (await cluster.json(`/jobs/${jobs.pressed.id}`)).vertices.at(-1).metrics["read-records"];
	await page.goto(`/#/job/running/${jobs.pressed.id}/overview`);
	await see(page, "the job", ["Slow Filter", "Cause"]);
	for (let i = 0; i < 3; i++) {
		const before = await truth();
		await until(`the page to show ${before} records or more`, async () => (await shown(page, "Records in")).at(-1) >= before);
		const seen = (await shown(page, "Records in")).at(-1);
		check(seen <= (await truth()), `the page shows ${seen} records, more than there are`);
	}
	quiet(page, "the running job");
	await page.close();
});

test("a plan that was pasted is drawn, and what is none is told", async () => {
	const page = await openPage(browser, cluster.url);
	const { out } = await cluster.flink("info", "examples/streaming/WordCount.jar");
	await page.goto("/#/plan");
	await page.page.locator("textarea").fill(out);
	await page.page.locator(".plan-box").first().waitFor();
	const nodes = JSON.parse(out.slice(out.indexOf("{"), out.lastIndexOf("}") + 1)).nodes;
	same(nodes.length, await page.page.locator(".plan-box").count(), "boxes drawn");
	await see(page, "the plan", ["HASH", ...nodes.map((node) => node.type)]);
	await page.screenshot("plan-drawn");
	await page.page.locator("textarea").fill('{"nodes": [');
	await see(page, "the plan", ["The plan is not whole"]);
	quiet(page, "the plan");
	await page.close();
});

test("a program is uploaded, planned, submitted and deleted from the page", async () => {
	const page = await openPage(browser, cluster.url);
	await page.goto("/#/submit");
	await page.page.locator('input[type="file"]').setInputFiles(`${cluster.home}/examples/streaming/WordCount.jar`);
	await see(page, "the form", ["WordCount.jar", "./bin/flink run -d WordCount.jar"]);
	await page.page.getByRole("button", { name: "Show plan" }).click();
	await page.page.locator("dialog .plan-box").first().waitFor();
	await page.screenshot("submit-plan");
	await page.page.keyboard.press("Escape");
	await page.page.getByLabel("Parallelism").fill("0");
	await see(page, "the form", ["Parallelism is a whole number from 1 on."]);
	await page.page.getByLabel("Parallelism").fill("1");
	await page.page.getByRole("button", { name: "Submit", exact: true }).click();
	await page.page.waitForURL(/#\/job\/running\/[0-9a-f]{32}\/overview/);
	const id = /[0-9a-f]{32}/.exec(page.page.url())[0];
	await cluster.jobIs(id, "FINISHED");
	await see(page, "the job", ["WordCount", "FINISHED"]);
	await page.goto("/#/submit");
	await page.page.getByRole("button", { name: "Delete" }).first().click();
	await page.page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
	await see(page, "the list", ["No program has been uploaded"]);
	quiet(page, "the submit page");
	await page.close();
});

test("a job is cancelled from its page", async () => {
	const page = await openPage(browser, cluster.url);
	const job = await backPressuredJob(cluster);
	await page.goto(`/#/job/running/${job.id}/overview`);
	await page.page.getByRole("button", { name: "Cancel Job" }).click();
	await see(page, "the dialog", [`./bin/flink cancel ${job.id}`]);
	await page.screenshot("cancel-dialog");
	await page.page.getByRole("dialog").getByRole("button", { name: "Cancel Job" }).click();
	await see(page, "the job", ["CANCELED"]);
	await cluster.jobIs(job.id, "CANCELED");
	quiet(page, "the job's page");
	await page.close();
});

test("a JobManager that is away is told, and the page comes back by itself", async () => {
	const own = await startCluster();
	try {
		const page = await openPage(browser, own.url, { expects: () => true });
		await page.goto("/#/overview");
		await see(page, "the overview", ["Available Task Slots"]);
		await own.stopJobManager();
		await see(page, "the banner", ["The JobManager does not answer"]);
		check((await page.text()).includes("Available Task Slots"), "the page was wiped");
		await own.startJobManager();
		await until("the banner to go", async () => !(await page.text()).includes("The JobManager does not answer"));
		await page.close();
	} finally {
		await own.stop();
	}
});

async function setUp() {
	cluster = await startCluster({ settings: ["taskmanager.numberOfTaskSlots: 8"] });
	jobs.words = await windowWordCount(cluster);
	jobs.finished = await finishedWordCount(cluster);
	jobs.failed = await failedJob(cluster);
	jobs.pressed = await backPressuredJob(cluster, "-p", "2");
	jobs.pressed.vertices = (await cluster.json(`/jobs/${jobs.pressed.id}`)).vertices;
	await until("the first window", async () => (await cluster.json(`/jobs/${jobs.words.id}/output?from=0`)).output.includes("be : 2"));
	browser = await openBrowser();
}

let failed = 1;
try {
	await setUp();
	failed = await runTests();
} catch (error) {
	console.log(`# ${error.stack}`);
	console.log("not ok 1 - a cluster, its jobs and a browser");
} finally {
	await browser?.close();
	await cluster?.stop();
}
process.exit(failed === 0 ? 0 : 1);
