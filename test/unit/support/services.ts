/** The API's view of a daemon, over a table harness. */

import { RecentRecords } from "../../../src/answers/recent.ts";
import type { ExplainRequest, Explanation, RuleOfName } from "../../../src/api/policy-types.ts";
import type { ApiServices, PolicyDocument, PolicyLoad } from "../../../src/api/services.ts";
import type { Readiness, Status } from "../../../src/api/status.ts";
import { ForwardLookup } from "../../../src/connections/forward-lookup.ts";
import { LiveFeed } from "../../../src/connections/live-feed.ts";
import { overlayPort } from "../../../src/daemon/overlay-port.ts";
import type { PolicyCheck } from "../../../src/policy/compile/policy-facts.ts";
import type { PolicyProblem } from "../../../src/policy/read/problem.ts";
import type { Records } from "../../../src/records/contract.ts";
import { OverlayStage } from "./overlay-stage.ts";
import type { TableHarness } from "./table-harness.ts";

export class FakeServices implements ApiServices {
	readonly describe;
	readonly feed: LiveFeed;
	readonly names = new ForwardLookup(100);
	readonly recent: RecentRecords;
	source: Records["source"] = "memory";
	unwritten: Records["unwritten"] = null;
	illness: string | null = null;
	problems: PolicyProblem[] = [];
	held: { name: string; until: number }[] = [];
	rules: RuleOfName[] = [];
	explanation: Explanation | null = null;
	readonly asked: ExplainRequest[] = [];
	document: PolicyDocument | null = {
		text: "version: 1\n",
		etag: '"abc"',
		generation: 3,
		mode: "enforce",
		source: "/etc/sallyport/policy.yaml",
		origin: "file",
		warnings: [],
		loadedAt: new Date(0),
	};
	readonly loads: string[] = [];
	readonly policy = {
		current: () => this.document,
		load: async (text: string): Promise<PolicyLoad> => {
			this.loads.push(text);
			if (this.problems.length > 0 || this.document === null) return { ok: false, problems: this.problems };
			this.document = {
				...this.document,
				text,
				generation: this.document.generation + 1,
				etag: '"def"',
				origin: "api",
			};
			return { ok: true, policy: this.document };
		},
		reload: async (): Promise<PolicyLoad | null> => {
			if (this.problems.length > 0) return { ok: false, problems: this.problems };
			return this.document === null ? null : { ok: true, policy: this.document };
		},
		check: async (): Promise<PolicyCheck> => ({
			ok: this.problems.length === 0,
			problems: this.problems,
			warnings: [],
			facts: null,
		}),
		explain: (request: ExplainRequest) => {
			this.asked.push(request);
			return this.explanation;
		},
		rulesOf: () => this.rules,
	};

	readonly stage = new OverlayStage();
	readonly overlays = overlayPort(this.stage.overlays, () => this.stage.elapsed);

	constructor(harness: TableHarness, replayed = 100) {
		this.describe = harness.describe;
		this.feed = new LiveFeed(replayed, harness.view);
		const { describe, view } = harness;
		this.recent = new RecentRecords({ connections: () => harness.table.kept.all(), names: this.names, describe, view });
		harness.table.watch({ answered: (answer) => this.names.answered(answer) });
	}

	readonly records = async (): Promise<Records> => ({
		source: this.source,
		reader: this.recent,
		unwritten: this.unwritten,
	});

	readonly learned = () => this.held;

	status(): Status {
		return STATUS;
	}

	metrics() {
		const parts = (async function* () {
			yield "sallyport_up 1\n";
		})();
		return { contentType: "text/plain; version=0.0.4; charset=utf-8", parts };
	}

	unhealthyReason(): string | null {
		return this.illness;
	}

	ready(): Readiness {
		return { ready: this.illness === null, checks: { policy: this.illness ?? "ok" } };
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
	attachment: { problem: null, repairs: 0 },
	policy: {
		mode: "enforce",
		source: "/etc/sallyport/policy.yaml",
		origin: "file",
		etag: '"abc"',
		rules: 2,
		loadedAt: "2026-01-01T00:00:00.000Z",
		failure: { time: "2026-01-02T00:00:00.000Z", source: "(api)", problems: ["(api):1:1: bad\x1b[2J"] },
	},
	overlays: [],
	events: { received: 10, lost: 1, unreadable: 0, throttled: [] },
	connections: { open: 1, ended: 2, questions: 3, dropped: 0 },
	denied: 4,
	wouldDeny: 5,
	resolvers: ["10.0.0.2"],
	search: ["corp.example", "cluster.local"],
	names: { kept: 3, unanswered: 1, leftOut: 2 },
	maps: [{ name: "learned", entries: 3, limit: 32_768 }],
	versions: { sallyport: "0.1.0", node: "24.0.0" },
	history: null,
	streams: 0,
	programs: [{ name: "connect4", id: 1, verifiedInstructions: 100 }],
};
