import { describe, expect, test } from "vitest";
import type { ReplayRow } from "../../../src/cli/deps.ts";
import { runCommandLine } from "../../../src/cli/program.ts";
import { Terminal } from "./terminal.ts";

const row: ReplayRow = {
	...{ count: 3, client: "192.0.2.1", server: "198.51.100.7", port: 443, protocol: "tcp" },
	...{ name: "a\x1b[2Jb.example", from: "tls", first: "2026-01-01T00:00:00.000Z", last: "2026-01-01T00:00:01.000Z" },
};
const judged: ReplayRow = { ...row, verdict: "deny", phase: "connect", group: null, rule: null, reason: "default" };
const read = { file: "a.pcap", packets: 5, problem: null, unknownLinks: [] };

async function run(terminal: Terminal, ...args: string[]): Promise<number> {
	return runCommandLine(["replay", ...args], terminal);
}

describe("replay", () => {
	test("shows rows as a table without control characters", async () => {
		const terminal = new Terminal();
		terminal.replayed = { rows: [row], files: [read] };
		expect(await run(terminal, "a.pcap", "b.pcap")).toBe(0);
		expect(terminal.stdout).toMatch(
			/^COUNT +CLIENT +SERVER +PORT +NAME +FROM\n +3 +192\.0\.2\.1 .* a\\x1b\[2Jb\.example +tls\n$/,
		);
		expect(terminal.replayRequests).toEqual([{ files: ["a.pcap", "b.pcap"], policy: null, resolvers: [], who: {} }]);
	});

	test("shows verdict and rule with a policy, and passes on the assumed client", async () => {
		const terminal = new Terminal();
		terminal.replayed = { rows: [judged], files: [read] };
		const who = ["--unit", "agent.service", "--user", "agent"];
		expect(
			await run(terminal, "--policy", "/p.yaml", ...who, "--resolver", "192.0.2.53", "--resolver", "::1", "-"),
		).toBe(0);
		expect(terminal.stdout).toMatch(/VERDICT +RULE\n.* deny +connect: default\n$/);
		expect(terminal.replayRequests).toEqual([
			{
				...{ files: ["-"], policy: "/p.yaml", resolvers: ["192.0.2.53", "::1"] },
				who: { unit: "agent.service", user: "agent" },
			},
		]);
	});

	test("writes a JSON line a row", async () => {
		const terminal = new Terminal();
		terminal.replayed = { rows: [row, judged], files: [read] };
		expect(await run(terminal, "--json", "a.pcap")).toBe(0);
		expect(
			terminal.stdout
				.trimEnd()
				.split("\n")
				.map((line) => JSON.parse(line)),
		).toEqual([row, judged]);
	});

	test("exits with 4 if a capture cannot be read to its end, and shows the part before", async () => {
		const terminal = new Terminal();
		const files = [{ ...read, problem: "the file ends\x1b in the middle (byte 45, after 1 packet)" }];
		terminal.replayed = { rows: [row], files };
		expect(await run(terminal, "a.pcap")).toBe(4);
		expect(terminal.stdout).toContain("192.0.2.1");
		expect(terminal.stderr).toBe("a.pcap: the file ends\\x1b in the middle (byte 45, after 1 packet)\n");
	});

	test("tells packets that it cannot read", async () => {
		const terminal = new Terminal();
		terminal.replayed = { rows: [], files: [{ ...read, unknownLinks: [{ linkType: 195, packets: 4 }] }] };
		expect(await run(terminal, "a.pcap")).toBe(0);
		expect(terminal.stderr).toBe("a.pcap: 4 of 5 packets were skipped: link type 195 is not supported\n");
	});

	test("wants a file", async () => {
		expect(await run(new Terminal())).toBe(2);
	});
});
