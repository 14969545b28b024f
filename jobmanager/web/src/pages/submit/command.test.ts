// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";
import type { Program } from "../../api/programs";
import { commandOf, optionsOf, settingsIn } from "./command";

const program = (name: string): Program => ({ id: `x_${name}`, name, uploaded: 0, entry: [{ name: "job", description: null }] });
const typed = { entry: "", parallelism: "", args: "", settings: "" };

test("settings are read as people write them", () => {
	expect(settingsIn("# none\nparallelism.default: 4\nexecution.runtime-mode=BATCH\n\n")).toEqual({ settings: { "parallelism.default": "4", "execution.runtime-mode": "BATCH" } });
	expect(settingsIn("a.b: c\nwhat is this")).toEqual({ bad: "what is this" });
});

test("what is not typed is not sent", () => {
	expect(optionsOf(typed, {})).toEqual({});
	expect(optionsOf({ ...typed, parallelism: "3", args: " --port 9 " }, { a: "b" })).toEqual({ parallelism: 3, programArgs: "--port 9", flinkConfiguration: { a: "b" } });
});

test("the command line does the same", () => {
	expect(commandOf("run", program("wc.so"), { ...typed, parallelism: "2", args: "--port 9" }, {})).toBe("./bin/flink run -d -p 2 wc.so --port 9");
	expect(commandOf("info", program("my job.py"), typed, { k: "a b" })).toBe("./bin/flink info -D 'k=a b' -py 'my job.py'");
	expect(commandOf("run", program("all.zip"), typed, {})).toBe("./bin/flink run -d -pyfs all.zip -pym job");
});
