/** The names that API and metrics publish. A rename in the C source must not change them unnoticed. */
import { expect, test } from "vitest";
import * as vocabulary from "../../../src/native/vocabulary.ts";

test("the published names", () => {
	expect({ ...vocabulary }).toEqual({
		eventNames: [null, "connect", "question", "hello", "answer", "end", "process", "cgroup", "request"],
		phaseNames: ["dns", "connect", "tls", "http"],
		verdictNames: [null, "allow", "deny", "would_deny"],
		outcomeNames: [null, "none", "answered", "nodata", "nxdomain", "servfail", "refused", "truncated", "other"],
		endNames: [null, "local", "remote", "reset", "refused", "denied", "idle"],
		reasonNames: [
			null,
			"rule",
			"default",
			"resolver",
			"inbound",
			"kernel",
			"name_unbound",
			"name_missing",
			"name_bad",
			"incomplete",
			"not_tls",
			"unreadable",
			"no_policy",
			"no_room",
			"quic_unread",
			"unread",
			"name_expired",
			"name_capped",
		],
		mapNames: [
			"names",
			"learned",
			"questions",
			"processes",
			"cgroups",
			"flows",
			"sockets",
			"dns_answers",
			"targets",
			"programs",
			"covered",
			"claims",
		],
		answerNames: ["learned", "unasked", "untrusted", "mismatch", "broken", "empty", "truncated", "capped", "local"],
		readerNames: ["start", "tls", "ssl2", "cleartext", "http", "over"],
		httpReasonNames: [
			"fine",
			"too_long",
			"bad_line",
			"bad_control",
			"bad_field",
			"bad_host",
			"bad_length",
			"bad_chunk",
		],
	});
});
