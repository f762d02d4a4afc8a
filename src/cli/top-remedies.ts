import type { TopRow } from "../records/contract.ts";
import type { Remedy } from "../records/remedy.ts";
import { requestJson } from "./client.ts";
import { type FilterOptions, filterQuery } from "./filters.ts";
import { harmless } from "./text.ts";

/** What would allow the latest denied record of each row, in the order of the rows; null: nothing of it is denied, or it is unknown. */
export async function remediesOf(
	options: FilterOptions & { readonly socket: string },
	rows: readonly TopRow[],
): Promise<(Remedy | null)[]> {
	const remedies: (Remedy | null)[] = [];
	for (const row of rows) remedies.push(await remedyOfRow(options, row));
	return remedies;
}

/** The lines below the table. */
export function remedyLines(rows: readonly TopRow[], remedies: readonly (Remedy | null)[]): string[] {
	return rows.flatMap(({ key }, at) => {
		const remedy = remedies[at];
		if (remedy == null) return [];
		const group = Object.values(key).map((value) => harmless(String(value)));
		const rule = remedy.rule === null ? [] : [`    ${harmless(remedy.rule)}`];
		return ["", `${group.join(", ")}: ${harmless(remedy.text)}`, ...rule];
	});
}

async function remedyOfRow(
	{ socket, ...filters }: FilterOptions & { readonly socket: string },
	{ key, denied, wouldDeny }: TopRow,
): Promise<Remedy | null> {
	if (denied + wouldDeny === 0) return null;
	const query = filterQuery(filters);
	query.set("verdict", denied > 0 ? "deny" : "would_deny");
	for (const [field, value] of Object.entries(key)) {
		/* No filter selects records without a value, and a star would select others. */
		if (value === null || String(value).includes("*")) return null;
		if (field !== "verdict") query.set(field, String(value));
	}
	query.set("limit", "1");
	const { connections } = await requestJson<Page>({ socket, path: `/v1/connections?${query}` });
	const id = connections[0]?.id;
	if (id === undefined) return null;
	return (await requestJson<{ readonly remedy: Remedy | null }>({ socket, path: `/v1/connections/${id}` })).remedy;
}

interface Page {
	readonly connections: readonly { readonly id: number }[];
}
