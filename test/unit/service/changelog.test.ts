/** The packages' changelogs, made from one in keep-a-changelog form. */
import { expect, test } from "vitest";
import { debianChangelog, readChangelog, rpmChangelog } from "../../../scripts/package/metadata.ts";

const TEXT = `# Changelog

Text before the first release.

## [Unreleased]

### Added

- A filter \`--unit\`, described in [a page](docs/ask.md), with words enough that the line has to be broken once.
- 50 % less memory.

## [0.1.0] - 2026-01-02

### Fixed

- A crash
  at the start.

## [0.0.1]

[Unreleased]: https://example.com
`;
const RELEASES = readChangelog(TEXT, "0.2.0");
const WHO = "A Person <a@example.org>";
const EPOCH = 1_700_000_000;

test("unreleased changes belong to the version that is packaged, and a release without changes is left out", () => {
	expect(RELEASES).toEqual([
		{
			version: "0.2.0",
			changes: [
				"A filter --unit, described in a page, with words enough that the line has to be broken once.",
				"50 % less memory.",
			],
		},
		{ version: "0.1.0", changes: ["A crash at the start."] },
	]);
});

test("Debian's format has at most 80 columns", () => {
	const text = debianChangelog(RELEASES, WHO, EPOCH);
	expect(text).toBe(`sallyport (0.2.0) unstable; urgency=medium

  * A filter --unit, described in a page, with words enough that the line has
    to be broken once.
  * 50 % less memory.

 -- A Person <a@example.org>  Tue, 14 Nov 2023 22:13:20 +0000

sallyport (0.1.0) unstable; urgency=medium

  * A crash at the start.

 -- A Person <a@example.org>  Tue, 14 Nov 2023 22:13:20 +0000
`);
});

test("RPM's format escapes macros", () => {
	expect(rpmChangelog(RELEASES, WHO, EPOCH)).toBe(`* Tue Nov 14 2023 A Person <a@example.org> - 0.2.0-1
- A filter --unit, described in a page, with words enough that the line has to
  be broken once.
- 50 %% less memory.

* Tue Nov 14 2023 A Person <a@example.org> - 0.1.0-1
- A crash at the start.`);
});
