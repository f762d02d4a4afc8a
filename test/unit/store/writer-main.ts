/** A process that writes history until it is killed. It prints the ids of each burst and the time at which they were recorded. */
import { openHistory } from "../../../src/store/open.ts";
import { DAY, describeProcess, made } from "./fixture.ts";

const [file = ""] = process.argv.slice(2);
const history = openHistory({ file, maxAge: 30 * DAY, maxBytes: 1024 ** 3, describe: describeProcess, buffer: 65_536 });
let id = Date.now() * 1000;
let cookie = 1;
setInterval(() => {
	const ids: number[] = [];
	for (let count = 0; count < 40; count++) {
		id += 250;
		history.record(made({ id, cookie: cookie++ }));
		ids.push(id);
	}
	process.stdout.write(`${Date.now()} ${ids[0]} ${id}\n`);
}, 10);
