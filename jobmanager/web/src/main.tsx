// SPDX-License-Identifier: Apache-2.0
// main.tsx - where the page begins.
import { effect } from "@preact/signals";
import { render } from "preact";
import { loadConfig } from "./api/config";
import { App } from "./app";
import { language } from "./lib/texts";
import { applyTheme } from "./ui/theme";
import "./style/tokens.css";
import "./style/base.css";
import "./style/kit.css";
import "./style/shell.css";

applyTheme();
effect(() => {
	document.documentElement.lang = language.value;
});
void loadConfig();
render(<App />, document.getElementById("app") as HTMLElement);
