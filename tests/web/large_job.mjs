// SPDX-License-Identifier: Apache-2.0
// large_job.mjs - a job of 200 vertices × 200 subtasks, whose numbers all change every second: nothing on the page moves
// or is made anew, and what a patch costs is printed. The server is a few lines here: what is looked at is the page.

import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { openBrowser, openPage } from "./lib/browser.mjs";
import { check, runTests, same, test, until } from "./lib/tap.mjs";

const web = fileURLToPath(new URL("../../build/web/", import.meta.url));
const VERTICES = 200, SUBTASKS = 200, PATCHES = 8;
const JID = "0123456789abcdef0123456789abcdef";
const STATES = ["CREATED", "SCHEDULED", "DEPLOYING", "INITIALIZING", "RUNNING", "FINISHED", "CANCELING", "CANCELED", "FAILED", "RECONCILING"];
const COLUMNS = ["status", "attempt", "taskmanager", "start-time", "end-time", "records-in", "records-out", "bytes-in", "bytes-out",
	"records-in-rate", "records-out-rate", "bytes-in-rate", "bytes-out-rate", "busy", "idle", "backpressured", "waiting",
	"in-queue", "out-queue", "in-usage", "out-usage"];
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css" };
const began = Date.now();
const idOf = (v) => v.toString(16).padStart(32, "0");
const share = (v, s, tick) => ((v * 31 + s * 17 + tick * 7) % 1000) / 1000;

const row = (v, s, tick) => [4, 0, s % 8, began, -1, tick * 1000 + s, tick * 900 + s, tick * 64000, tick * 60000,
	1000 + s, 900 + s, 64000 + s, 60000, share(v, s, tick), 0.1, share(s, v, tick), 0, tick % 9, 3, 0.5, 0.25];
const numbers = (v, tick) => ({
	"records-in": tick * 200000, "records-out": tick * 180000, "bytes-in": tick * 12800000, "bytes-out": tick * 12000000,
	"records-in-rate": 200000 + v + tick, "records-out-rate": 180000 + v + tick, "bytes-in-rate": 1.28e7, "bytes-out-rate": 1.2e7,
	"busy-max": share(v, 1, tick), "busy-mean": share(v, 1, tick) / 2, "idle-max": 0.3, "idle-mean": 0.2,
	"backpressured-max": share(v, 2, tick), "backpressured-mean": share(v, 2, tick) / 2, "waiting-max": 0, "waiting-mean": 0,
});
const operators = (v, tick) => Object.fromEntries([0, 1].map((o) => [o, {
	name: `Operator ${v}.${o}`, kind: v === 0 && o === 0 ? "source" : v === VERTICES - 1 && o === 1 ? "sink" : "operator", inputs: o ? [0] : [],
	"records-in-rate": 1000 + tick, "records-out-rate": 900 + tick, "busy-max": 0.5, "busy-mean": 0.25,
}]));
const subtasks = (v, tick) => Object.fromEntries(Array.from({ length: SUBTASKS }, (_, s) => [s, row(v, s, tick)]));
const sources = (v) => (v === 0 ? [] : [...new Set([Math.max(0, v - 1 - (v % 4)), Math.max(0, v - 1 - ((v * 7) % 9))])]);
const links = Array.from({ length: VERTICES }, (_, v) => sources(v).map((from) => [from, v])).flat();

function picture() {
	const tasks = STATES.map((state) => (state === "RUNNING" ? SUBTASKS : 0));
	const vertices = Array.from({ length: VERTICES }, (_, v) => [idOf(v), {
		name: `Operator ${v}.0 -> Operator ${v}.1`, parallelism: SUBTASKS, maxParallelism: 256, status: "RUNNING", tasks, "start-time": began, "end-time": -1,
		inputs: links.flatMap(([, to], e) => (to === v ? [e] : [])), cause: "", ...numbers(v, 0), operators: operators(v, 0), subtasks: subtasks(v, 0),
	}]);
	return {
		states: STATES, columns: COLUMNS,
		job: {
			jid: JID, name: "A large job", state: "RUNNING", "job-type": "STREAMING", "start-time": began, "end-time": -1, "all-running-time": 0, "last-modification": began,
			parallelism: SUBTASKS, maxParallelism: 256, slots: SUBTASKS, restarts: 0, failures: 0, note: "", bottleneck: "", "waiting-for": "", "output-end": 0, "metrics-dropped": 0, timestamps: {},
		},
		vertices: Object.fromEntries(vertices),
		edges: Object.fromEntries(links.map(([from, to], e) => [e, {
			source: idOf(from), "source-operator": 1, target: idOf(to), "target-operator": 0, input: 0, ship_strategy: "HASH", exchange: "pipelined_bounded", "records-rate": 1000, backpressured: 0,
		}])),
		checkpoints: { counts: { restored: 0, total: 0, in_progress: 0, completed: 0, failed: 0 } },
		taskmanagers: Object.fromEntries(Array.from({ length: 8 }, (_, i) => [i, { id: `localhost:${9000 + i}-x`, endpoint: `localhost:${9000 + i}` }])),
	};
}
const patch = (tick) => ({
	job: { name: `A large job, patch ${tick}` },
	vertices: Object.fromEntries(Array.from({ length: VERTICES }, (_, v) => [idOf(v), { ...numbers(v, tick), operators: operators(v, tick), subtasks: subtasks(v, tick) }])),
	edges: Object.fromEntries(links.map(([, to], e) => [e, { "records-rate": 1000 + to + tick }])),
});

