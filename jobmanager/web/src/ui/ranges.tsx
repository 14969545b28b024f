// SPDX-License-Identifier: Apache-2.0
// ranges.tsx - how far back charts look; it is in the address.
import { isRange, type Range, RANGES } from "../api/series";
import { choose, chosen } from "../lib/route";
import { texts } from "../lib/texts";
import { Choice } from "./basics";

const t = texts(
	{ range: "Time shown", "5m": "5 min", "15m": "15 min", "1h": "1 h", "6h": "6 h", "24h": "24 h" },
	{ range: "표시 구간", "5m": "5분", "15m": "15분", "1h": "1시간", "6h": "6시간", "24h": "24시간" },
);

const USUAL: Range = "15m";

export function chosenRange(): Range {
	const text = chosen("range", USUAL);
	return isRange(text) ? text : USUAL;
}

export const RangeChoice = () => (
	<Choice label={t("range")} value={chosenRange()} of={RANGES.map(value => ({ value, label: t(value) }))}
		onChoose={value => choose({ range: value === USUAL ? "" : value })} />
);
