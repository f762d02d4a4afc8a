/** Conditions that are part of Sallyport: `to: { preset: NAME }`. */
import { DOH_ADDRESSES, DOH_NAMES, ENCRYPTED_DNS_PORT } from "../encrypted-dns.ts";
import type { Action } from "../model.ts";

export const PRESETS = ["encrypted-dns"] as const;
export type Preset = (typeof PRESETS)[number];

/** Whether a value of `preset` is known. */
export function isPreset(name: unknown): name is Preset {
	return PRESETS.includes(name as Preset);
}

/**
 * The values of `to` that a preset stands for, each a rule. In a deny or alert rule the domains have no ports, so that
 * the rule also applies to DNS questions for them.
 */
export function presetParts(_preset: Preset, action: Action): readonly Record<string, unknown>[] {
	const names = { domain: DOH_NAMES };
	return [
		{ ports: ENCRYPTED_DNS_PORT },
		action === "allow" ? { ...names, ports: HTTPS_PORT } : names,
		{ cidr: DOH_ADDRESSES, ports: HTTPS_PORT },
	];
}

const HTTPS_PORT = 443;
