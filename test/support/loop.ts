/** The longest time, ms, that the event loop of this process was held up while `work` ran. */
export async function longestStall<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly stall: number }> {
	let stall = 0;
	let last = performance.now();
	const look = () => {
		const now = performance.now();
		stall = Math.max(stall, now - last - TICK);
		last = now;
	};
	const timer = setInterval(look, TICK);
	try {
		const result = await work();
		look();
		return { result, stall };
	} finally {
		clearInterval(timer);
	}
}

/** ms */
const TICK = 1;
