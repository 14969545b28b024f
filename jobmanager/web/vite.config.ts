// SPDX-License-Identifier: Apache-2.0
// vite.config.ts - how the page is built: plain files with hashed names, each with its .gz beside it.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

const COMPRESSED = /\.(js|css|html|svg)$/;

// Compressed once, when built: the server has only to choose.
function gzipBeside(): Plugin {
	let folder = "";
	return {
		name: "gzip-beside",
		apply: "build",
		configResolved(config) {
			folder = config.build.outDir;
		},
		closeBundle() {
			for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
				if (!COMPRESSED.test(name)) continue;
				const file = join(folder, name);
				writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: 9 }));
			}
		},
	};
}

export default defineConfig({
	base: "./", // the page works below any path of a proxy
	publicDir: false,
	build: {
		outDir: process.env.WEB_OUT ?? "../../build/web",
		emptyOutDir: true,
		target: "es2021",
		assetsInlineLimit: 0, // a data: address would need a hole in the content security policy
		modulePreload: { polyfill: false },
		reportCompressedSize: false,
	},
	esbuild: { jsx: "automatic", jsxImportSource: "preact", legalComments: "none" },
	plugins: [gzipBeside()],
	server: {
		// `npm run dev` draws what a running cluster tells: FLINK_REST=http://localhost:8081
		proxy: Object.fromEntries(
			["/config", "/overview", "/jobs", "/taskmanagers", "/jobmanager", "/jars", "/snapshot", "/events"].map(path => [
				path,
				{ target: process.env.FLINK_REST ?? "http://localhost:8081", changeOrigin: true },
			]),
		),
	},
	test: { include: ["src/**/*.test.ts"], environment: "node" },
} as Parameters<typeof defineConfig>[0]);
