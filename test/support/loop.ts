/**
 * The longest time that the event loop of this process was blocked while `work` ran: ms of its thread's processor time, which other
 * processes on a busy machine do not change.
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

/** ms */
function threadTime(): number {
	const { user, system } = process.threadCpuUsage();
	return (user + system) / 1_000;
}
