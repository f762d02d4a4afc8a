/** Connects to itself at a loopback address. Prints the ports, then the result of the connection. */
import { type AddressInfo, connect, createServer } from "node:net";

const host = process.argv[2] ?? "127.0.0.1";
const server = createServer((socket) => socket.on("error", () => {}));
server.listen(0, host, () => {
	const { port } = server.address() as AddressInfo;
	const client = connect(port, host, () => console.log(client.localPort, port));
	client.on("error", (error: NodeJS.ErrnoException) => console.log(error.code));
	client.on("close", () => server.close());
});
