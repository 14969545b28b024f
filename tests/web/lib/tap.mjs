// SPDX-License-Identifier: Apache-2.0
// tap.mjs - test cases that run one after the other and say what came of them, as scripts/run-tests reads it.

const cases = [];

/** A case: it passes unless it throws. `test.skip("why")` inside one ends it as skipped. */
export function test(name, run) {
	cases.push({ name, run });
}

class Skipped extends Error {}

test.skip = (why) => {
	throw new Skipped(why);
};

/** Runs all cases (ONLY=REGEX: those whose name matches) and answers how many failed. */
export async function runTests() {
	let number = 0;
	let failed = 0;
	for (const { name, run } of cases) {
		if (process.env.ONLY && !new RegExp(process.env.ONLY).test(name)) continue;
		number++;
		try {
			await run();
			console.log(`ok ${number} - ${name}`);
		} catch (error) {
			if (error instanceof Skipped) {
				console.log(`ok ${number} - ${name} # SKIP ${error.message}`);
				continue;
			}
			failed++;
			for (const line of (error.stack ?? String(error)).split("\n")) console.log(`# ${line}`);
			console.log(`not ok ${number} - ${name}`);
		}
	}
	console.log(`1..${number}`);
	return failed;
}

/** Fails with the text unless the condition holds. */
export function check(condition, text) {
	if (!condition) throw new Error(text);
}

/** Two values that must be equal, compared as JSON. */
export function same(wanted, got, what = "it") {
	const [a, b] = [JSON.stringify(wanted), JSON.stringify(got)];
	if (a !== b) throw new Error(`${what} is ${b}, not ${a}`);
}

/** Asks until the answer is true, and fails with the last one (or error) when that takes too long. */
export async function until(what, ask, seconds = 30) {
	const deadline = Date.now() + seconds * 1000;
	for (let last; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
		try {
			last = await ask();
			if (last === true) return;
		} catch (error) {
			last = error.message;
		}
		if (Date.now() >= deadline) throw new Error(`waited ${seconds} s in vain for ${what}; last: ${JSON.stringify(last)}`);
	}
}
