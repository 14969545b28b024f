// SPDX-License-Identifier: Apache-2.0
// copy.tsx - what can be taken along: a button that copies, a command line, a block of code.
import { useEffect, useState } from "preact/hooks";
import { texts } from "../lib/texts";
import { Icon } from "./icons";

const t = texts(
	{ copy: "Copy", copied: "Copied", failed: "Select it and press Ctrl+C", cli: "The same on the command line" },
	{ copy: "복사", copied: "복사했습니다", failed: "선택한 뒤 Ctrl+C를 누르세요", cli: "같은 일을 하는 명령" },
);

const SHOWN_MS = 1_600;

// The clipboard of a page that came by plain HTTP from another machine is closed; an old way is still open.
async function copyText(text: string): Promise<boolean> {
	try {
		await navigator.clipboard.writeText(text);
		return true;
	} catch {
		const area = document.createElement("textarea");
		area.value = text;
		area.className = "off-screen";
		(document.querySelector("dialog[open]") ?? document.body).append(area);
		area.select();
		const done = document.execCommand("copy");
		area.remove();
		return done;
	}
}

export function CopyButton(props: { text: string | (() => string); label?: string }) {
	const [said, setSaid] = useState<"copied" | "failed" | null>(null);
	useEffect(() => {
		if (!said) return;
		const timer = setTimeout(() => setSaid(null), SHOWN_MS);
		return () => clearTimeout(timer);
	}, [said]);
	const copy = async () => setSaid((await copyText(typeof props.text === "string" ? props.text : props.text())) ? "copied" : "failed");
	const label = said ? t(said) : (props.label ?? t("copy"));
	return (
		<button type="button" class="icon-button copy" onClick={copy} title={label} aria-label={label}>
			<Icon name={said === "copied" ? "check" : "copy"} />
			<span class="visually-hidden" role="status">{said && t(said)}</span>
		</button>
	);
}

/** A line to type into a terminal. */
export const CommandLine = (props: { text: string }) => (
	<div class="command">
		<code translate={false}>{props.text}</code>
		<CopyButton text={props.text} />
	</div>
);

/** An action's equivalent on the command line. */
export const EquivalentCommand = (props: { text: string }) => (
	<div class="equivalent">
		<span>{t("cli")}</span>
		<CommandLine text={props.text} />
	</div>
);

export const CodeBlock = (props: { text: string; label?: string }) => (
	<div class="code-block">
		<pre tabIndex={0} aria-label={props.label}><code>{props.text}</code></pre>
		<CopyButton text={props.text} />
	</div>
);
