/**
 * The longest time for which `work` blocked this process's event loop, in CPU time of its thread [ms]. Other processes on a
 * busy machine do not change it.
 */
export async function longestStall<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly stall: number }> {
	let stall = 0;
	let last = threadTime();
	const look = () => {
		const now = threadTime();
		stall = Math.max(stall, now - last);
		last = now;
	};
	const timer = setInterval(look, 1);
	try {
		const result = await work();
		look();
		return { result, stall };
	} finally {
		clearInterval(timer);
	}
}

/** [ms] */
function threadTime(): number {
	const { user, system } = process.threadCpuUsage();
	return (user + system) / 1_000;
}
