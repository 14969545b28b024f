// SPDX-License-Identifier: Apache-2.0
// patch.ts - JSON merge patches (RFC 7396) that leave alone what they do not name: an object that no patch touched
// is still the same object, so whoever draws it knows without looking that nothing changed.

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const isObject = (value: unknown): value is Record<string, unknown> =>
	typeof value === "object" && value !== null && !Array.isArray(value);

export function mergePatch<T>(target: T, patch: unknown): T {
	if (!isObject(patch)) return patch as T;
	const before: Record<string, unknown> = isObject(target) ? target : {};
	let after: Record<string, unknown> | undefined = isObject(target) ? undefined : {};
	for (const [key, value] of Object.entries(patch)) {
		if (value === null) {
			if (!Object.hasOwn(before, key)) continue;
			after ??= { ...before };
			delete after[key];
			continue;
		}
		const old = Object.hasOwn(before, key) ? before[key] : undefined;
		const next = mergePatch(old, value);
		if (next === old && Object.hasOwn(before, key)) continue;
		after ??= { ...before };
		// `__proto__` as a key names a property here, not the prototype.
		Object.defineProperty(after, key, { value: next, writable: true, enumerable: true, configurable: true });
	}
	return (after ?? before) as T;
}
