// SPDX-License-Identifier: Apache-2.0
// tabs.tsx - tabs are addresses: each can be opened in a window of its own, and Back goes to the one before.
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

export interface Tab {
	key: string;
	label: ComponentChildren;
	href: string;
	/** A number or a state behind the name, as of failures. */
	badge?: ComponentChildren;
}

export function Tabs(props: { label: string; here: string; of: readonly Tab[] }) {
	const nav = useRef<HTMLElement>(null);
	useEffect(() => {
		// On a narrow screen the row scrolls; the tab that is open has to be seen.
		const here = nav.current?.querySelector<HTMLElement>("[aria-current]");
		if (nav.current && here) nav.current.scrollLeft = here.offsetLeft - nav.current.clientWidth / 2 + here.offsetWidth / 2;
	}, [props.here]);
	return (
		<nav class="tabs" aria-label={props.label} ref={nav}>
			{props.of.map(tab => (
				<a key={tab.key} href={tab.href} aria-current={tab.key === props.here ? "page" : undefined}>
					{tab.label}
					{tab.badge !== undefined && tab.badge !== null && tab.badge !== 0 && <span class="tab-badge">{tab.badge}</span>}
				</a>
			))}
		</nav>
	);
}
