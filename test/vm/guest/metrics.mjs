/** The daemon's metrics, over its socket. */
import { must, SOCKET } from "./host.mjs";

/** @typedef {Map<string, number>} Series values by name with labels, as in the text format */

/** @returns {Series} */
export function scrape() {
	const text = must("curl", "-sSf", "--unix-socket", SOCKET, "http://localhost/metrics");
	const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
	return new Map(
		lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ") + 1))]),
	);
}

/**
 * Sum over the series of a name whose labels contain a text.
 *
 * @param {Series} series
 * @param {string} name
 * @param {string} [label]
 */
export function sum(series, name, label = "") {
	let total = 0;
	for (const [key, value] of series)
		if ((key === name || key.startsWith(`${name}{`)) && key.includes(label)) total += value;
	return total;
}

/** @typedef {[x: number, y: number]} Point */

/**
 * Slope by least squares.
 *
 * @param {readonly Point[]} points
 */
export function slope(points) {
	/** @param {0 | 1} axis */
	const mean = (axis) => points.reduce((total, point) => total + point[axis], 0) / points.length;
	const [x, y] = [mean(0), mean(1)];
	const over = points.reduce((total, point) => total + (point[0] - x) * (point[1] - y), 0);
	const under = points.reduce((total, point) => total + (point[0] - x) ** 2, 0);
	return under === 0 ? 0 : over / under;
}
