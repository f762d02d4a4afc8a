export interface Stall<T> {
	readonly result: T;
	/** CPU time of the thread [ms]. Other processes do not change it, but Linux counts it in ticks of up to 10 ms. */
	readonly stall: number;
	/** Time on the clock [ms]. Exact; other processes only add to it, so that the smallest of several counts. */
	readonly wall: number;
}

/** The longest times for which `work` blocked this process's event loop. */
export async function longestStall<T>(work: () => Promise<T>): Promise<Stall<T>> {
	let stall = 0;
	let wall = 0;
	let last = now();
	const look = () => {
		const next = now();
		stall = Math.max(stall, next.thread - last.thread);
		wall = Math.max(wall, next.clock - last.clock);
		last = next;
	};
	const timer = setInterval(look, 1);
	try {
		const result = await work();
		look();
		return { result, stall, wall };
	} finally {
		clearInterval(timer);
	}
}

/** [ms] */
function now(): { readonly thread: number; readonly clock: number } {
	const { user, system } = process.threadCpuUsage();
	return { thread: (user + system) / 1_000, clock: performance.now() };
}
