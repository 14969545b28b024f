// SPDX-License-Identifier: Apache-2.0
// layout.ts - where the boxes of a graph and the ways between them stand. Computed once for each shape of a graph:
// numbers change in place, and nothing moves.
//
// In layers, as Sugiyama has it: each box one layer behind those that feed it; the order within a layer by the middle
// of its neighbours, there and back, keeping the one with the fewest crossings; then places as close to the neighbours
// as that order and the distances allow, which is a regression solved exactly. An edge over several layers has a place
// in each of them, so that it goes round the boxes.

export interface ShapeBox {
	id: string;
	width: number;
	height: number;
	/** Where edges leave, from its top; the middle if there is none. By operator. */
	exits?: readonly number[];
	/** Where edges arrive, likewise. */
	entry?: number;
}

export interface ShapeEdge {
	id: string;
	source: string;
	target: string;
	/** The operator it leaves. */
	exit?: number;
}

export interface Shape {
	boxes: readonly ShapeBox[];
	edges: readonly ShapeEdge[];
	/** On a narrow screen, from top to bottom. */
	down: boolean;
}

export interface Place {
	x: number;
	y: number;
	width: number;
	height: number;
}

export interface Way {
	path: string;
	/** The middle of what is written on it. */
	x: number;
	y: number;
}

export interface Layout {
	width: number;
	height: number;
	boxes: Map<string, Place>;
	edges: Map<string, Way>;
}

type Point = { x: number; y: number };

const LABEL_WIDTH = 98, LABEL_HEIGHT = 62; // between two layers: across, and from top to bottom
const APART = 28, EDGES_APART = 22, BESIDE_EACH_OTHER = 40, MARGIN_TOP = 14;
const SWEEPS = 12, EDGES_COUNTED_MAX = 3_000;

const at = (x: number, y: number): string => `${x.toFixed(1)} ${y.toFixed(1)}`;

/** A line through all points that is level (or, downwards, upright) at each. */
export function smooth(points: readonly Point[], down: boolean): string {
	return points.map((to, i) => {
		const from = points[i - 1];
		if (!from) return `M${at(to.x, to.y)}`;
		const x = (from.x + to.x) / 2, y = (from.y + to.y) / 2;
		return down ? `C${at(from.x, y)} ${at(to.x, y)} ${at(to.x, to.y)}` : `C${at(x, from.y)} ${at(x, to.y)} ${at(to.x, to.y)}`;
	}).join("");
}

/** A box, or the place of an edge that passes by. */
interface Node {
	box?: ShapeBox;
	layer: number;
	/** Across the layers. */
	size: number;
	at: number;
	before: Node[];
	behind: Node[];
}

const nodeOf = (layer: number, size: number, box?: ShapeBox): Node => ({ box, layer, size, at: 0, before: [], behind: [] });
const link = (source: Node, target: Node) => {
	source.behind.push(target);
	target.before.push(source);
};

/** Each behind all that feed it. A way back to where one came from (there is none in a job) does not count. */
function setLayers(boxes: ReadonlyMap<string, Node>, edges: readonly ShapeEdge[]): void {
	const leaving = new Map<Node, Node[]>(), state = new Map<Node, "open" | "done">(), order: Node[] = [];
	for (const edge of edges) {
		const source = boxes.get(edge.source), target = boxes.get(edge.target);
		if (!source || !target) continue;
		const targets = leaving.get(source);
		if (targets) targets.push(target);
		else leaving.set(source, [target]);
	}
	for (const root of boxes.values()) {
		const stack: [Node, number][] = state.has(root) ? [] : [[root, 0]]; // a job may be longer than the stack of calls
		state.set(root, state.get(root) ?? "open");
		for (let top = stack[stack.length - 1]; top; top = stack[stack.length - 1]) {
			const [node, next] = top, targets = leaving.get(node) ?? [], target = targets[next];
			top[1]++;
			if (!target) {
				state.set(node, "done");
				order.push(node);
				stack.pop();
			} else if (!state.has(target)) {
				state.set(target, "open");
				stack.push([target, 0]);
			} else if (state.get(target) === "open") targets.splice(next, 1), top[1]--;
		}
	}
	const entered = new Map<Node, number>();
	for (const node of [...order].reverse()) {
		for (const target of leaving.get(node) ?? []) {
			target.layer = Math.max(target.layer, node.layer + 1);
			entered.set(target, (entered.get(target) ?? 0) + 1);
		}
	}
	// What more depends on than it depends on itself stands close to those: a source right before its join.
	for (const node of order) {
		const targets = leaving.get(node) ?? [];
		if (targets.length > (entered.get(node) ?? 0)) node.layer = Math.min(...targets.map(target => target.layer)) - 1;
	}
}

