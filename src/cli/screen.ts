import { sentence } from "../base/errors.ts";
import type { CliDeps } from "./deps.ts";

export interface View {
	/** ms */
	readonly interval: number;
	/** Gets what is shown. What it throws is shown in its place; the next look may succeed. */
	readonly refresh: () => Promise<void>;
	/** Lines, none wider or more than there is room for. */
	readonly draw: (width: number, height: number) => readonly string[];
}

/**
 * A view that is drawn in place, on the terminal's alternate screen, until q, Ctrl-C or a signal. Whatever happens the
 * screen and cursor that were there before come back.
 */
export async function liveScreen({ out, signals, keys }: CliDeps, view: View): Promise<void> {
	const over = Promise.withResolvers<void>();
	void signals.ended().then(over.resolve);
	out.onClosed(over.resolve);
	let failure: string | null = null;
	const draw = () => {
		const [width, height] = [out.width(), out.height()];
		const lines = view.draw(width, failure === null ? height : height - 1).slice(0, height);
		const shown = failure === null ? lines : [...lines.slice(0, height - 1), failure.slice(0, width)];
		/* Over what is there, line by line: clearing first would flicker. */
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
		let looking = false;
		const timer = setInterval(async () => {
			if (looking) return;
			looking = true;
			try {
				await view.refresh();
				failure = null;
			} catch (error) {
				failure = sentence(error);
			}
			looking = false;
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
