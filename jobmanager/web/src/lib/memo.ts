// SPDX-License-Identifier: Apache-2.0
// memo.ts - a component that is drawn again only when something of what it is given is another thing. (The one of
// preact/compat brings all of compat with it.)
import { Component, type ComponentType, createElement } from "preact";

export function memo<P extends object>(Draw: ComponentType<P>): ComponentType<P> {
	return class Memo extends Component<P> {
		override shouldComponentUpdate(next: P): boolean {
			const now = this.props as Record<string, unknown>, then = next as Record<string, unknown>;
			return Object.keys(then).length !== Object.keys(now).length || Object.keys(then).some(key => then[key] !== now[key]);
		}

		render() {
			// A part of its own: a signal that it reads draws it again all the same.
			return createElement(Draw, this.props as P);
		}
	};
}
