import { expect, test } from "vitest";
import { ask, asked, closeDaemon, daemon, useDaemon } from "./daemon-fixture.ts";
import { Terminal } from "./terminal.ts";

useDaemon();

function iso(seconds: number): string {
	return new Date(Date.UTC(2026, 0, 1, 0, 0, seconds)).toISOString();
}

async function until(probe: () => boolean): Promise<void> {
	const end = performance.now() + 5_000;
	while (!probe()) {
		if (performance.now() > end) throw new Error("not within 5 s");
		await new Promise((resolve) => setTimeout(resolve, 5));
	}
}

const ROWS = [
	{
		key: { name: "evil\x1b[2J.example" },
		count: 5,
		denied: 2,
		wouldDeny: 0,
		bytesOut: 1_500,
		bytesIn: 20e6,
		first: iso(0),
		last: iso(1),
	},
	{ key: { name: null }, count: 1, denied: 0, wouldDeny: 3, bytesOut: 0, bytesIn: 0, first: iso(0), last: iso(1) },
];

test("top: once where there is no terminal, JSON on demand, within the width", async () => {
	await daemon(() => ({ by: ["name"], rows: ROWS }));
	const { stdout } = await ask("top --since 1d --by name --sort denied");
	expect(stdout).toMatch(/^NAME +COUNT +DENIED +WOULD DENY +OUT +IN +LAST$/m);
	expect(stdout).toMatch(/^evil\\x1b\[2J\.example +5 +2 +0 +1\.5 kB +20 MB/m);
	expect(asked[0]?.query).toEqual({ by: "name", sort: "denied", since: "1d", limit: "20" });
	await ask("top");
	expect(asked[1]?.query).toMatchObject({ since: "1h" });
	const json = await ask("top --json");
	expect(
		json.stdout
			.trimEnd()
			.split("\n")
			.map((line) => JSON.parse(line).count),
	).toEqual([5, 1]);
	for (const width of [40, 60, 80]) {
		const narrow = new Terminal();
		narrow.size.width = width;
		Object.assign(narrow.out, { terminal: true });
		const { stdout: text } = await ask("top --once", narrow);
		for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(width);
	}
});

test("top --remedy: what would allow the latest denied connection of each row, under the same filters", async () => {
	const rows = [
		{ ...ROWS[0], key: { name: "a.example", unit: "x.service" } },
		{ ...ROWS[1], key: { name: "b.example", unit: "y.service" } },
		{ ...ROWS[1], key: { name: null, unit: "y.service" } },
		{ ...ROWS[0], key: { name: "c.example", unit: "x.service" }, denied: 0 },
	];
	const remedy = { text: "No rule allows it\x9b.", rule: "- { name: a }" };
	await daemon(({ path, query }) => {
		if (path === "/v1/top") return { by: ["name", "unit"], rows };
		if (path === "/v1/connections") return { connections: query["name"] === "a.example" ? [{ id: 7 }] : [{ id: 8 }] };
		return { remedy: path.endsWith("/7") ? remedy : { text: "Known.", rule: null } };
	});
	const { stdout } = await ask("top --by name,unit --not-port 53 --name *.example --verdict deny --remedy");
	expect(stdout.slice(stdout.indexOf("\n\n"))).toBe(
		"\n\na.example, x.service: No rule allows it\\x9b.\n    - { name: a }\n\nb.example, y.service: Known.\n",
	);
	const queries = asked.filter(({ path }) => path === "/v1/connections").map(({ query }) => query);
	const same = { since: "1h", "not-port": "53", limit: "1" };
	expect(queries).toEqual([
		{ ...same, name: "a.example", unit: "x.service", verdict: "deny" },
		{ ...same, name: "b.example", unit: "y.service", verdict: "would_deny" },
	]);
	const json = (await ask("top --by name,unit --remedy --json")).stdout.trimEnd().split("\n");
	expect(json.map((line) => JSON.parse(line).remedy?.rule ?? null)).toEqual(["- { name: a }", null, null, null]);
});

test("top uses the terminal's alternate screen, follows its size, and restores the screen", async () => {
	await daemon(() => ({ by: ["name"], rows: Array.from({ length: 100 }, () => ROWS[0]) }));
	const terminal = new Terminal(true, true);
	const running = ask("top --interval 1", terminal);
	await drawn(terminal, 1);
	expect(terminal.stdout.startsWith("\x1b[?1049h\x1b[?25l")).toBe(true);
	expect(lastFrame(terminal)).toHaveLength(30);
	terminal.size = { width: 60, height: 10 };
	terminal.resized();
	await drawn(terminal, 2);
	expect(lastFrame(terminal)).toHaveLength(10);
	for (const line of lastFrame(terminal)) expect(line.length).toBeLessThanOrEqual(60);
	await drawn(terminal, 3);
	expect(asked.length).toBeGreaterThan(1);
	await closeDaemon();
	await drawn(terminal, 4);
	expect(lastFrame(terminal).at(-1)).toContain("cannot be reached");
	terminal.press("q");
	expect((await running).code).toBe(0);
	expect(terminal.stdout.endsWith("\x1b[?7h\x1b[?25h\x1b[?1049l")).toBe(true);
	expect(terminal.calls).toEqual(["unresize", "unkeys"]);
});

test("top on a terminal: an error before the first frame does not change the screen; a signal restores it", async () => {
	const terminal = new Terminal(true, true);
	expect(await ask("top", terminal)).toMatchObject({ code: 30, stdout: "" });
	await daemon(() => ({ by: ["name"], rows: ROWS }));
	const running = ask("top", terminal);
	await drawn(terminal, 1);
	terminal.end();
	await running;
	expect(terminal.stdout.endsWith("\x1b[?1049l")).toBe(true);
});

const HOME = "\x1b[H";
const drawn = (terminal: Terminal, times: number) => until(() => terminal.stdout.split(HOME).length > times);

function lastFrame({ stdout }: Terminal): string[] {
	const frame = stdout.slice(stdout.lastIndexOf(HOME) + HOME.length);
	// biome-ignore lint/suspicious/noControlCharactersInRegex: what a terminal acts on
	return frame.split("\r\n").map((line) => line.replaceAll(/\x1b\[[\d;?]*[A-Za-z]/g, ""));
}
