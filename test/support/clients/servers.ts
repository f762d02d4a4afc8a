/**
 * Runs in the watched cgroup: servers that reply to clients, and a client whose port receives unsolicited packets. Prints lines
 * of JSON.
 */
import { createSocket } from "node:dgram";
import { createServer } from "node:net";

const [, , tcpPort, udpPort, allowedAddress, allowedPort] = process.argv;
const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);

createServer((socket) => socket.on("data", (data) => socket.end(`answer ${data}`))).listen(Number(tcpPort), () =>
	say({ ready: "tcp" }),
);

const server = createSocket("udp4", (message, { address, port }) =>
	server.send(`answer ${message}`, port, address, (error) => say({ answered: address, error: code(error) })),
);
server.bind(Number(udpPort), () => say({ ready: "udp" }));

/* Not bound: the kernel chooses the port for the first datagram. */
const client = createSocket("udp4", (_, { address, port }) =>
	client.send("secret", port, address, (error) => say({ replied: address, error: code(error) })),
);
client.send("hello", Number(allowedPort), allowedAddress, (error) =>
	say({ client: client.address().port, error: code(error) }),
);

function code(error: Error | null): string {
	return error === null ? "0" : ((error as NodeJS.ErrnoException).code ?? error.message);
}
