// SPDX-License-Identifier: Apache-2.0
// plan.ts - plans as people have them: what get_execution_plan() and `flink info` print, with whatever stands around it,
// or what the REST API answers about a job.

export interface PlanNode {
	id: string;
	name: string;
	/** "Data Source", "Operator", "Data Sink"; "" where the plan does not say. */
	kind: string;
	parallelism: number;
	/** The operators that are chained into it, one line each, indented. */
	chain: string[];
}

export interface PlanEdge {
	id: string;
	source: string;
	target: string;
	ship: string;
}

export interface Plan {
	name: string;
	nodes: PlanNode[];
	edges: PlanEdge[];
}

/** Why a text is no plan; `at` is where in it, if that is known. */
export type NoPlan = { problem: "empty" | "no-json" | "bad-json" | "no-nodes" | "bad-node" | "unknown-input" | "too-many"; at?: string };

const NODES_MAX = 5_000;

/** The first JSON object in a text: from its brace to the one that closes it. */
export function objectIn(text: string): string | null {
	const from = text.indexOf("{");
	if (from < 0) return null;
	let depth = 0, quoted = false;
	for (let i = from; i < text.length; i++) {
		const c = text[i];
		if (quoted) {
			if (c === "\\") i++;
			else if (c === '"') quoted = false;
		} else if (c === '"') quoted = true;
		else if (c === "{") depth++;
		else if (c === "}" && --depth === 0) return text.slice(from, i + 1);
	}
	return text.slice(from); // it breaks off: the parser says where
}

type Raw = Record<string, unknown>;
const isObject = (value: unknown): value is Raw => typeof value === "object" && value !== null && !Array.isArray(value);
const list = (value: unknown): Raw[] => (Array.isArray(value) ? value.filter(isObject) : []);
const textOf = (value: unknown): string => (typeof value === "string" || typeof value === "number" ? String(value) : "");

const ENTITIES: Record<string, string> = { "&gt;": ">", "&lt;": "<", "&amp;": "&", "&quot;": '"', "&#39;": "'", "&#92;": "\\" };
/** REST's description: HTML with a line per chained operator. Only text is taken from it. */
const linesOf = (html: string): string[] =>
	html.split(/<br\s*\/?>/).map(line => line.replace(/&(gt|lt|amp|quot|#39|#92);/g, entity => ENTITIES[entity] ?? entity).trimEnd()).filter(Boolean);

function nodeOf(raw: Raw): PlanNode {
	const chain = linesOf(textOf(raw.description));
	const name = textOf(raw.type) || textOf(raw.contents) || chain.map(line => line.replace(/^[\s:+-]*/, "")).join(" -> ") || textOf(raw.operator) || textOf(raw.id);
	return { id: textOf(raw.id), name, kind: textOf(raw.pact), parallelism: Number(raw.parallelism) || 1, chain: chain.length > 1 ? chain : [] };
}

/** The plan in a text, or what is the matter with it. */
export function planIn(text: string): Plan | NoPlan {
	if (text.trim() === "") return { problem: "empty" };
	const json = objectIn(text);
	if (json === null) return { problem: "no-json" };
	let root: unknown;
	try {
		root = JSON.parse(json);
	} catch (failure) {
		return { problem: "bad-json", at: failure instanceof Error ? failure.message : undefined };
	}
	const outer = root as Raw;
	const plan = isObject(outer.plan) ? outer.plan : outer;
	if (!Array.isArray(plan.nodes) || plan.nodes.length === 0) return { problem: "no-nodes" };
	if (plan.nodes.length > NODES_MAX) return { problem: "too-many", at: String(plan.nodes.length) };
	const raws = list(plan.nodes);
	const bad = plan.nodes.findIndex(node => !isObject(node) || textOf(node.id) === "");
	if (bad >= 0) return { problem: "bad-node", at: String(bad + 1) };
	const nodes = raws.map(nodeOf);
	const known = new Set(nodes.map(node => node.id));
	const edges: PlanEdge[] = [];
	for (const raw of raws) {
		for (const input of list(raw.predecessors ?? raw.inputs)) {
			const source = textOf(input.id);
			if (!known.has(source)) return { problem: "unknown-input", at: `${textOf(raw.id)} ← ${source}` };
			edges.push({ id: String(edges.length), source, target: textOf(raw.id), ship: textOf(input.ship_strategy) });
		}
	}
	return { name: textOf(plan.name) || textOf(outer.name), nodes, edges };
}

export const isPlan = (of: Plan | NoPlan): of is Plan => "nodes" in of;
