// SPDX-License-Identifier: Apache-2.0
// lazy.tsx - parts that come when they are first needed. One that does not come (the server was replaced by a newer
// one meanwhile, or is away) says so, and can be tried again.
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { texts } from "../lib/texts";
import { Empty, Skeleton } from "./basics";
import { Button } from "./dialog";

const t = texts(
	{ failed: "This part of the page could not be loaded.", why: "The JobManager may have been replaced by a newer one, or be away.", again: "Load the page again" },
	{ failed: "페이지의 이 부분을 불러오지 못했습니다.", why: "JobManager가 새 버전으로 바뀌었거나 응답하지 않을 수 있습니다.", again: "페이지 다시 불러오기" },
);

export function lazy<P extends object>(load: () => Promise<{ default: ComponentType<P> }>, height = 320): ComponentType<P> {
	let ready: ComponentType<P> | undefined;
	return function Lazy(props: P) {
		const [state, setState] = useState<"loading" | "ready" | "failed">(ready ? "ready" : "loading");
		useEffect(() => {
			if (ready) return setState("ready");
			let gone = false;
			load().then(
				module => {
					ready = module.default;
					if (!gone) setState("ready");
				},
				() => !gone && setState("failed"),
			);
			return () => {
				gone = true;
			};
		}, []);
		if (ready) {
			const Ready = ready;
			return <Ready {...props} />;
		}
		if (state === "failed") {
			return (
				<>
					<Empty title={t("failed")}>{t("why")}</Empty>
					<p><Button onClick={() => location.reload()}>{t("again")}</Button></p>
				</>
			);
		}
		return <Skeleton height={height} />;
	};
}
