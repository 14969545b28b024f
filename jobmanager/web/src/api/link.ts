// SPDX-License-Identifier: Apache-2.0
// link.ts - whether the JobManager answers. One request that fails is no outage; the banner comes when nothing
// has answered for a while, and goes with the first answer.
import { computed, signal } from "@preact/signals";

const PATIENCE_MS = 1_500;

const lastHeard = signal(Date.now());
const firstSilent = signal(0);
const checkedAt = signal(0);
let timer: ReturnType<typeof setTimeout> | undefined;

export function heard(): void {
	lastHeard.value = Date.now();
	firstSilent.value = 0;
	clearTimeout(timer);
}

export function silent(): void {
	if (firstSilent.value !== 0) return;
	firstSilent.value = Date.now();
	clearTimeout(timer);
	timer = setTimeout(() => (checkedAt.value = Date.now()), PATIENCE_MS);
}

/** True once nothing has answered for a while. */
export const down = computed(() => firstSilent.value !== 0 && checkedAt.value - firstSilent.value >= PATIENCE_MS - 50);
/** When it answered last. */
export const since = computed(() => lastHeard.value);

/** How what is shown comes here: pushed as it changes, or asked for again and again. */
export const pushed = signal(false);
