import { harmless } from "./harmless.ts";

/** "title   text" lines; those without text are left out. */
export function fields(lines: readonly (readonly [title: string, text: string])[]): string {
	return lines.map(([title, text]) => (text === "" ? "" : `${title.padEnd(12)} ${harmless(text)}\n`)).join("");
}

/** 999 B, 1.5 kB, 20 MB. */
export function bytesText(bytes: number): string {
	let value = bytes;
	for (const unit of ["B", "kB", "MB", "GB", "TB"]) {
		if (value < 999.5 || unit === "TB")
			return `${value < 9.95 && unit !== "B" ? value.toFixed(1) : Math.round(value)} ${unit}`;
		value /= 1000;
	}
	return String(bytes);
}

/** Local time, with the day. */
export function timeText(iso: string): string {
	const time = new Date(iso);
	const two = (value: number) => String(value).padStart(2, "0");
	return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())} ${clockText(time)}`;
}

/** 5 s ago, 3 min ago, then the day. */
export function agoText(iso: string, now: number): string {
	const seconds = Math.max(0, Math.round((now - Date.parse(iso)) / 1000));
	if (seconds < 60) return `${seconds} s ago`;
	if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
	if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ago`;
	return timeText(iso);
}

export function clockText(time: Date): string {
	const two = (value: number) => String(value).padStart(2, "0");
	return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}