let listener; // of events
function answer(request, response) {
	const { pathname } = new URL(request.url, "http://x");
	if (pathname === "/events") {
		response.writeHead(200, { "Content-Type": "text/event-stream" });
		listener = (event, data) => response.write(`event: ${event}\ndata: ${JSON.stringify({ jid: JID, version: 1, now: Date.now(), ...data })}\n\n`);
		listener("picture", { picture: picture() });
		return;
	}
	const json = { "/config": { "refresh-interval": 3000, "flink-version": "test", "flink-revision": "", features: {}, "ended-jobs-shown": 5 } }[pathname] ??
		(pathname === `/jobs/${JID}/snapshot` ? picture() : undefined) ??
		(pathname.endsWith("/series") ? { from: began, step: 1000, series: {}, markers: [], missing: [] } : undefined);
	if (json) return response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(json));
	try {
		const body = readFileSync(join(web, pathname === "/" ? "index.html" : pathname));
		response.writeHead(200, { "Content-Type": TYPES[extname(pathname) || ".html"] ?? "application/octet-stream" }).end(body);
	} catch {
		response.writeHead(404).end();
	}
}

const server = createServer(answer);
await new Promise((resolve) => server.listen(0, "localhost", resolve));
const base = `http://localhost:${server.address().port}`;
const browser = await openBrowser();

const scriptMs = async (session) => {
	const { metrics } = await session.send("Performance.getMetrics");
	const of = (name) => metrics.find((metric) => metric.name === name).value * 1000;
	return { script: of("ScriptDuration"), layout: of("LayoutDuration") + of("RecalcStyleDuration") };
};

async function patches(address, selector) {
	const page = await openPage(browser, base);
	const session = await page.page.context().newCDPSession(page.page);
	await session.send("Performance.enable", { timeDomain: "threadTicks" }); // of the thread: what else runs on the machine does not count
	await page.goto(address);
	await until(`${selector} at ${address}`, async () => (await page.page.locator(selector).count()) > 0, 60);
	const places = () => page.page.evaluate((what) => [...document.querySelectorAll(what)].map((one) => {
		one.seenBefore = (one.seenBefore ?? 0) + 1;
		return [one.seenBefore, one.offsetLeft, one.offsetTop, one.offsetWidth].join();
	}), selector);
	const first = await places();
	let before = await scriptMs(session);
	const costs = [];
	for (let tick = 1; tick <= PATCHES; tick++) {
		listener("patch", { patch: patch(tick) });
		await page.page.waitForFunction((text) => document.querySelector("h1")?.textContent.endsWith(text), `patch ${tick}`, { timeout: 60000 });
		await page.page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
		const now = await scriptMs(session);
		costs.push({ script: now.script - before.script, layout: now.layout - before.layout });
		before = now;
	}
	const last = await places();
	same(first.length, last.length, "elements");
	same(first.map((place) => place.replace(/^\d+/, "2")).join("\n"), last.join("\n"), "their places; each is the same element");
	check(page.troubles.length === 0, page.troubles.join("\n"));
	const median = (key) => costs.map((cost) => cost[key]).sort((a, b) => a - b)[PATCHES >> 1].toFixed(1);
	console.log(`# ${address.replace(JID, "…")}: per patch of ${VERTICES * SUBTASKS} subtasks ${median("script")} ms script, ${median("layout")} ms style and layout (median of ${PATCHES})`);
	await page.close();
	return first.length;
}

test("the graph of 200 vertices stays where it is", async () => same(VERTICES, await patches(`/#/job/running/${JID}/overview`, ".plane .box"), "boxes"));
test("and so does that of their operators", async () => same(VERTICES, await patches(`/#/job/running/${JID}/overview?show=operators`, ".plane .box"), "boxes"));
test("a table of 200 subtasks draws those in view", async () => {
	const rows = await patches(`/#/job/running/${JID}/overview/${idOf(7)}/subtasks`, "tr[data-row]");
	check(rows > 5 && rows < 80, `${rows} rows are drawn`);
});

let failed = 1;
try {
	failed = await runTests();
} finally {
	await browser.close();
	server.closeAllConnections?.();
	server.close();
}
process.exit(failed === 0 ? 0 : 1);
