import { otherPolicy } from "../api/policy.ts";
import type { ExplainRequest, Explanation, PhaseAnswer, RuleOfName } from "../api/policy-types.ts";
import { Refusal } from "../api/problem-details.ts";
import type { PolicyDocument, PolicyLoad, PolicyPort } from "../api/services.ts";
import { printable } from "../base/text.ts";
import { type ExplainFacts, explainPolicy, QuestionError, type Subject } from "../enforce/explain-policy.ts";
import { StaleError } from "../enforce/policy-errors.ts";
import type { LoadResult, PolicyInForce } from "../enforce/policy-in-force.ts";
import { BuildTimeoutError } from "../enforce/policy-process.ts";
import type { PolicyService } from "../enforce/policy-service.ts";
import type { PolicyCheck } from "../policy/compile/policy-facts.ts";
import type { PhaseExplanation } from "../policy/evaluate/explain.ts";
import { covers, readHostName } from "../policy/host-names.ts";
import { overlayGroup, overlayOf } from "../policy/layers.ts";
import type { Policy, Rule } from "../policy/model.ts";
import { phasesOf } from "../policy/phases.ts";
import type { PolicyProblem } from "../policy/read/problem.ts";
import { protocolText } from "../records/protocols.ts";
import { type Denied, remedyOf } from "../records/remedy.ts";
import { BusyError } from "../system/turns.ts";

export interface PolicyPortOptions {
	readonly policy: PolicyService;
	readonly check: (text: string) => Promise<PolicyCheck>;
	readonly reload: () => Promise<LoadResult | null>;
	readonly facts: ExplainFacts;
}

/** Adapts the policy service to the API's interface. */
export function policyPort({ policy, check, reload, facts }: PolicyPortOptions): PolicyPort {
	return {
		current: () => (policy.current === null ? null : documentOf(policy.current)),
		async load(text, replaces) {
			const result = await policy
				.load(text, "(api)", "api", (current) => replaces(current?.etag ?? null))
				.catch((error: unknown) => {
					if (error instanceof StaleError) throw otherPolicy(error.etag);
					throw busyOr(error);
				});
			return loadOf(result);
		},
		async reload() {
			const result = await reload().catch((error: unknown) => {
				throw busyOr(error);
			});
			return result === null ? null : loadOf(result);
		},
		async check(text) {
			const { problems, warnings, ...rest } = await check(text).catch((error: unknown) => {
				throw busyOr(error);
			});
			return { ...rest, problems: problems.map(printableProblem), warnings: warnings.map(printableProblem) };
		},
		explain(request) {
			try {
				return policy.current === null ? null : explanation(policy.current, request, facts);
			} catch (error) {
				if (!(error instanceof QuestionError)) throw error;
				const { pointer } = error;
				const detail = printable(error.message);
				throw new Refusal(400, "bad-request", `${pointer}: ${detail}.`, { errors: [{ pointer, detail }] });
			}
		},
		rulesOf: (name) => (policy.current === null ? [] : rulesOf(policy.current.policy, name)),
	};
}

function loadOf(result: LoadResult): PolicyLoad {
	if (result.ok) return { ok: true, policy: documentOf(result.policy) };
	if (result.timedOut) throw timedOut();
	return { ok: false, problems: result.problems.map(printableProblem) };
}

/* The messages quote the policy. */
function printableProblem(problem: PolicyProblem): PolicyProblem {
	const { file, path, message, expected, suggestion } = problem;
	return {
		...problem,
		file: printable(file),
		path: printable(path),
		message: printable(message),
		expected: printable(expected),
		...(suggestion === undefined ? {} : { suggestion: printable(suggestion) }),
	};
}

function timedOut(): Refusal {
	const detail = "The policy was not checked in time; retry when the host is less busy, or with shorter lists.";
	return new Refusal(503, "policy-timeout", detail, {}, { "retry-after": "60" });
}

function busyOr(error: unknown): unknown {
	if (error instanceof BuildTimeoutError) return timedOut();
	if (!(error instanceof BusyError)) return error;
	return new Refusal(503, "busy", "Too many policies wait to be loaded; retry later.", {}, { "retry-after": "2" });
}

function documentOf(inForce: PolicyInForce): PolicyDocument {
	const { text, etag, generation, source, origin, loadedAt, policy, warnings } = inForce;
	return { text, etag, generation, mode: policy.mode, source, origin, loadedAt, warnings };
}

