/** Which rows are not held, and why: the only place that says so. A row that is held must not be listed here. */

export interface Known {
	readonly rows: readonly string[];
	readonly why: string;
}

/** What cgroup programs cannot stop. README.md says the same in the same words: test/unit/known-open.test.ts. */
export const OPEN: readonly Known[] = [
	{
		rows: ["S7l", "S7m"],
		why: "`AF_PACKET`: a process with CAP_NET_RAW sends below IP, where cgroup programs see nothing.",
	},
	{
		rows: ["X9a", "X9b"],
		why: "Tunnels and TUN devices: a process with CAP_NET_ADMIN has the kernel itself send or forward for it.",
	},
	{
		rows: ["X2"],
		why: "Sockets handed over from outside: a socket belongs to the cgroup that opened it. Watch the whole host, and there is no outside.",
	},
	{
		rows: ["N7l", "N7m"],
		why: "A hello behind 64 kB, or 1,024 segments, of something else on its connection: only so much of one is looked at.",
	},
];

/** What is not read or judged yet. */
export const WAITING: readonly Known[] = [];

export function whyNot(id: string): { known: "open" | "waiting"; why: string } | null {
	const open = OPEN.find(({ rows }) => rows.includes(id));
	if (open !== undefined) return { known: "open", why: open.why };
	const waits = WAITING.find(({ rows }) => rows.includes(id));
	return waits === undefined ? null : { known: "waiting", why: waits.why };
}