/** The places of an edge between its ends: one in each layer that it crosses. */
function passBy(source: Node, target: Node, layers: Node[][]): Node[] {
	const passed: Node[] = [];
	let from = source;
	for (let layer = source.layer + 1; layer < target.layer; layer++) {
		const node = nodeOf(layer, EDGES_APART);
		layers[layer]?.push(node);
		link(from, node);
		passed.push((from = node));
	}
	if (target.layer > source.layer) link(from, target);
	return passed;
}

function crossings(layers: readonly Node[][]): number {
	let all = 0;
	for (const layer of layers) {
		const ends = layer.flatMap(node => node.behind.map(target => target.at).sort((a, b) => a - b));
		if (ends.length > EDGES_COUNTED_MAX) continue;
		for (let i = 0; i < ends.length; i++) for (let j = i + 1; j < ends.length; j++) if ((ends[i] as number) > (ends[j] as number)) all++;
	}
	return all;
}

const number = (layer: Node[]) => layer.forEach((node, i) => (node.at = i));
const mean = (nodes: readonly Node[], otherwise: number): number =>
	nodes.length ? nodes.reduce((sum, node) => sum + node.at, 0) / nodes.length : otherwise;

/** The order within the layers; `at` is the number of a node in its layer meanwhile. */
function order(layers: Node[][]): Node[][] {
	layers.forEach(number);
	let best = layers.map(layer => [...layer]), fewest = crossings(layers);
	for (let sweep = 0; sweep < SWEEPS && fewest > 0; sweep++) {
		const forth = sweep % 2 === 0;
		for (const layer of forth ? layers : [...layers].reverse()) {
			const keys = new Map(layer.map(node => [node, mean(forth ? node.before : node.behind, node.at)]));
			layer.sort((a, b) => (keys.get(a) as number) - (keys.get(b) as number));
			number(layer);
		}
		const now = crossings(layers);
		if (now < fewest) [best, fewest] = [layers.map(layer => [...layer]), now];
	}
	return best;
}

/** Places as near as can be (least squares) to those wished for, in that order and that far apart. */
export function spread(wishes: readonly number[], gaps: readonly number[], weights: readonly number[]): number[] {
	// With the distances taken out, order is all that is left: pools of those that would overtake each other.
	const pools: { sum: number; weight: number; count: number }[] = [];
	const before: number[] = [];
	wishes.forEach((wish, i) => {
		before.push((before[i - 1] ?? 0) + (i > 0 ? (gaps[i - 1] ?? 0) : 0));
		const weight = weights[i] ?? 1;
		pools.push({ sum: (wish - (before[i] as number)) * weight, weight, count: 1 });
		for (;;) {
			const last = pools[pools.length - 1], other = pools[pools.length - 2];
			if (!last || !other || other.sum / other.weight <= last.sum / last.weight) break;
			pools.splice(-2, 2, { sum: last.sum + other.sum, weight: last.weight + other.weight, count: last.count + other.count });
		}
	});
	return pools.flatMap(pool => Array.from({ length: pool.count }, () => pool.sum / pool.weight)).map((place, i) => place + (before[i] as number));
}

const gapsOf = (layer: readonly Node[]): number[] => layer.slice(1).map((node, i) => {
	const above = layer[i] as Node;
	return (above.size + node.size) / 2 + (above.box && node.box ? APART : APART / 2);
});

/** The middle of each node across the layers. */
function place(layers: Node[][]): void {
	for (const layer of layers) spread(layer.map(() => 0), gapsOf(layer), []).forEach((middle, i) => ((layer[i] as Node).at = middle));
	for (let sweep = 0; sweep < 2 * SWEEPS; sweep++) {
		const forth = sweep % 2 === 0, last = sweep >= 2 * SWEEPS - 2;
		for (const layer of forth ? layers : [...layers].reverse()) {
			const wishes = layer.map(node => mean(last ? [...node.before, ...node.behind] : forth ? node.before : node.behind, node.at));
			const weights = layer.map(node => (node.box ? 1 : 3)); // a long edge is straight before a box is centred
			spread(wishes, gapsOf(layer), weights).forEach((middle, i) => ((layer[i] as Node).at = middle));
		}
	}
}

/** Along the layers: where each begins, and how deep it is. */
function depths(layers: readonly Node[][], down: boolean): { from: number; depth: number }[] {
	let from = 0;
	return layers.map(layer => {
		const depth = Math.max(0, ...layer.map(node => (node.box ? (down ? node.box.height : node.box.width) : 0)));
		const here = { from, depth };
		from += depth + (down ? LABEL_HEIGHT : LABEL_WIDTH);
		return here;
	});
}

interface Drawing {
	down: boolean;
	doors: ReadonlyMap<string, Node>;
	places: Map<string, Place>;
	layers: { from: number; depth: number }[];
	top: number;
}

