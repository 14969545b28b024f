// SPDX-License-Identifier: Apache-2.0
// browser.mjs - a browser that notices what goes wrong in a page: errors, failed requests, requests to strangers.

import { accessSync, constants, mkdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const screens = fileURLToPath(new URL("../../../build/screens/", import.meta.url));

/** The path of a chromium: $CHROMIUM, or where distributions have it; null if there is none. */
export function findChromium() {
	const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
	const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/bin", "/snap/bin", "/opt/google/chrome"];
	const paths = names.flatMap((name) => folders.map((folder) => join(folder, name)));
	for (const path of [process.env.CHROMIUM, ...paths]) {
		try {
			accessSync(path, constants.X_OK);
			return path;
		} catch {
			// the next place
		}
	}
	return null;
}

export function openBrowser() {
	return chromium.launch({
		executablePath: findChromium(),
		args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
			"--disable-component-update", "--disable-sync"],
	});
}

/**
 * A page of its own profile that remembers its troubles. Options: `width`, `height`, `dark`, `lang`, and `expects(url,
 * status)`, which says that an answer of 400 and above is what the page counts on.
 */
export async function openPage(browser, base, { width = 1280, height = 900, dark = false, lang = "en-US", expects } = {}) {
	const context = await browser.newContext({
		viewport: { width, height },
		colorScheme: dark ? "dark" : "light",
		locale: lang,
		reducedMotion: "reduce",
	});
	const watched = new WatchedPage(await context.newPage(), base, expects ?? (() => false));
	watched.watch();
	return watched;
}

class WatchedPage {
	constructor(page, base, expects) {
		this.page = page;
		this.base = base;
		this.expects = expects;
		this.troubles = []; // what went wrong, in words
		this.requests = []; // what was asked: { method, path, query, body, status }
		this.open = 0; // requests under way
		this.expected = new Set();
	}

	watch() {
		const { page } = this;
		page.on("pageerror", (error) => this.troubles.push(`uncaught: ${error.stack ?? error}`));
		page.on("console", (message) => {
			if (message.type() !== "error" || this.expected.has(message.location().url)) return;
			this.troubles.push(`console: ${message.text()} (${message.location().url})`);
		});
		page.on("request", (request) => {
			if (!request.url().startsWith("data:") && new URL(request.url()).origin !== this.base) {
				this.troubles.push(`a stranger is asked: ${request.url()}`);
			}
		});
		page.on("requestfailed", (request) => {
			const why = request.failure()?.errorText;
			// A page that goes elsewhere, or asks anew before the answer has come, gives up what it asked for.
			if (why !== "net::ERR_ABORTED") this.troubles.push(`${request.method()} ${request.url()}: ${why}`);
		});
		page.on("response", (response) => this.noticed(response));
	}

	noticed(response) {
		const request = response.request();
		const url = new URL(request.url());
		const status = response.status();
		this.requests.push({
			method: request.method(),
			path: url.pathname,
			query: url.search,
			body: request.postData(),
			status,
		});
		if (status < 400) return;
		if (this.expects(url, status)) this.expected.add(request.url());
		else this.troubles.push(`${request.method()} ${url.pathname}${url.search}: ${status}`);
	}

	/** Opens an address of the page, such as "/#/overview". */
	async goto(address) {
		await this.page.goto(this.base + address);
	}

	/** The text that a person sees, blanks as one. */
	async text(selector = "body") {
		return (await this.page.locator(selector).allInnerTexts()).join(" ").replace(/\s+/g, " ");
	}

	/** Writes build/screens/NAME.png. */
	async screenshot(name) {
		mkdirSync(screens, { recursive: true });
		await this.page.screenshot({ path: join(screens, name + ".png"), animations: "disabled" });
	}

	resize(width, height) {
		return this.page.setViewportSize({ width, height });
	}

	dark(on) {
		return this.page.emulateMedia({ colorScheme: on ? "dark" : "light" });
	}

	close() {
		return this.page.context().close();
	}
}
