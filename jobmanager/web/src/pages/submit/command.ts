// SPDX-License-Identifier: Apache-2.0
// command.ts - what was typed into the form of a program: as the body of a request, and as a command line.
import type { Program, RunOptions } from "../../api/programs";

export interface Typed {
	entry: string;
	parallelism: string;
	args: string;
	/** "key: value" or "key=value", a line each. */
	settings: string;
}

/** The settings, or the first line that is none. */
export function settingsIn(text: string): { settings: Record<string, string> } | { bad: string } {
	const settings: Record<string, string> = {};
	for (const line of text.split("\n").map(one => one.trim()).filter(one => one && !one.startsWith("#"))) {
		const match = /^([\w.-]+)\s*[:=]\s*(.*)$/.exec(line);
		if (!match) return { bad: line };
		settings[match[1] as string] = match[2] as string;
	}
	return { settings };
}

export function optionsOf(typed: Typed, settings: Record<string, string>): RunOptions {
	return {
		...(typed.entry ? { entryClass: typed.entry } : {}),
		...(typed.parallelism ? { parallelism: Number(typed.parallelism) } : {}),
		...(typed.args.trim() ? { programArgs: typed.args.trim() } : {}),
		...(Object.keys(settings).length ? { flinkConfiguration: settings } : {}),
	};
}

const quoted = (text: string): string => (/^[\w.,:=/@%+-]+$/.test(text) ? text : `'${text.replace(/'/g, "'\\''")}'`);

/** The same on the command line. */
export function commandOf(verb: "run" | "info", program: Program, typed: Typed, settings: Record<string, string>): string {
	const python = /\.(py|zip)$/.test(program.name), zip = program.name.endsWith(".zip");
	const words = ["./bin/flink", verb, ...(verb === "run" ? ["-d"] : [])];
	if (typed.parallelism) words.push("-p", typed.parallelism);
	for (const [key, value] of Object.entries(settings)) words.push("-D", quoted(`${key}=${value}`));
	if (python) words.push(...(zip ? ["-pyfs", quoted(program.name), "-pym", quoted(typed.entry || program.entry[0]?.name || "main")] : ["-py", quoted(program.name)]));
	else {
		if (typed.entry) words.push("-c", quoted(typed.entry));
		words.push(quoted(program.name));
	}
	if (typed.args.trim()) words.push(typed.args.trim());
	return words.join(" ");
}
