/** connects.mjs HOST PORT COUNT: connects, gets a byte echoed and closes, one connection after the other. */
import { connect } from "node:net";

const [host, port, count] = process.argv.slice(2);

const once = () =>
	new Promise((resolve, reject) => {
		const socket = connect({ host, port: Number(port) }, () => socket.write("x"));
		socket.once("data", () => socket.destroy());
		socket.once("close", resolve);
		socket.once("error", reject);
	});

for (let done = 0; done < Number(count); done++) await once();
