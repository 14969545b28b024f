// SPDX-License-Identifier: Apache-2.0
// flink_dashboard.mjs - walks Flink's own dashboard, unmodified, over our server; flink_dashboard.sh calls it.
//
// A tab is fine when, after some refreshes, everything a person looks for is there, nothing still loads, and neither the
// page nor the browser complained: no notification, no error on the console, no failed request, no uncaught exception.

import { readFileSync } from "node:fs";
import { openBrowser, openPage } from "./lib/browser.mjs";
import { startCluster } from "./lib/cluster.mjs";
import { clusterTabs, jobTabs } from "./lib/flink_tabs.mjs";
import { backPressuredJob, failedJob, finishedWordCount, windowWordCount } from "./lib/jobs.mjs";
import { check, runTests, test, until } from "./lib/tap.mjs";

const tabSeconds = Number(process.env.TAB_SECONDS ?? 1.5);
const whole = tabSeconds >= 60; // else tabs that differ little from others' are left out
const tabsAtOnce = Number(process.env.TABS ?? 4);

let cluster;
let browser;
const jobs = {};

// What each tab asks for: flink_replay.sh asks it without a browser. Cancel goes by its own case.
const listed = Object.values(JSON.parse(readFileSync(new URL("flink_requests.json", import.meta.url), "utf8"))).flat();

/** The page itself reckons with a profiler that is not there. */
function expects(url, status) {
	return status === 404 && url.pathname.endsWith("/profiler");
}

function openFlinkPage(options) {
	return openPage(browser, cluster.url, { expects, ...options });
}

/** A request with names in place of ids: "GET /jobs/:jobid?get=…". */
function template({ method, path, query }) {
	const named = decodeURIComponent(path)
		.replace(/^\/jobs\/[0-9a-f]{32}/, "/jobs/:jobid")
		.replace(/\/vertices\/[0-9a-f]{32}/, "/vertices/:vertexid")
		.replace(/^\/taskmanagers\/[^/]+/, "/taskmanagers/:taskmanagerid")
		.replace(/\/logs\/.+/, "/logs/:filename");
	return `${method} ${named}${decodeURIComponent(query)}`;
}

/** What the page asked of the API, and flink_requests.json does not list. */
function unlisted(requests) {
	const api = requests.filter(({ path }) => /^\/(config|overview|jobs|jars|taskmanagers|jobmanager)(\/|$)/.test(path));
	const names = new Set(api.map(template).filter((request) => !listed.includes(request)));
	return [...names].map((name) => `flink_requests.json does not list ${name}`);
}

/** What the page shows in boxes of its own, and how often it counts that it did. */
async function notifications(page) {
	const shown = await page.page.locator("nz-notification, .ant-message-error, .ant-message-warning").allInnerTexts();
	const count = (await page.text(".ant-layout-header, flink-root header, body")).match(/Message: (\d+)/)?.[1];
	if (count !== undefined && count !== "0") shown.push(`"Message: ${count}"`);
	return shown;
}

/** What still turns or says that it loads. */
async function loading(page) {
	const spinning = await page.page.locator(".ant-spin-spinning:visible, .ant-skeleton:visible").count();
	const says = /loading\.\.\./i.test(await page.text());
	return spinning > 0 ? `${spinning} parts that load` : says ? "loading..." : "";
}

/** What of it is not to be seen; text in the editors of logs counts. */
async function missing(page, texts) {
	const plain = (text) => text.replace(/\u00a0/g, " ").replace(/\s+/g, " ");
	const text = plain(await page.text()) + plain((await page.page.locator(".view-lines").allTextContents()).join(" "));
	return texts.filter((part) => (part instanceof RegExp ? !part.test(text) : !text.includes(part)));
}

/** One tab, opened from the one before it as a person would: the application stays loaded. */
async function walk(page, tab) {
	const troubles = [];
	page.troubles = [];
	page.requests = [];
	try {
		if (tab.from) {
			await page.goto(tab.from);
			await page.page.locator("flink-job-overview-drawer").waitFor({ state: "detached" });
		}
		await page.goto(tab.address);
		await until(`everything on ${tab.name}`, async () => {
			const left = await missing(page, tab.see);
			return left.length === 0 || `missing: ${left.join(", ")}; on the page: ${(await page.text()).slice(0, 1500)}`;
		});
		await page.page.waitForTimeout(tabSeconds * 1000);
		await until(`${tab.name} to have loaded`, async () => (await loading(page)) === "" || loading(page));
		troubles.push(...(await missing(page, tab.see)).map((text) => `"${text}" is gone from the page`));
	} catch (error) {
		troubles.push(error.message);
	}
	await page.screenshot(`flink-${tab.name}`);
	troubles.push(...page.troubles, ...(await notifications(page)));
	troubles.push(...unlisted(page.requests));
	return troubles.map((trouble) => `${tab.name}: ${trouble}`);
}

