// SPDX-License-Identifier: Apache-2.0
// dialog.tsx - a question in front of the page. The browser's own dialog keeps the focus inside, closes on Escape, and
// gives the focus back.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { texts } from "../lib/texts";
import { EquivalentCommand } from "./copy";
import { Icon } from "./icons";

const t = texts({ close: "Close" }, { close: "닫기" });

export function Dialog(props: {
	title: ComponentChildren;
	onClose: () => void;
	/** The buttons at its end; the first that is drawn is the one that does it. */
	actions?: ComponentChildren;
	/** The same on the command line. */
	command?: string;
	wide?: boolean;
	children: ComponentChildren;
}) {
	const dialog = useRef<HTMLDialogElement>(null);
	const id = useId();
	useEffect(() => {
		const element = dialog.current;
		const before = document.activeElement;
		element?.showModal();
		return () => {
			element?.close();
			if (before instanceof HTMLElement && before.isConnected) before.focus();
		};
	}, []);
	return (
		<dialog
			ref={dialog}
			class={props.wide ? "dialog wide" : "dialog"}
			aria-labelledby={id}
			onCancel={event => {
				event.preventDefault();
				props.onClose();
			}}
			onClick={event => event.target === dialog.current && props.onClose()}
		>
			<div class="dialog-inside">
				<header>
					<h2 id={id}>{props.title}</h2>
					<button type="button" class="icon-button" onClick={props.onClose} aria-label={t("close")} title={t("close")}><Icon name="close" /></button>
				</header>
				<div class="dialog-body">
					{props.children}
					{props.command && <EquivalentCommand text={props.command} />}
				</div>
				{props.actions && <footer>{props.actions}</footer>}
			</div>
		</dialog>
	);
}

export function Button(props: {
	children: ComponentChildren;
	onClick?: () => void;
	kind?: "main" | "danger" | "plain";
	disabled?: boolean;
	/** It is being done: the button cannot be pressed again, and says so. */
	busy?: boolean;
	title?: string;
	submit?: boolean;
}) {
	return (
		<button
			type={props.submit ? "submit" : "button"}
			class={`button ${props.kind ?? "plain"}`}
			onClick={props.onClick}
			disabled={props.disabled || props.busy}
			aria-busy={props.busy ? "true" : undefined}
			title={props.title}
		>
			{props.children}
		</button>
	);
}
