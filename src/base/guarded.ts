import type { Logger } from "./logger.ts";

/** For what nobody waits for: its failure is logged. */
export async function guarded(log: Logger, what: string, run: () => void | Promise<void>): Promise<void> {
	try {
		await run();
	} catch (error) {
		log.error(`${what} failed`, { error });
	}
}
