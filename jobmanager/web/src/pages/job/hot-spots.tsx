// SPDX-License-Identifier: Apache-2.0
// hot-spots.tsx - three short lists beside the graph: which subtasks to look at first.
import { useMemo } from "preact/hooks";
import type { JobPicture } from "../../api/picture-types";
import { percent } from "../../lib/format";
import { link } from "../../lib/route";
import { texts } from "../../lib/texts";
import { Share } from "../../ui";
import { hotSpots, type Spot } from "./hot";

const t = texts(
	{
		title: "Hot spots", busy: "Busiest", held: "Held back most", skewed: "Most uneven", subtask: "subtask {n} of {all}", all: "all {n} {n|subtask|subtasks}",
		noBusy: "Nobody is busy more than 10 % of the time.", noHeld: "Nobody is held back.", noSkew: "Work is spread evenly.", factor: "{n} × median", alone: "does all",
		shareOf: "{what}: {share} of its time", skewOf: "Its records per second in medians of the subtasks",
	},
	{
		title: "주목할 곳", busy: "가장 바쁨", held: "가장 많이 막힘", skewed: "가장 불균등함", subtask: "서브태스크 {n} / {all}", all: "서브태스크 {n}개 모두",
		noBusy: "10 % 넘게 바쁜 태스크가 없습니다.", noHeld: "막혀 있는 태스크가 없습니다.", noSkew: "작업이 고르게 나뉘어 있습니다.", factor: "중앙값의 {n}배", alone: "혼자 처리",
		shareOf: "{what}: 시간의 {share}", skewOf: "서브태스크의 초당 레코드 수를 중앙값으로 나눈 값",
	},
);

function List(props: { title: string; none: string; of: readonly Spot[]; base: readonly string[]; tone?: string }) {
	const { of, tone } = props;
	return (
		<div class="hot-list">
			<h3>{props.title}</h3>
			{of.length === 0 ? <p class="sub">{props.none}</p> : (
				<ol>
					{of.map(spot => (
						<li key={spot.vid}>
							<a href={spot.even ? link(...props.base, "overview", spot.vid, "subtasks") : link(...props.base, "overview", spot.vid, "subtasks", spot.subtask)} title={spot.name}>
								<span class="hot-name">{spot.name}</span>
								<small>{spot.even ? t("all", { n: spot.of }) : t("subtask", { n: spot.subtask, all: spot.of })}</small>
							</a>
							{tone
								? <Share of={spot.value} tone={tone} label={t("shareOf", { what: props.title, share: percent(spot.value) })} />
								: <span class="t-warn-text" title={t("skewOf")}>{Number.isFinite(spot.value) ? t("factor", { n: spot.value.toFixed(1) }) : t("alone")}</span>}
						</li>
					))}
				</ol>
			)}
		</div>
	);
}

export function HotSpots(props: { picture: JobPicture; base: readonly [string, string, string] }) {
	const { picture, base } = props;
	const { busy, held, skewed } = useMemo(() => hotSpots(picture), [picture.vertices]);
	return (
		<section class="hot" aria-label={t("title")}>
			<List title={t("busy")} none={t("noBusy")} of={busy} base={base} tone="t-busy" />
			<List title={t("held")} none={t("noHeld")} of={held} base={base} tone="t-held" />
			<List title={t("skewed")} none={t("noSkew")} of={skewed} base={base} />
		</section>
	);
}
