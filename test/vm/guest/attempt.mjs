/** One connection by TCP that says a byte and waits for one: "data", "timeout", "closed", or the error's code. */
import { connect } from "node:net";

export function attempt(host, port, timeout) {
	return new Promise((resolve) => {
		const socket = connect({ host, port: Number(port), timeout });
		const end = (result) => {
			socket.destroy();
			resolve(result);
		};
		socket.once("connect", () => socket.write("x"));
		socket.once("data", () => end("data"));
		socket.once("timeout", () => end("timeout"));
		socket.once("error", (error) => end(error.code));
		socket.once("close", () => end("closed"));
	});
}
