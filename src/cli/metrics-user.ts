import { SallyportError } from "../base/errors.ts";
import type { CliCommand } from "./cli-command.ts";
import type { CliDeps } from "./deps.ts";

export function addMetricsUserCommand(program: CliCommand, { readInput, hashPassword, out }: CliDeps): void {
	program
		.subcommand("metrics-user")
		.description("print a line for --metrics-basic-file; reads the password from standard input")
		.argument("<user>", "user name")
		.examples([
			'printf %s "$PASSWORD" | sallyport metrics-user prometheus | sudo tee -a /etc/sallyport/metrics-users',
			"sallyport metrics-user prometheus < password-file",
		])
		.action(async (user: string) => {
			if (!/^[\x21-\x39\x3b-\x7e]{1,64}$/.test(user))
				throw new SallyportError(
					"USAGE",
					"A user name has 1 to 64 printable ASCII characters, no blanks and no colons.",
				);
			const password = (await readInput()).replace(/\r?\n$/, "");
			if (password === "") throw new SallyportError("USAGE", "The password on standard input is empty.");
			out.write(`${user}:${await hashPassword(password)}\n`);
		});
}
