import { SallyportError } from "../base/errors.ts";
import type { CliCommand } from "./cli-command.ts";
import type { CliDeps } from "./deps.ts";

export function addMetricsUserCommand(program: CliCommand, { readInput, hashPassword, out }: CliDeps): void {
	program
		.subcommand("metrics-user")
		.description("print a line for --metrics-basic-file; the password is read from standard input")
		.argument("<user>", "name of the user")
		.examples([
			'printf %s "$PASSWORD" | sallyport metrics-user prometheus | sudo tee -a /etc/sallyport/metrics-users',
			"sallyport metrics-user prometheus < password-file",
		])
		.action(async (user: string) => {
			if (!/^[\x21-\x39\x3b-\x7e]{1,64}$/.test(user))
				throw new SallyportError("USAGE", "A user is up to 64 printable characters without blanks and colons.");
			const password = (await readInput()).replace(/\r?\n$/, "");
			if (password === "") throw new SallyportError("USAGE", "The password on standard input is empty.");
			out.write(`${user}:${await hashPassword(password)}\n`);
		});
}
