/** sd_notify(3), in so far as a service needs it. */
export interface ServiceManager {
	/** Variables of one message, such as READY: "1". What cannot be delivered is left out: nothing here may stop the service. */
	tell(state: Readonly<Record<string, string>>): void;
	/** ms within which a WATCHDOG=1 is expected; null: no watchdog. */
	readonly watchdog: number | null;
}

export type SendDatagram = (path: string, bytes: Uint8Array) => void;

/** Null if no service manager waits for us. The variables are taken away: a child is not the service. */
export function serviceManager(
	env: Record<string, string | undefined>,
	pid: number,
	send: SendDatagram,
): ServiceManager | null {
	const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: usec, WATCHDOG_PID: watched } = env;
	for (const name of ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"]) delete env[name];
	if (socket === undefined || !/^[/@]./.test(socket)) return null;
	const micros = watched === undefined || Number(watched) === pid ? Number(usec) : Number.NaN;
	return {
		watchdog: micros > 0 ? micros / 1000 : null,
		tell(state) {
			const lines = Object.entries(state).map(([name, value]) => `${name}=${value.replaceAll("\n", " ")}`);
			try {
				send(socket, Buffer.from(lines.join("\n")));
			} catch {
				/* the manager is gone, or has too much to read */
			}
		},
	};
}
