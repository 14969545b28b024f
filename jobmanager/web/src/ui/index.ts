// SPDX-License-Identifier: Apache-2.0
// index.ts - the kit of which pages are made. README.md beside the sources says what is for what.
export * from "./basics";
export * from "./charts";
export * from "./copy";
export * from "./dialog";
export * from "./icons";
export * from "./lazy";
export * from "./logpages";
export * from "./logview";
export * from "./order";
export * from "./ranges";
export * from "./table";
export * from "./tabs";
export * from "./timechart";
export * from "./toast";
