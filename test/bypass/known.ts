/** Rows that Sallyport does not stop, with the reason. A row that it stops must not be listed here. */

export interface Known {
	readonly rows: readonly string[];
	readonly why: string;
}

/** Traffic that cgroup programs cannot stop. README.md has the same texts (test/unit/known-open.test.ts). */
export const OPEN: readonly Known[] = [
	{
		rows: ["S7l", "S7m"],
		why: "`AF_PACKET`: a process with CAP_NET_RAW can send below IP, where no cgroup program runs.",
	},
	{
		rows: ["X9a", "X9b"],
		why: "Tunnels and TUN devices: a process with CAP_NET_ADMIN can make the kernel send or forward packets for it.",
	},
	{
		rows: ["X2"],
		why: "Sockets passed in from outside: a socket belongs to the cgroup that opened it. Watching the whole host avoids this.",
	},
];

/** Traffic whose parser or check does not exist yet. */
export const WAITING: readonly Known[] = [];

export function whyNot(id: string): { known: "open" | "waiting"; why: string } | null {
	const open = OPEN.find(({ rows }) => rows.includes(id));
	if (open !== undefined) return { known: "open", why: open.why };
	const waits = WAITING.find(({ rows }) => rows.includes(id));
	return waits === undefined ? null : { known: "waiting", why: waits.why };
}
