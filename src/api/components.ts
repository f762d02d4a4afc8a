import type { PolicyCheck, PolicyFacts } from "../policy/compile/policy-facts.ts";
import type { PolicyProblem } from "../policy/read/problem.ts";
import type { HistoryRecord, NameRecord, NameSummary, TopRow, Unwritten } from "../records/contract.ts";
import type { HistoryFailure, HistoryStatus } from "../records/history-status.ts";
import type { Remedy } from "../records/remedy.ts";
import type { DecisionView, HttpView, ProcessView } from "../records/view.ts";
import type { OverlayDocument } from "./overlay-types.ts";
import type { Explanation, LookAnswer, PhaseAnswer, RuleAnswer, RuleOfName } from "./policy-types.ts";
import type { NamedObject, NamedSchema } from "./schemas/base.ts";
import * as connection from "./schemas/connection.ts";
import * as names from "./schemas/names.ts";
import * as overlays from "./schemas/overlays.ts";
import * as policy from "./schemas/policy.ts";
import { PROBLEM_SCHEMAS, policyProblemSchema } from "./schemas/problem.ts";
import { sourceSchema, unwrittenSchema } from "./schemas/source.ts";
import * as status from "./schemas/status.ts";
import { topKeySchema, topRowSchema, topSchema } from "./schemas/top.ts";
import type { PolicyDocument } from "./services.ts";
import type { OverlayStatus, PolicyStatus, Readiness, Status } from "./status.ts";
import type { Step } from "./steps.ts";

/**
 * The schemas under `components/schemas` of the OpenAPI document. A schema bound to a type by `of` has exactly the members of
 * that type: responses are serialized from the type, so a missing member would be undocumented.
 */
export const COMPONENTS: readonly NamedSchema[] = [
	...PROBLEM_SCHEMAS,
	of<PolicyProblem>()(policyProblemSchema),
	sourceSchema,
	of<Unwritten>()(unwrittenSchema),

	connection.phaseSchema,
	connection.verdictSchema,
	connection.reasonSchema,
	connection.nameSourceSchema,
	connection.encryptedDnsSchema,
	connection.endSchema,
	of<DecisionView>()(connection.decisionSchema),
	of<ProcessView>()(connection.processSchema),
	of<NonNullable<HistoryRecord["query"]>>()(connection.querySchema),
	of<HttpView>()(connection.httpSchema),
	of<HistoryRecord>()(connection.connectionSchema),
	connection.connectionListSchema,
	of<Step>()(connection.stepSchema),
	of<Remedy>()(connection.remedySchema),
	connection.connectionDetailSchema,

	topKeySchema,
	of<TopRow>()(topRowSchema),
	topSchema,

	of<NameSummary>()(names.nameSummarySchema),
	names.nameListSchema,
	of<NameRecord["addresses"][number] & { heldUntil: unknown }>()(names.nameAddressSchema),
	of<NameRecord["askedBy"][number]>()(names.nameClientSchema),
	of<RuleOfName>()(names.ruleOfNameSchema),
	of<NameRecord & { rules: unknown; source: unknown; unwritten: unknown }>()(names.nameDetailSchema),

	of<PolicyDocument>()(policy.policyDocumentSchema),
	of<PolicyFacts>()(policy.policyFactsSchema),
	of<PolicyCheck>()(policy.policyCheckSchema),
	policy.explainRequestSchema,
	of<RuleAnswer["conditions"][number]>()(policy.conditionSchema),
	of<RuleAnswer>()(policy.explainedRuleSchema),
	of<LookAnswer>()(policy.lookSchema),
	of<PhaseAnswer>()(policy.explainedPhaseSchema),
	of<NonNullable<Explanation["subject"]["request"]>>()(policy.explainedHttpSchema),
	of<Explanation["subject"]>()(policy.subjectSchema),
	of<Explanation>()(policy.explanationSchema),

	overlays.overlayRequestSchema,
	of<OverlayDocument>()(overlays.overlaySchema),
	overlays.overlayListSchema,

	of<NonNullable<PolicyStatus["failure"]>>()(status.policyFailureSchema),
	of<PolicyStatus>()(status.policyStatusSchema),
	of<OverlayStatus>()(status.overlayStatusSchema),
	of<HistoryFailure>()(status.historyFailureSchema),
	of<HistoryStatus>()(status.historyStatusSchema),
	of<Status["maps"][number]>()(status.mapStatusSchema),
	of<Status["programs"][number]>()(status.programStatusSchema),
	of<Status>()(status.statusSchema),
	of<Readiness>()(status.readinessSchema),
	status.healthSchema,
	status.indexSchema,
];

/** Does not type-check if the members of `T` and of the schema differ. */
function of<T extends object>() {
	return <P extends object>(schema: NamedObject<P> & SameMembers<T, P>): NamedSchema => schema;
}

type SameMembers<T, P> = [keyof T] extends [keyof P]
	? [keyof P] extends [keyof T]
		? unknown
		: { readonly unknownMembers: Exclude<keyof P, keyof T> }
	: { readonly missingMembers: Exclude<keyof T, keyof P> };
