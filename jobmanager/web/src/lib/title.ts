// SPDX-License-Identifier: Apache-2.0
// title.ts - the name of the window, by which a reader finds it among many.
import { useEffect } from "preact/hooks";

export function useTitle(title: string | undefined): void {
	useEffect(() => {
		document.title = title ? `${title} · Apache Flink Dashboard · cflink` : "Apache Flink Dashboard · cflink";
	}, [title]);
}