/** All tabs, a few at a time, each for some seconds of refreshes. */
async function walkAll(tabs) {
	const waiting = [...tabs];
	const troubles = [];
	const worker = async () => {
		let page = await openFlinkPage();
		for (let tab = waiting.shift(); tab; tab = waiting.shift()) {
			const found = await walk(page, tab);
			troubles.push(...found);
			if (found.length === 0) continue;
			await page.close(); // the next tab begins without the troubles of this one
			page = await openFlinkPage();
		}
		await page.close();
	};
	await Promise.all(Array.from({ length: tabsAtOnce }, worker));
	check(troubles.length === 0, `${troubles.length} troubles:\n${troubles.join("\n")}`);
}

async function verticesOf(job) {
	return (await cluster.json(`/jobs/${job.id}`)).vertices;
}

test("tabs of the cluster refresh without a complaint", async () => {
	const [taskManager] = (await cluster.json("/taskmanagers")).taskmanagers;
	await walkAll(clusterTabs(taskManager));
});

test("tabs of a running job refresh without a complaint", async () => {
	await walkAll(jobTabs("running", "running", jobs.words, await verticesOf(jobs.words)));
});

test("tabs of a job under back pressure refresh without a complaint", async () => {
	const tabs = jobTabs("pressed", "running", jobs.pressed, await verticesOf(jobs.pressed));
	await walkAll(whole ? tabs : tabs.filter(({ name }) => /overview|subtasks|backpressure|metrics|flamegraph/.test(name)));
});

test("tabs of a finished job refresh without a complaint", async () => {
	const tabs = jobTabs("finished", "completed", jobs.finished, await verticesOf(jobs.finished));
	await walkAll(whole ? tabs : tabs.filter(({ name }) => !/vertex-1/.test(name)));
});

test("tabs of a failed job refresh without a complaint", async () => {
	await walkAll(jobTabs("failed", "completed", jobs.failed, await verticesOf(jobs.failed), { exceptions: [jobs.failed.cause] }));
});

/**
 * A bug of the page itself: its plan's drawing asks for sizes while its drawer closes. It is the browser's answer to
 * the page, and no server takes part.
 */
const ownBug = /NotSupportedError: Failed to read the 'value' property from 'SVGLength'/;

/** Does something on a page and fails with what the page complained about meanwhile. */
async function onPage(name, address, act) {
	const page = await openFlinkPage();
	try {
		await page.goto(address);
		await act(page);
		page.troubles.push(...(await notifications(page)));
		const troubles = page.troubles.filter((trouble) => !ownBug.test(trouble));
		check(troubles.length === 0, troubles.join("\n"));
	} finally {
		await page.screenshot(`flink-${name}`).catch(() => {});
		await page.close();
	}
}

/** Waits until the page shows all of this. */
function shows(page, ...texts) {
	return until(`"${texts.join('", "')}" on the page`, async () => {
		const left = await missing(page, texts);
		return left.length === 0 || `missing: ${left.join(", ")}; on the page: ${(await page.text()).slice(0, 1500)}`;
	});
}

function clickTab(page, name) {
	return page.page.locator(".ant-tabs-tab", { hasText: name }).last().click();
}

/** The cells of a table's row that has this text. */
async function row(page, text) {
	const cells = await page.page.locator("tr", { hasText: text }).first().locator("td").allInnerTexts();
	return cells.map((cell) => cell.trim());
}

test("what is counted is what was put in", async () => {
	await onPage("truth-overview", "/#/overview", async (page) => {
		await shows(page, /Total Task Slots ?6/, /Task Managers ?1/, /Finished ?1/, /Canceled ?0/, /Failed ?1/);
		await shows(page, jobs.words.name, jobs.pressed.name, jobs.finished.name, jobs.failed.name);
	});
	for (const job of [jobs.words, jobs.finished]) {
		const state = job === jobs.words ? "running" : "completed";
		const [source, sink] = await verticesOf(job);
		await onPage(`truth-${state}`, `/#/job/${state}/${job.id}/overview`, async (page) => {
			await until(`${job.lines} lines and ${job.words} words of ${job.name}`, async () => {
				const [first, last] = [await row(page, source.name), await row(page, sink.name)];
				const seen = JSON.stringify([first, last]);
				// Name, status, bytes in, records in, bytes out, records out …
				const records = [first[3], first[5], last[3]];
				return JSON.stringify(records) === JSON.stringify([job.lines, job.words, job.words].map(String)) || seen;
			});
		});
	}
});

test("a chart follows a chosen metric", async () => {
	const [source] = await verticesOf(jobs.words);
	await onPage("chart", `/#/job/running/${jobs.words.id}/overview/${source.id}/metrics`, async (page) => {
		await page.page.locator("nz-select", { hasText: "Select Metric Name" }).click();
		await page.page.keyboard.type("0.numRecordsOut"); // the list is long and made while it scrolls
		await page.page.locator(".ant-select-item-option", { hasText: /^\s*0\.numRecordsOut\s*$/ }).first().click();
		const asked = () => page.requests.filter((request) => request.query === "?get=0.numRecordsOut").length;
		await until("the chart to be refreshed three times", () => asked() >= 3 || asked());
		await shows(page, "0.numRecordsOut");
	});
});

