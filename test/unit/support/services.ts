/** The API's view of a daemon, over a desk. */
import type { ApiServices, PolicyDocument, Problem } from "../../../src/api/services.ts";
import type { Status } from "../../../src/api/status.ts";
import type { Desk } from "./desk.ts";

export class FakeServices implements ApiServices {
	readonly connections;
	readonly describe;
	readonly view;
	illness: string | null = null;
	problems: Problem[] = [];
	document: PolicyDocument | null = {
		text: "version: 1\n",
		etag: '"abc"',
		generation: 3,
		mode: "enforce",
		source: "/etc/sallyport/policy.yaml",
		origin: "file",
		loadedAt: new Date(0),
	};
	readonly loads: string[] = [];
	readonly policy = {
		current: () => this.document,
		load: (text: string) => {
			this.loads.push(text);
			if (this.problems.length > 0 || this.document === null) return { ok: false as const, problems: this.problems };
			this.document = {
				...this.document,
				text,
				generation: this.document.generation + 1,
				etag: '"def"',
				origin: "api",
			};
			return { ok: true as const, policy: this.document };
		},
	};

	constructor(desk: Desk) {
		this.connections = () => desk.table.all();
		this.describe = desk.describe;
		this.view = desk.view;
	}

	status(): Status {
		return STATUS;
	}

	async metrics() {
		return { contentType: "text/plain; version=0.0.4; charset=utf-8", text: "sallyport_up 1\n" };
	}

	ill(): string | null {
		return this.illness;
	}
}

export const STATUS: Status = {
	version: "0.1.0",
	pid: 1,
	startedAt: "2026-01-01T00:00:00.000Z",
	cgroup: "/sys/fs/cgroup",
	pins: "/sys/fs/bpf/sallyport",
	adopted: true,
	kernel: "6.1.0",
	generation: 3,
	policy: {
		mode: "enforce",
		source: "/etc/sallyport/policy.yaml",
		origin: "file",
		etag: '"abc"',
		rules: 2,
		loadedAt: "2026-01-01T00:00:00.000Z",
		failure: { time: "2026-01-02T00:00:00.000Z", source: "(api)", problems: ["(api):1:1: bad\x1b[2J"] },
	},
	events: { received: 10, lost: 1, unreadable: 0 },
	connections: { open: 1, ended: 2, dropped: 0 },
	denied: 4,
	wouldDeny: 5,
	resolvers: ["10.0.0.2"],
	programs: [{ name: "connect4", id: 1, verifiedInstructions: 100 }],
};
