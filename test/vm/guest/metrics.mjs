/** What the daemon counts, over its socket. */
import { must, SOCKET } from "./host.mjs";

/** Series as the text format has them: value by name with labels. */
export function scrape() {
	const text = must("curl", "-sSf", "--unix-socket", SOCKET, "http://localhost/metrics");
	const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
	return new Map(
		lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ") + 1))]),
	);
}

/** All series of a name whose labels hold this text. */
export function sum(series, name, label = "") {
	let total = 0;
	for (const [key, value] of series)
		if ((key === name || key.startsWith(`${name}{`)) && key.includes(label)) total += value;
	return total;
}

/** Slope by least squares, of points [x, y]. */
export function slope(points) {
	const mean = (axis) => points.reduce((total, point) => total + point[axis], 0) / points.length;
	const [x, y] = [mean(0), mean(1)];
	const over = points.reduce((total, point) => total + (point[0] - x) * (point[1] - y), 0);
	const under = points.reduce((total, point) => total + (point[0] - x) ** 2, 0);
	return under === 0 ? 0 : over / under;
}