test("checkpoints have four pages", async () => {
	await onPage("checkpoints", `/#/job/running/${jobs.words.id}/checkpoints`, async (page) => {
		await shows(page, "Checkpoint Counts");
		await clickTab(page, "History");
		await shows(page, "Trigger Time");
		await page.screenshot("flink-checkpoints-history");
		await clickTab(page, "Summary");
		await shows(page, "End to End Duration");
		await page.screenshot("flink-checkpoints-summary");
		await clickTab(page, "Configuration");
		await shows(page, "Checkpointing Mode", "Exactly Once");
	});
});

test("a failure has a history", async () => {
	await onPage("exception-history", `/#/job/completed/${jobs.failed.id}/exceptions`, async (page) => {
		await shows(page, jobs.failed.cause);
		await clickTab(page, "Exception History");
		await shows(page, "Map");
	});
});

test("flame graphs come of each kind and subtask", async () => {
	const [, slow] = await verticesOf(jobs.pressed);
	await onPage("flame-graph", `/#/job/running/${jobs.pressed.id}/overview/${slow.id}/flamegraph`, async (page) => {
		for (const kind of ["Off-CPU", "Mixed"]) {
			await page.page.locator("label", { hasText: kind }).click();
			await shows(page, /Measurement: [\d hms]+ ago/);
			await until(`the function that sleeps, ${kind}`, async () => {
				const frames = await page.page.locator(".d3-flame-graph-label").allTextContents();
				return frames.includes("waits in clock_nanosleep") || frames;
			});
		}
	});
});

test("one log file out of the list", async () => {
	await onPage("log-file", "/#/job-manager/log", async (page) => {
		await page.page.locator("a", { hasText: /standalonesession.*\.log/ }).first().click();
		await shows(page, "Starting the JobManager");
	});
});

test("a program is uploaded, looked at, submitted and deleted", async () => {
	await onPage("submit-work", "/#/submit", async (page) => {
		const name = "words.so";
		await page.page.locator("input[type=file]").setInputFiles({
			name,
			mimeType: "application/octet-stream",
			buffer: readFileSync(`${cluster.home}/examples/streaming/WordCount.so`),
		});
		await shows(page, name);
		await page.page.locator("tr", { hasText: name }).first().click();
		await page.page.locator("input[placeholder='Parallelism']").fill("1");
		await page.page.locator("input[placeholder='Program Arguments']").fill(`--input ${cluster.file("submitted.txt", "a b a\n")}`);
		await page.page.locator("button", { hasText: "Show Plan" }).click();
		await shows(page, "Source: file-input");
		await page.screenshot("flink-submit-plan");
		const drawer = page.page.locator(".ant-drawer-open", { hasText: "Plan Visualization" });
		await drawer.getByRole("button", { name: "Close" }).click();
		await drawer.waitFor({ state: "detached" });
		await page.page.locator("button", { hasText: /^\s*Submit\s*$/ }).click();
		await page.page.waitForURL(/#\/job\/(running|completed)\/[0-9a-f]{32}/);
		const id = /[0-9a-f]{32}/.exec(page.page.url())[0];
		await cluster.jobIs(id, "FINISHED");
		await shows(page, "WordCount", "FINISHED");
		await page.goto("/#/submit");
		await page.page.locator("a", { hasText: "Delete" }).first().click();
		await page.page.locator(".ant-popover button, .ant-popconfirm button", { hasText: /OK|Yes/ }).click();
		await until("no program to be left", async () => (await cluster.json("/jars")).files.length === 0);
		await shows(page, "No Data");
	});
});

test("a job is cancelled from its page", async () => {
	await onPage("cancel", `/#/job/running/${jobs.words.id}/overview`, async (page) => {
		await page.page.locator("a", { hasText: "Cancel Job" }).click();
		await page.page.locator(".ant-popover button, .ant-popconfirm button", { hasText: /OK|Yes/ }).click();
		await cluster.jobIs(jobs.words.id, "CANCELED");
		await shows(page, "CANCELED");
		await page.page.waitForTimeout(tabSeconds * 1000);
	});
});

async function setUp() {
	cluster = await startCluster({
		web: process.env.FLINK_APPLICATION,
		settings: ["taskmanager.numberOfTaskSlots: 6", "web.refresh-interval: 1000", "rest.flamegraph.enabled: true"],
	});
	jobs.words = await windowWordCount(cluster);
	jobs.finished = await finishedWordCount(cluster);
	jobs.failed = await failedJob(cluster);
	jobs.pressed = await backPressuredJob(cluster, "-p", "2");
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
