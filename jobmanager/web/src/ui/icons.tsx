// SPDX-License-Identifier: Apache-2.0
// icons.tsx - a few strokes on a grid of 16; they never stand alone: a word or a label is beside each.
const paths = {
	overview: "M2.5 2.5h4.5v4.5h-4.5zM9 2.5h4.5v4.5H9zM2.5 9h4.5v4.5h-4.5zM9 9h4.5v4.5H9z",
	running: "M5 3.2v9.6l7.5-4.8z",
	completed: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM5.4 8.2l1.9 1.9 3.4-3.9",
	taskManager: "M2.5 3h11v4h-11zM2.5 9h11v4h-11zM5 5h.01M5 11h.01",
	jobManager: "M4.5 4.5h7v7h-7zM6.5 2v2.5M9.5 2v2.5M6.5 11.5V14M9.5 11.5V14M2 6.5h2.5M2 9.5h2.5M11.5 6.5H14M11.5 9.5H14",
	submit: "M8 10.5v-8M5 5.2l3-3 3 3M2.5 10v3.5h11V10",
	plan: "M2.5 6h3.5v4H2.5zM10 2.5h3.5v4H10zM10 9.5h3.5v4H10zM6 8h2M8 4.5v7M8 4.5h2M8 11.5h2",
	copy: "M5.5 5.5h8v8h-8zM3.5 10.5h-1v-8h8v1",
	check: "M3 8.5l3.2 3.2L13 4.8",
	close: "M4 4l8 8M12 4l-8 8",
	menu: "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
	search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.4 10.4l3.1 3.1",
	up: "M4.5 9.5L8 6l3.5 3.5",
	down: "M4.5 6.5L8 10l3.5-3.5",
	left: "M9.5 4.5L6 8l3.5 3.5",
	right: "M6.5 4.5L10 8l-3.5 3.5",
	sun: "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6zM8 1.5v1.2M8 13.3v1.2M1.5 8h1.2M13.3 8h1.2M3.4 3.4l.9.9M11.7 11.7l.9.9M3.4 12.6l.9-.9M11.7 4.3l.9-.9",
	moon: "M13 9.6A5.6 5.6 0 0 1 6.4 3 5.6 5.6 0 1 0 13 9.6z",
	auto: "M8 2.5a5.5 5.5 0 1 0 0 11zM8 2.5a5.5 5.5 0 0 1 0 11",
	cancel: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM6 6h4v4H6z",
	plus: "M8 3v10M3 8h10",
	minus: "M3 8h10",
	fit: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
	download: "M8 2.5v8M5 7.8l3 3 3-3M2.5 13.5h11",
	refresh: "M13 8a5 5 0 1 1-1.6-3.7M13 2.5v3h-3",
	warning: "M8 2.5l6 10.5H2zM8 6.5v3M8 11.3h.01",
	info: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 7.3v3.5M8 5.2h.01",
} as const;

export type IconName = keyof typeof paths;

export const Icon = (props: { name: IconName }) => (
	<svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
		<path d={paths[props.name]} />
	</svg>
);
