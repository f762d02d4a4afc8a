/** The project as named in packages. The only sources are package.json and CHANGELOG.md. */
import { readFileSync } from "node:fs";
import { ROOT } from "../command.mjs";

export interface Metadata {
	readonly version: string;
	/** SPDX expression. */
	readonly license: string;
	/** "Name <address>" */
	readonly maintainer: string;
	readonly homepage: string;
	/** One line. */
	readonly summary: string;
	/** URL for problem reports. */
	readonly bugs: string;
	/** Source repository. */
	readonly repository: string;
}

export interface Release {
	readonly version: string;
	/** Without list marks and without Markdown. */
	readonly changes: readonly string[];
}

/** `version` replaces package.json's. */
export function readMetadata(version?: string): Metadata {
	const text = JSON.parse(readFileSync(`${ROOT}/package.json`, "utf8"));
	return {
		version: version ?? text.version,
		license: text.license,
		maintainer: text.author,
		homepage: text.homepage,
		summary: text.description,
		bugs: text.bugs.url,
		repository: text.repository.url.replace(/^git\+/, ""),
	};
}

/** The releases of a changelog in keep-a-changelog form. Unreleased changes belong to `version`. */
export function readChangelog(text: string, version: string): Release[] {
	return text
		.split(/^## /m)
		.slice(1)
		.map((section) => {
			const [heading = "", ...lines] = section.split("\n");
			const name = /^\[?([^\]\s]+)/.exec(heading)?.[1] ?? "";
			return { version: name === "Unreleased" ? version : name, changes: changesOf(lines) };
		})
		.filter(({ changes }) => changes.length > 0);
}

/** Entries of the lists; a line that begins with spaces continues one. */
function changesOf(lines: readonly string[]): string[] {
	const changes: string[] = [];
	for (const line of lines) {
		if (line.startsWith("- ")) changes.push(line.slice(2));
		else if (line.startsWith("  ") && changes.length > 0) changes.push(`${changes.pop()} ${line.trim()}`);
	}
	return changes.map((change) => change.replaceAll("`", "").replace(/\[([^\]]+)\]\([^)]*\)/g, "$1"));
}

/** Debian's changelog format: deb-changelog(5). `epoch`: seconds. */
export function debianChangelog(releases: readonly Release[], maintainer: string, epoch: number): string {
	const date = new Date(epoch * 1000).toUTCString().replace("GMT", "+0000");
	const entries = releases.map(({ version, changes }) =>
		[
			`sallyport (${version}) unstable; urgency=medium`,
			changes.map((change) => wrap(change, "  * ", "    ")).join("\n"),
			` -- ${maintainer}  ${date}`,
		].join("\n\n"),
	);
	return `${entries.join("\n\n")}\n`;
}

/** RPM's %changelog. `epoch`: seconds. */
export function rpmChangelog(releases: readonly Release[], maintainer: string, epoch: number): string {
	const [, weekday, day, month, year] = /^(\w+), (\d+) (\w+) (\d+)/.exec(new Date(epoch * 1000).toUTCString()) ?? [];
	const entries = releases.map(({ version, changes }) =>
		[
			`* ${weekday} ${month} ${day} ${year} ${maintainer} - ${version}-1`,
			...changes.map((change) => wrap(change.replaceAll("%", "%%"), "- ", "  ")),
		].join("\n"),
	);
	return entries.join("\n\n");
}

/** At most 80 columns (lintian: debian-changelog-line-too-long). */
function wrap(text: string, first: string, next: string): string {
	const lines: string[] = [];
	let line = first;
	for (const word of text.split(/\s+/)) {
		if (line.length + word.length > 79 && line.trim() !== first.trim()) {
			lines.push(line.trimEnd());
			line = next;
		}
		line += `${word} `;
	}
	return [...lines, line.trimEnd()].join("\n");
}