function explanation({ policy, generation }: PolicyInForce, request: ExplainRequest, facts: ExplainFacts): Explanation {
	const { subject, phases } = explainPolicy(policy, request, facts);
	const answers = phases.map((phase) => phaseAnswer(phase, subject.who.cgroup));
	const stoppedAt = phases.findIndex(({ decision }) => decision.verdict !== "allow");
	const stopped = answers[stoppedAt];
	const { address, port, protocol, name, learned, trustedResolver, who, request: asked } = subject;
	return {
		verdict: (stopped?.verdict ?? "allow") as Explanation["verdict"],
		summary: stopped?.summary ?? `every phase allows: ${answers.map(({ summary }) => summary).join("; ")}`,
		generation,
		mode: policy.mode,
		subject: {
			address,
			port,
			protocol: protocolText(protocol),
			name: name === null ? null : printable(name),
			learned: learned.map(printable),
			trustedResolver,
			exe: who.exe === null ? null : printable(who.exe.path),
			uid: who.uid < 0 ? null : who.uid,
			cgroup: who.cgroup ? printable(who.cgroup) : null,
			request: asked === null ? null : { ...asked, method: printable(asked.method), path: printable(asked.path) },
		},
		phases: answers,
		remedy: remedyOf(deniedOf(subject, phases.slice(0, stoppedAt + 1), generation)),
	};
}

/** The last of the phases as the record of a connection. */
function deniedOf(subject: Subject, phases: readonly PhaseExplanation[], generation: number): Denied {
	const { address, port, protocol, name, who } = subject;
	const decisions = Object.fromEntries(
		phases.map(({ phase, decision: { verdict, reason, rule } }) => {
			const names = { group: groupOf(rule, who.cgroup), rule: rule?.name ?? null };
			return [phase, { verdict, reason, ...names, generation }];
		}),
	) as Denied["decisions"];
	const phase = phases.at(-1)?.phase ?? null;
	const decided = phase === null ? undefined : decisions[phase];
	return {
		kind: "connection",
		...{ verdict: decided?.verdict ?? "allow", phase, reason: decided?.reason ?? null },
		...{ group: decided?.group ?? null, rule: decided?.rule ?? null, decisions },
		...{ protocol: protocolText(protocol), remote: address ?? "", remotePort: port },
		name: name === null ? null : printable(name),
		process: { exe: who.exe === null ? null : printable(who.exe.path) },
	};
}

/** A rule that several overlays share is reported as of the one whose scope has the cgroup. */
function groupOf(rule: Rule | null, cgroup: string | null): string | null {
	const overlay = rule === null ? null : overlayOf(rule, cgroup);
	return overlay === null ? (rule?.group ?? null) : overlayGroup(overlay);
}

function phaseAnswer(
	{ phase, decision, default: otherwise, decisive, looks }: PhaseExplanation,
	cgroup: string | null,
): PhaseAnswer {
	const { verdict, reason, rule, alert, helloRequired } = decision;
	const overlay = rule === null ? null : overlayOf(rule, cgroup);
	return {
		phase,
		verdict,
		reason,
		group: groupOf(rule, cgroup),
		rule: rule?.name ?? null,
		overlay,
		alert: alert === null ? null : `${alert.group}/${alert.name}`,
		default: otherwise,
		helloRequired,
		summary: summaryOf(phase, decision, overlay),
		looks: looks.map(({ name, as, rules, notReached }, index) => ({
			name: name === null ? null : printable(name),
			as,
			decisive: index === decisive,
			rules: rules.map((step) => ({
				...step,
				why: printable(step.why),
				conditions: step.conditions.map((each) => ({ ...each, why: printable(each.why) })),
			})),
			notReached,
		})),
	};
}

function summaryOf(
	phase: string,
	{ verdict, reason, rule, helloRequired }: PhaseExplanation["decision"],
	overlay: string | null,
): string {
	const done = verdict === "would_deny" ? "would deny" : verdict === "deny" ? "denies" : "allows";
	const by = `rule ${rule?.name} of ${overlay === null ? `group ${rule?.group}` : `overlay ${overlay}`}`;
	const why = rule === null ? REASONS[reason] : reason === "unread" ? `${by}; ${REASONS.unread}` : by;
	return `${phase} ${done} (${why}${helloRequired ? "; a ClientHello or request that is allowed by its name must follow" : ""})`;
}

const REASONS: Readonly<Record<PhaseExplanation["decision"]["reason"], string>> = {
	rule: "a rule",
	default: "no rule decides; the default applies",
	resolver: "DNS to a trusted resolver is judged by its questions",
	name_unbound: "a rule covers the name, but no DNS answer gave the address for it",
	name_expired: "a rule covers a name of the address, but its DNS answer has expired",
	name_capped: "a rule covers a name of the address, but the name has too many addresses",
	name_missing: "the client sends no name, and no rule without a domain allows that",
	name_bad: "the name is not a valid host name",
	unreadable: "the message cannot be parsed",
	unread: "what was sent cannot be read, so it may be for any name",
};

function rulesOf(policy: Policy, name: string): RuleOfName[] {
	const host = readHostName(name);
	if (host === null) return [];
	return policy.rules
		.filter(({ to }) => to.domain !== null && covers(to.domain, host))
		.map((rule) => ({
			group: rule.group,
			rule: rule.name,
			action: rule.action,
			phases: phasesOf(rule),
			also: alsoOf(rule),
		}));
}

function alsoOf({ to, from }: Rule): string[] {
	const given = (part: object, prefix: string) =>
		Object.entries(part)
			.filter(([key, value]) => value !== null && key !== "domain")
			.map(([key]) => `${prefix}.${key}`);
	return [...given(to, "to"), ...given(from, "from")];
}
