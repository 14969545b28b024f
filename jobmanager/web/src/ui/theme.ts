// SPDX-License-Identifier: Apache-2.0
// theme.ts - light or dark: as the system has it, or as the reader chose.
import { computed, effect, signal } from "@preact/signals";
import { stored } from "../lib/page";

export const themeChoice = stored("theme", ["auto", "light", "dark"] as const, "auto");

const system = typeof matchMedia === "undefined" ? null : matchMedia("(prefers-color-scheme: dark)");
const systemDark = signal(system?.matches ?? false);
system?.addEventListener("change", event => (systemDark.value = event.matches));

export const dark = computed(() => (themeChoice.value === "auto" ? systemDark.value : themeChoice.value === "dark"));

/** The page's root carries the choice; style/tokens.css does the rest. */
export const applyTheme = () => effect(() => {
	document.documentElement.dataset.theme = dark.value ? "dark" : "light";
});
