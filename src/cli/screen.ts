import { sentence } from "../base/errors.ts";
import type { CliDeps } from "./deps.ts";
import { cutEnd } from "./display-width.ts";

export interface View {
	/** ms */
	readonly interval: number;
	/** Fetches new data. An error is shown on the last line until a refresh succeeds. */
	readonly refresh: () => Promise<void>;
	/** At most `height` lines of at most `width` columns. */
	readonly draw: (width: number, height: number) => readonly string[];
}

/**
 * Draws a view in place, on the terminal's alternate screen, until q, Ctrl-C or a signal. The previous screen and cursor
 * are restored in every case.
 */
export async function liveScreen({ out, signals, keys }: CliDeps, view: View): Promise<void> {
	const over = Promise.withResolvers<void>();
	void signals.ended().then(over.resolve);
	out.onClosed(over.resolve);
	let failure: string | null = null;
	const draw = () => {
		const [width, height] = [out.width(), out.height()];
		const lines = view.draw(width, failure === null ? height : height - 1).slice(0, height);
		const shown = failure === null ? lines : [...lines.slice(0, height - 1), cutEnd(failure, width)];
		/* Each line overwrites the old one: clearing the screen first would flicker. */
		out.write(`${HOME}${shown.map((line) => `${line}${REST_OF_LINE}`).join("\r\n")}${REST_OF_SCREEN}`);
	};
	const undo: (() => void)[] = [];
	try {
		out.write(ENTER);
		undo.push(() => out.write(LEAVE));
		undo.push(
			keys((key) => {
				if (key === "q" || key === "Q" || key === "\x03" || key === "\x1b") over.resolve();
			}),
		);
		undo.push(out.onResize(draw));
		draw();
		let refreshing = false;
		const timer = setInterval(async () => {
			if (refreshing) return;
			refreshing = true;
			try {
				await view.refresh();
				failure = null;
			} catch (error) {
				failure = sentence(error);
			}
			refreshing = false;
			if (undo.length > 0) draw();
		}, view.interval);
		undo.push(() => clearInterval(timer));
		await over.promise;
	} finally {
		for (const step of undo.splice(0).reverse()) step();
	}
}

/* xterm: alternate screen, cursor hidden, no wrapping. */
const ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
const LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l";
const HOME = "\x1b[H";
const REST_OF_LINE = "\x1b[K";
const REST_OF_SCREEN = "\x1b[J";
