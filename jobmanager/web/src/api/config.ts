// SPDX-License-Identifier: Apache-2.0
// config.ts - what the JobManager says of itself before anything else (`GET /config`).
import { signal } from "@preact/signals";
import { get } from "./client";
import type { Config } from "./types";

const RETRY_MS = 1_000;

export const config = signal<Config>({
	"refresh-interval": 2_000,
	"flink-version": "",
	"flink-revision": "",
	features: { "web-submit": false, "web-cancel": false, "web-rescale": false, "web-history": false },
	"ended-jobs-shown": 5,
});

/** Pages are drawn without waiting for it; what depends on it (actions) appears when it is there. */
export async function loadConfig(): Promise<void> {
	for (;;) {
		try {
			const told = await get<Config>("/config");
			config.value = { ...told, "refresh-interval": Math.min(Math.max(told["refresh-interval"], 500), 3_000) };
			return;
		} catch {
			await new Promise(resolve => setTimeout(resolve, RETRY_MS));
		}
	}
}
