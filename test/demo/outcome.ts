/** The result that a client reports, in at most 17 characters. */
import type { Outcome } from "../support/run.ts";

export interface ClientResult {
	readonly ok: boolean;
	readonly text: string;
	readonly ms: number;
}

export function resultOf(program: string, outcome: Outcome): ClientResult {
	if (program === "curl") return fromCurl(outcome);
	const said = JSON.parse(outcome.stdout) as { ok?: boolean; error?: string; errno?: string; ms?: number; us?: number };
	const ok = said.ok ?? said.errno === "0";
	return { ok, text: ok ? "sent" : (said.error ?? said.errno ?? "failed"), ms: said.ms ?? (said.us ?? 0) / 1000 };
}

function fromCurl({ code, stderr }: Outcome): ClientResult {
	const [, status = "", seconds = "0"] = /@(\d+) ([\d.]+)/.exec(stderr) ?? [];
	const ms = Number(seconds) * 1000;
	if (code === 0) return { ok: true, text: `HTTP ${status}`, ms };
	const said = (stderr.split("\n")[0] ?? "").replace(/^curl: \(\d+\) /, "");
	const short = SHORT.find(([pattern]) => pattern.test(said))?.[1] ?? said;
	return { ok: false, text: short, ms };
}

const SHORT: readonly (readonly [RegExp, string])[] = [
	[/Could not resolve/, "could not resolve"],
	[/(Failed to|Couldn't|Could not) connect/, "could not connect"],
	[/Connection reset|Recv failure|SSL_connect|SSL_ERROR|OpenSSL/, "connection ended"],
];
