import { connect } from "node:net";

/**
 * One TCP connection that sends a byte and waits for one.
 *
 * @param {string} host
 * @param {string | number} port
 * @param {number} timeout ms
 * @returns {Promise<string>} "data", "timeout", "closed", or the error's code
 */
export function attempt(host, port, timeout) {
	return new Promise((resolve) => {
		const socket = connect({ host, port: Number(port), timeout });
		/** @param {string} result */
		const end = (result) => {
			socket.destroy();
			resolve(result);
		};
		socket.once("connect", () => socket.write("x"));
		socket.once("data", () => end("data"));
		socket.once("timeout", () => end("timeout"));
		socket.once("error", (/** @type {NodeJS.ErrnoException} */ error) => end(error.code ?? error.message));
		socket.once("close", () => end("closed"));
	});
}
