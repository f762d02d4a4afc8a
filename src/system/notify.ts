/** The service manager by sd_notify(3). */
export interface ServiceManager {
	/**
	 * Sends the variables of one message, such as READY: "1". Failures are ignored, because they must not stop the
	 * service.
	 */
	notify(state: Readonly<Record<string, string>>): void;
	/** Interval within which WATCHDOG=1 is expected [ms]; null: no watchdog. */
	readonly watchdog: number | null;
}

/** Throws if the datagram cannot be sent: Addon.sendDatagram. */
export type SendDatagram = (path: string, bytes: Uint8Array) => void;

/**
 * Null: the process was not started by a service manager. Deletes the variables from `env`, so that children do not
 * inherit them.
 */
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
		notify(state) {
			const lines = Object.entries(state).map(([name, value]) => `${name}=${value.replaceAll("\n", " ")}`);
			try {
				send(socket, Buffer.from(lines.join("\n")));
			} catch {
				/* The manager has ended, or its queue is full. */
			}
		},
	};
}