/** The way of an edge, beside the others between the same two. */
function wayOf(drawing: Drawing, edge: ShapeEdge, passed: readonly Node[], beside: number): Way | undefined {
	const { down, doors, places, layers, top } = drawing;
	const source = places.get(edge.source), target = places.get(edge.target);
	if (!source || !target) return undefined;
	const exit = doors.get(edge.source)?.box?.exits?.[edge.exit ?? -1] ?? source.height / 2;
	const entry = doors.get(edge.target)?.box?.entry ?? target.height / 2;
	const start = down ? { x: source.x + source.width / 2, y: source.y + source.height } : { x: source.x + source.width, y: source.y + exit };
	const end = down ? { x: target.x + target.width / 2, y: target.y } : { x: target.x, y: target.y + entry };
	const stops = passed.flatMap((node): Point[] => {
		const { from, depth } = layers[node.layer] ?? { from: 0, depth: 0 }, across = node.at - top;
		return down ? [{ x: across, y: from }, { x: across, y: from + depth }] : [{ x: from, y: across }, { x: from + depth, y: across }];
	});
	const next = stops[0] ?? end;
	// A smaller box leaves room before the next layer: the writing is in the gap that all have.
	const gap = down ? next.y - LABEL_HEIGHT / 2 : next.x - LABEL_WIDTH / 2;
	const label = down ? { x: (start.x + next.x) / 2 + beside, y: gap } : { x: gap, y: (start.y + next.y) / 2 + beside };
	return { path: smooth(beside === 0 ? [start, ...stops, end] : [start, label, ...stops, end], down), ...label };
}

export function layout(shape: Shape): Layout {
	const { down } = shape;
	const nodes = new Map(shape.boxes.map(box => [box.id, nodeOf(0, down ? box.width : box.height, box)]));
	setLayers(nodes, shape.edges);
	const least = Math.min(0, ...[...nodes.values()].map(node => node.layer));
	let layers: Node[][] = [];
	for (const node of nodes.values()) (layers[(node.layer -= least)] ??= []).push(node);
	layers = Array.from(layers, layer => layer ?? []);
	const passed = new Map<string, Node[]>(), between = new Map<string, string[]>();
	for (const edge of shape.edges) {
		const source = nodes.get(edge.source), target = nodes.get(edge.target);
		if (source && target) passed.set(edge.id, passBy(source, target, layers));
		const pair = `${edge.source} ${edge.target}`;
		between.set(pair, [...(between.get(pair) ?? []), edge.id]);
	}
	layers = order(layers);
	place(layers);
	const all = layers.flat(), along = depths(layers, down);
	const top = Math.min(0, ...all.map(node => node.at - node.size / 2)) - MARGIN_TOP;
	const across = Math.max(0, ...all.map(node => node.at + node.size / 2)) - top + (down ? MARGIN_TOP : 2);
	const length = along.reduce((most, layer) => Math.max(most, layer.from + layer.depth), 0);
	const places = new Map<string, Place>();
	for (const [id, node] of nodes) {
		const { width = 0, height = 0 } = node.box ?? {}, { from, depth } = along[node.layer] ?? { from: 0, depth: 0 };
		const start = node.at - node.size / 2 - top, inLayer = from + (down ? 0 : (depth - width) / 2);
		places.set(id, down ? { x: start, y: inLayer + MARGIN_TOP, width, height } : { x: inLayer, y: start, width, height });
	}
	const drawing: Drawing = { down, doors: nodes, places, top, layers: down ? along.map(layer => ({ ...layer, from: layer.from + MARGIN_TOP })) : along };
	const edges = new Map<string, Way>();
	for (const edge of shape.edges) {
		const pair = between.get(`${edge.source} ${edge.target}`) ?? [];
		const way = wayOf(drawing, edge, passed.get(edge.id) ?? [], (pair.indexOf(edge.id) - (pair.length - 1) / 2) * BESIDE_EACH_OTHER);
		if (way) edges.set(edge.id, way);
	}
	return down ? { width: across, height: length + MARGIN_TOP + 2, boxes: places, edges } : { width: length, height: across, boxes: places, edges };
}

/** The box that an arrow key leads to; undefined when there is none in that direction. */
export function neighbour(boxes: ReadonlyMap<string, Place>, from: string, key: string): string | undefined {
	const here = boxes.get(from);
	if (!here) return undefined;
	const along = key === "ArrowLeft" || key === "ArrowRight" ? "x" : "y", across = along === "x" ? "y" : "x";
	const sign = key === "ArrowRight" || key === "ArrowDown" ? 1 : -1;
	const middle = (there: Place) => ({ x: there.x + there.width / 2, y: there.y + there.height / 2 });
	const start = middle(here);
	let best: string | undefined, least = Infinity;
	for (const [id, there] of boxes) {
		const end = middle(there), ahead = (end[along] - start[along]) * sign;
		if (id === from || ahead < 1) continue;
		const way = ahead + 2 * Math.abs(end[across] - start[across]);
		if (way < least) [best, least] = [id, way];
	}
	return best;
}
