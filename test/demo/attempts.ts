/** The attempts of the demo's clients, in order. A string is the heading of the attempts below it. */
import { NODE, TLS_CLIENT } from "../support/paths.ts";
import type { World } from "../support/world.ts";
import { API4, API6, EVIL4, NAMELESS4, NAMELESS6 } from "./network.ts";

export interface Attempt {
	readonly unit: "agent.service" | "cron.service";
	/** The command as shown, at most 33 characters. */
	readonly shown: string;
	readonly argv: readonly string[];
	readonly allowed: boolean;
	/** Destination at which bytes would arrive. */
	readonly at: { readonly at?: string; readonly port: number };
}

const WRITE_OUT = "%{stderr}\n@%{http_code} %{time_total}";

export function attempts(world: World): readonly (Attempt | string)[] {
	const curl = (
		shown: string,
		at: Attempt["at"],
		allowed: boolean,
		args: readonly string[],
		unit: Attempt["unit"] = "agent.service",
	): Attempt => ({
		unit,
		shown: `curl ${shown}`,
		argv: [
			"curl",
			"-sS",
			"-o",
			"/dev/null",
			"--max-time",
			"5",
			"--cacert",
			world.certificates.ca,
			"-w",
			WRITE_OUT,
			...args,
		],
		allowed,
		at,
	});
	const node = (shown: string, at: Attempt["at"], allowed: boolean, args: readonly string[]): Attempt => ({
		unit: "agent.service",
		shown: `node ${shown}`,
		argv: [NODE, TLS_CLIENT, ...args],
		allowed,
		at,
	});
	const probe = (shown: string, at: Attempt["at"], args: readonly string[]): Attempt => ({
		unit: "agent.service",
		shown,
		argv: [world.client("probe"), ...args],
		allowed: false,
		at,
	});
	const ca = world.certificates.ca;
	return [
		"agent.service: its own work, one name, in the policy",
		curl("https://api.model.example", { at: API4, port: 443 }, true, ["-4", "https://api.model.example/"]),
		curl("-6 https://api.model.example", { at: API6, port: 443 }, true, ["-6", "https://api.model.example/"]),
		node("api.model.example:8443", { port: 8443 }, true, ["api.model.example", "8443", ca]),
		"agent.service: other names, one of them at the address of the API",
		curl("https://drop.evil.example", { at: EVIL4, port: 443 }, false, ["https://drop.evil.example/"]),
		node("drop.evil.example", { at: EVIL4, port: 443 }, false, ["drop.evil.example", "443", ca]),
		curl("https://paste.evil.example", { at: API4, port: 443 }, false, ["-4", "https://paste.evil.example/"]),
		curl("https://pixel.ads.example", { at: "198.19.67.1", port: 443 }, false, ["https://pixel.ads.example/"]),
		"agent.service: the right name at the wrong address, and the reverse",
		curl(`--resolve *:443:${NAMELESS4}`, { at: NAMELESS4, port: 443 }, false, [
			"--resolve",
			`api.model.example:443:${NAMELESS4}`,
			"https://api.model.example/",
		]),
		curl(`-k https://${API4}`, { at: API4, port: 443 }, false, ["-k", `https://${API4}/`]),
		"agent.service: no name at all",
		curl(`http://${NAMELESS4}`, { at: NAMELESS4, port: 80 }, false, [`http://${NAMELESS4}/`]),
		curl(`http://[${NAMELESS6}]`, { at: NAMELESS6, port: 80 }, false, ["-g", `http://[${NAMELESS6}]/`]),
		probe(`connect ::ffff:${NAMELESS4}:80`, { at: NAMELESS4, port: 80 }, ["tcp", `::ffff:${NAMELESS4}`, "80", "x"]),
		probe(`sendto ${NAMELESS4}:5000/udp`, { port: 5000 }, ["udp", NAMELESS4, "5000", "sendto", "secret"]),
		probe(`ping ${NAMELESS4}`, { at: NAMELESS4, port: 0 }, ["icmp", NAMELESS4]),
		curl("smtp://mail.shop.example", { port: 25 }, false, ["smtp://mail.shop.example/"]),
		"cron.service: the same destination",
		curl(
			"https://api.model.example",
			{ at: API4, port: 443 },
			false,
			["-4", "https://api.model.example/"],
			"cron.service",
		),
	];
}
