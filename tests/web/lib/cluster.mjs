// SPDX-License-Identifier: Apache-2.0
// cluster.mjs - a cluster of its own for a test, jobs on it, and the text that they read.

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { until } from "./tap.mjs";

const homeScript = fileURLToPath(new URL("home.sh", import.meta.url));

/** Runs a program to its end: { code, out, err }. */
function run(program, args, options = {}) {
	return new Promise((resolve) => {
		execFile(program, args, { maxBuffer: 64 << 20, ...options }, (error, out, err) =>
			resolve({ code: error ? (error.code ?? 1) : 0, out, err }));
	});
}

/**
 * Starts a cluster on free ports in a folder that stop() removes. `settings` are lines of flink-conf.yaml, `web` is
 * the folder of another page than the one that was built.
 */
export async function startCluster({ settings = [], web } = {}) {
	const scratch = mkdtempSync(join(process.env.TMPDIR ?? tmpdir(), "web-"));
	const home = join(scratch, "flink home");
	const env = { ...process.env, ...(web ? { WEB: web } : {}) };
	const { code, out, err } = await run(homeScript, ["start", home, ...settings], { env });
	const [restPort, textPort] = out.trim().split(" ").map(Number);
	const cluster = new Cluster(scratch, home, restPort, textPort);
	try {
		if (code !== 0) throw new Error(`the cluster does not start: ${out}${err}`);
		await until("a TaskManager", async () => (await cluster.json("/overview")).taskmanagers === 1);
	} catch (error) {
		await cluster.stop();
		throw error;
	}
	return cluster;
}

class Cluster {
	constructor(scratch, home, restPort, textPort) {
		this.scratch = scratch;
		this.home = home;
		this.url = `http://localhost:${restPort}`;
		this.textPort = textPort;
		this.texts = [];
	}

	/** The whole answer to a request: { status, type, text }. */
	async ask(path, options = {}) {
		const answer = await fetch(this.url + path, { signal: AbortSignal.timeout(20000), ...options });
		return { status: answer.status, type: answer.headers.get("content-type"), text: await answer.text() };
	}

	/** The body of a GET, which must be JSON and fine. */
	async json(path) {
		const { status, text } = await this.ask(path);
		if (status !== 200) throw new Error(`GET ${path}: ${status} ${text}`);
		return JSON.parse(text);
	}

	/** The flink command in this home: { code, out, err }. */
	flink(...args) {
		return this.command("flink", ...args);
	}

	async stopJobManager() {
		const { code, out, err } = await this.command("jobmanager.sh", "stop");
		if (code !== 0) throw new Error(`jobmanager.sh stop: ${out}${err}`);
	}

	async startJobManager() {
		const { code, out, err } = await this.command("jobmanager.sh", "start");
		if (code !== 0) throw new Error(`jobmanager.sh start: ${out}${err}`);
	}

	/** A program of this home's bin: { code, out, err }. */
	command(name, ...args) {
		const env = {
			...process.env,
			FLINK_HOME: this.home,
			FLINK_CONF_DIR: join(this.home, "conf"),
			FLINK_LOG_DIR: join(this.home, "log"),
			FLINK_PID_DIR: join(this.home, "pid"),
		};
		return run(join(this.home, "bin", name), args, { cwd: this.home, env });
	}

	/** Submits a program, does not wait for its end; the job's id. */
	async submit(...args) {
		const { code, out, err } = await this.flink("run", "-d", ...args);
		const id = /JobID ([0-9a-f]{32})/.exec(out)?.[1];
		if (code !== 0 || !id) throw new Error(`flink run ${args.join(" ")}: ${out}${err}`);
		return id;
	}

	jobIs(id, state, seconds = 30) {
		return until(`job ${id} ${state}`, async () => {
			const { status } = await this.json(`/jobs/${id}/status`);
			return status === state || status;
		}, seconds);
	}

	/** Asks the job to end and waits until it has. */
	async cancel(id) {
		await this.ask(`/jobs/${id}?mode=cancel`, { method: "PATCH" });
		await this.jobIs(id, "CANCELED");
	}

	/** A file in the cluster's own folder; its path. */
	file(name, text) {
		const path = join(this.scratch, name);
		writeFileSync(path, text);
		return path;
	}

	/** Serves the text port: the job that reads it gets what is written. Call before the job is submitted. */
	async serveText() {
		const text = new TextServer();
		await text.listen(this.textPort);
		this.texts.push(text);
		return text;
	}

	async stop() {
		for (const text of this.texts) text.close();
		await run(homeScript, ["stop", this.home]);
		rmSync(this.scratch, { recursive: true, force: true });
	}
}

/** What `nc -l PORT` is to a tutorial: lines for one reader at a time; those written before it comes wait for it. */
class TextServer {
	constructor() {
		this.waiting = "";
		this.reader = null;
		this.server = createServer((reader) => {
			this.reader = reader;
			reader.on("error", () => {});
			reader.on("close", () => {
				if (this.reader === reader) this.reader = null;
			});
			reader.write(this.waiting);
			this.waiting = "";
		});
	}

	listen(port) {
		return new Promise((resolve, reject) => {
			this.server.once("error", reject);
			this.server.listen(port, "localhost", resolve);
		});
	}

	write(text) {
		if (this.reader) this.reader.write(text);
		else this.waiting += text;
	}

	/** The end of the text: its reader's input ends. */
	end() {
		this.reader?.end();
		this.server.close();
	}

	close() {
		this.reader?.destroy();
		this.server.close();
	}
}
