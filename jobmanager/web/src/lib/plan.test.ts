// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";
import { isPlan, objectIn, planIn } from "./plan";

const EXECUTION_PLAN = `DAG Execution Plan: 
 {
  "nodes" : [ {
    "id" : 1,
    "type" : "Source: Collection Source",
    "pact" : "Data Source",
    "contents" : "Source: Collection Source",
    "parallelism" : 1
  }, {
    "id" : 4,
    "type" : "Reduce",
    "pact" : "Operator",
    "contents" : "Reduce",
    "parallelism" : 4,
    "predecessors" : [ {
      "id" : 1,
      "ship_strategy" : "HASH",
      "side" : "second"
    } ]
  } ]
}
(apple,1)
`;

test("what get_execution_plan() prints, with the lines around it", () => {
	const plan = planIn(EXECUTION_PLAN);
	if (!isPlan(plan)) throw new Error(plan.problem);
	expect(plan.nodes.map(node => [node.id, node.name, node.kind, node.parallelism])).toEqual([["1", "Source: Collection Source", "Data Source", 1], ["4", "Reduce", "Operator", 4]]);
	expect(plan.edges).toEqual([{ id: "0", source: "1", target: "4", ship: "HASH" }]);
});

test("what the REST API answers: chains are lines, never markup", () => {
	const plan = planIn(JSON.stringify({ plan: { jid: "x", name: "wc", type: "STREAMING", nodes: [
		{ id: "b", parallelism: 2, description: "Sum -&gt; <b>x</b><br/>+- Sink<br/>", inputs: [{ num: 0, id: "a", ship_strategy: "HASH", exchange: "pipelined_bounded" }] },
		{ id: "a", parallelism: 1, description: "Source: in<br/>" },
	] } }));
	if (!isPlan(plan)) throw new Error(plan.problem);
	expect(plan.name).toBe("wc");
	expect(plan.nodes[0]).toEqual({ id: "b", name: "Sum -> <b>x</b> -> Sink", kind: "", parallelism: 2, chain: ["Sum -> <b>x</b>", "+- Sink"] });
	expect(plan.nodes[1]?.chain).toEqual([]);
});

test("braces in names end nothing", () => {
	expect(objectIn('x {"a": "}\\"}", "b": {}} y')).toBe('{"a": "}\\"}", "b": {}}');
	expect(objectIn("no brace")).toBeNull();
});

test("what is no plan is told with its place", () => {
	expect(planIn("  ")).toEqual({ problem: "empty" });
	expect(planIn("hello")).toEqual({ problem: "no-json" });
	expect(planIn('{"nodes": [')).toMatchObject({ problem: "bad-json" });
	expect(planIn('{"nodes": []}')).toEqual({ problem: "no-nodes" });
	expect(planIn("{}")).toEqual({ problem: "no-nodes" });
	expect(planIn('{"nodes": [{"id": 1}, 7]}')).toEqual({ problem: "bad-node", at: "2" });
	expect(planIn('{"nodes": [{"id": 1, "predecessors": [{"id": 9}]}]}')).toEqual({ problem: "unknown-input", at: "1 ← 9" });
});
