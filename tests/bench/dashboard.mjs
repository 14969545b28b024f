// SPDX-License-Identifier: Apache-2.0
// dashboard.mjs - what the dashboard costs: its first paint beside an empty page's, and the JobManager's processor time
// while one is open on a job of 200 subtasks.
//
// usage: node tests/bench/dashboard.mjs        SECONDS=60   LOOKS=9       (chromium, and npm ci in tests/web, are needed)

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { openBrowser, openPage } from "../web/lib/browser.mjs";
import { startCluster } from "../web/lib/cluster.mjs";
import { windowWordCount } from "../web/lib/jobs.mjs";
import { until } from "../web/lib/tap.mjs";

const seconds = Number(process.env.SECONDS ?? 60);
const looks = Number(process.env.LOOKS ?? 9);
const PARALLELISM = 100; // with its source and its sink: 202 subtasks
const TICKS_PER_S = Number(execFileSync("getconf", ["CLK_TCK"]).toString());

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** The JobManager itself: the child of the process that the pid file names. */
function jobManagerPid(home) {
	const file = readdirSync(join(home, "pid")).find((name) => name.includes("standalonesession"));
	const parent = readFileSync(join(home, "pid", file), "utf8").trim().split("\n").pop().split(" ")[0];
	return execFileSync("pgrep", ["-P", parent]).toString().trim().split("\n")[0];
}

function processOf(pid) {
	const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
	const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
	const resident = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1];
	return { cpu: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S, residentMib: Number(resident) / 1024 };
}

async function firstPaint(browser, url) {
	const context = await browser.newContext();
	const page = await context.newPage();
	await page.goto(url);
	const at = await page.evaluate(() => new Promise((resolve) => {
		const look = () => {
			const entry = performance.getEntriesByName("first-contentful-paint")[0];
			if (entry) resolve(entry.startTime);
			else setTimeout(look, 5);
		};
		look();
	}));
	await context.close();
	return at;
}

async function paints(browser, cluster) {
	const empty = createServer((_, answer) => answer.end("<!doctype html><title>x</title><p>x</p>"));
	await new Promise((resolve) => empty.listen(0, "localhost", resolve));
	const ours = [];
	const theirs = [];
	for (let i = 0; i < looks; i++) { // one after the other: both see the same minute
		theirs.push(await firstPaint(browser, `http://localhost:${empty.address().port}/`));
		ours.push(await firstPaint(browser, `${cluster.url}/#/overview`));
	}
	empty.close();
	return { ours: median(ours), theirs: median(theirs) };
}

async function openDashboard(browser, cluster, job) {
	const pid = jobManagerPid(cluster.home);
	await pause(3000);
	const idle = processOf(pid);
	await pause(seconds * 500);
	const alone = (processOf(pid).cpu - idle.cpu) * 2;
	const page = await openPage(browser, cluster.url);
	await page.goto(`/#/job/running/${job.id}/overview`);
	await until("the graph", async () => (await page.page.locator(".box").count()) > 0);
	await pause(3000);
	page.requests = [];
	const before = processOf(pid);
	await pause(seconds * 1000);
	const after = processOf(pid);
	const asked = page.requests.map(({ path }) => path.replace(/[0-9a-f]{32}/, ":jobid"));
	await page.close();
	return { alone, cpu: after.cpu - before.cpu, resident: after.residentMib, asked };
}

const settings = [`taskmanager.numberOfTaskSlots: ${PARALLELISM}`, "taskmanager.memory.process.size: 2g"];
const cluster = await startCluster({ settings });
const browser = await openBrowser();
try {
	const { ours, theirs } = await paints(browser, cluster);
	console.log(`first contentful paint, median of ${looks}: ${ours.toFixed(0)} ms; an empty page: ${theirs.toFixed(0)} ms`);
	const job = await windowWordCount(cluster, ["to be or not to be"], "-p", String(PARALLELISM));
	const talk = setInterval(() => job.text.write("to be or not to be\n".repeat(50)), 100);
	const vertices = (await cluster.json(`/jobs/${job.id}`)).vertices;
	const subtasks = vertices.reduce((sum, { parallelism }) => sum + parallelism, 0);
	const { alone, cpu, resident, asked } = await openDashboard(browser, cluster, job);
	clearInterval(talk);
	const kinds = [...new Set(asked)].map((path) => `${path} ${asked.filter((one) => one === path).length}`);
	console.log(`JobManager, ${subtasks} subtasks, ${seconds} s: ${cpu.toFixed(2)} s of processor with one dashboard open, ${alone.toFixed(2)} s without; ${resident.toFixed(1)} MiB resident`);
	console.log(`requests in that time, beside the stream of events: ${asked.length} (${kinds.join(", ") || "none"})`);
} finally {
	await browser.close();
	await cluster.stop();
}
