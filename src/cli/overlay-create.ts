import type { OverlayDocument } from "../api/overlay-types.ts";
import type { Status } from "../api/status.ts";
import { SallyportError } from "../base/errors.ts";
import { durationOf } from "../base/times.ts";
import type { OverlayRequest } from "../policy/read/overlay-request.ts";
import type { CliCommand, DaemonOptions } from "./cli-command.ts";
import { bodyText, refusal, requestJson, send } from "./client.ts";
import type { CliDeps } from "./deps.ts";
import { invalid } from "./options.ts";
import { ruleFor } from "./overlay-rule.ts";
import { harmless, harmlessJson, timeText } from "./text.ts";

interface Options extends DaemonOptions {
	readonly for?: string;
	readonly reason?: string;
	readonly cgroup?: string;
	readonly unit?: readonly string[];
	readonly name?: string;
	readonly keep?: boolean;
}

/** Adds `allow` and `deny`. */
export function addOverlayCommands(program: CliCommand, deps: CliDeps): void {
	addCommand(program, deps, "allow", [
		"sudo sallyport allow downloads.example.com:443 --for 10m --reason 'fetch the release'",
		"sudo sallyport allow https://api.example.com '*.debian.org:80' --unit agent.service --for 2h",
		"sudo sallyport allow 192.0.2.0/24:5432 --cgroup system.slice/agent.service",
	]);
	addCommand(program, deps, "deny", [
		"sudo sallyport deny paste.example.com --reason 'incident 7'",
		"sudo sallyport deny :25 :465 :587 --keep",
	]);
}

function addCommand(program: CliCommand, deps: CliDeps, action: "allow" | "deny", examples: readonly string[]): void {
	program
		.subcommand(action)
		.description(`${action} destinations above the policy, until an end or until \`sallyport revoke\``)
		.argument(
			"<destination...>",
			"NAME, NAME:PORT, https://NAME, ADDRESS, PREFIX:PORT, [IPV6]:PORT, :PORT; /udp may follow",
		)
		.option("--for <duration>", "end after this time: 90s, 10m, 2h, 1d (default: no end)", duration)
		.option("--reason <text>", "why; shown by `sallyport overlays` and kept in the history")
		.option("--unit <unit>", "only for this systemd unit; may be repeated", collect)
		.option("--cgroup <path>", "only for this cgroup and those below; below the watched one, or absolute")
		.option("--name <name>", "name of the overlay (default: an unused one)")
		.option("--keep", "stay in force over a reboot")
		.queriesDaemon("the overlay as one JSON document")
		.examples(
			examples,
			"A rule of the policy file with `final: true` cannot be overruled. The end holds while no daemon runs. Its clock, " +
				"CLOCK_BOOTTIME, goes on during suspend. In mode observe nothing is blocked.",
		)
		.action((destinations: readonly string[], options: Options) => create(action, destinations, options, deps));
}

function duration(value: string): string {
	const ms = durationOf(value);
	if (ms === null || ms === 0) throw invalid(value, "a duration such as 90s, 10m, 2h or 1d");
	return value;
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
	return [...before, value];
}

async function create(
	action: "allow" | "deny",
	destinations: readonly string[],
	options: Options,
	deps: CliDeps,
): Promise<void> {
	const { socket, json, reason, cgroup, unit = [], name, keep } = options;
	const taken = new Set<string>();
	const request: OverlayRequest = {
		owner: deps.caller(),
		rules: destinations.map((each) => ruleFor(action, each, unit, taken)),
		...(name === undefined ? {} : { name }),
		...(reason === undefined ? {} : { reason }),
		...(cgroup === undefined ? {} : { scope: cgroup }),
		...(options.for === undefined ? {} : { for: options.for }),
		...(keep === undefined ? {} : { keep }),
	};
	const body = JSON.stringify(request);
	const reply = await send({ socket, path: "/v1/overlays", method: "POST", type: "application/json", body });
	const answer = await bodyText(reply);
	if (reply.status >= 300) throw refused(answer, reply.status, destinations);
	const overlay = JSON.parse(answer) as OverlayDocument;
	deps.out.write(json === true ? `${harmlessJson(answer)}\n` : `${harmless(createdText(overlay))}\n`);
	const { policy } = await requestJson<Status>({ socket, path: "/v1/status" });
	if (policy.mode === "observe")
		deps.err.write(
			"sallyport: the policy has mode observe: nothing is blocked, and the overlay only changes records\n",
		);
}

function createdText({ name, until, scope }: OverlayDocument): string {
	const end = until === null ? `until \`sallyport revoke ${name}\`` : `until ${timeText(until)}`;
	return `overlay ${name}: in force ${end}${scope === null ? "" : `, for ${scope}`}`;
}

/* Names the argument or the option instead of the place in the request. */
function refused(answer: string, status: number, destinations: readonly string[]): SallyportError {
	const { errors = [] } = parsed(answer);
	if (status !== 422 && status !== 400) return refusal(answer, status);
	if (errors.length === 0) return refusal(answer, status);
	const lines = errors.map(({ pointer = "", detail }) => `${placeOf(pointer, destinations)}: ${detail}`);
	return new SallyportError("USAGE", harmless(`Nothing has changed. ${lines.join("; ")}.`));
}

function placeOf(pointer: string, destinations: readonly string[]): string {
	const [, part = "", index = ""] = pointer.split("/");
	if (part !== "rules") return OPTIONS.get(part) ?? pointer;
	return pointer.includes("/from/unit") ? "--unit" : (destinations[Number(index)] ?? "the rules");
}

const OPTIONS: ReadonlyMap<string, string> = new Map([
	["name", "--name"],
	["reason", "--reason"],
	["scope", "--cgroup"],
	["for", "--for"],
	["until", "--for"],
]);

interface Problem {
	readonly errors?: readonly { readonly pointer?: string; readonly detail: string }[];
}

function parsed(answer: string): Problem {
	try {
		return JSON.parse(answer) as Problem;
	} catch {
		return {};
	}
}
