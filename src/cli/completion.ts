import type { Option } from "commander";
import type { CliCommand } from "./cli-command.ts";
import type { CliDeps } from "./deps.ts";

export function addCompletionCommand(program: CliCommand, { out }: CliDeps): void {
	program
		.subcommand("completion")
		.description("print what makes a shell complete sallyport's commands, flags and words")
		.addArgument(program.createArgument("<shell>", "the shell").choices(["bash", "zsh"]))
		.examples([
			"source <(sallyport completion bash)",
			"sallyport completion bash | sudo tee /usr/share/bash-completion/completions/sallyport",
			"sallyport completion zsh | sudo tee /usr/local/share/zsh/site-functions/_sallyport",
		])
		.action((shell: string) => void out.write(completion(program, shell === "zsh" ? "zsh" : "bash")));
}

/** The script, made of the same source as the help. */
export function completion(program: CliCommand, shell: "bash" | "zsh"): string {
	const commands = [...everyPath(program, [])];
	return shell === "bash" ? bash(commands) : zsh(commands);
}

interface Place {
	/** "policy check"; "" is sallyport itself. */
	readonly path: string;
	readonly command: CliCommand;
}

function* everyPath(command: CliCommand, above: readonly string[]): Generator<Place> {
	yield { path: above.join(" "), command };
	for (const below of command.below) yield* everyPath(below, [...above, below.name()]);
}

/* A case a command: its words, its flags, and what may follow a flag. */
function bash(places: readonly Place[]): string {
	const cases = places.map(({ path, command }) => {
		const options = optionsOf(command);
		const values = options
			.filter(takesValue)
			.map((option) => `\t\t\t\t${flagsOf(option).join("|")}) ${bashValue(option)}; return ;;`);
		const words = [...command.below.map((each) => each.name()), ...argumentWords(command)];
		return [
			`\t\t"${path}")`,
			...(values.length > 0 ? ['\t\t\tcase "$previous" in', ...values, "\t\t\tesac"] : []),
			`\t\t\twords="${words.join(" ")}"`,
			`\t\t\tflags="${options.flatMap(flagsOf).join(" ")}"`,
			`\t\t\tfiles=${takesFile(command) ? 1 : 0} ;;`,
		].join("\n");
	});
	const known = places.map(({ path }) => `"${path}"`).join("|");
	return `# bash completion for sallyport; made by \`sallyport completion bash\`
_sallyport() {
	local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" path="" word words flags files at
	COMPREPLY=()
	for ((at = 1; at < COMP_CWORD; at++)); do
		word="\${COMP_WORDS[at]}"
		case "\${path:+$path }$word" in
		${known}) path="\${path:+$path }$word" ;;
		esac
	done
	case "$path" in
${cases.join("\n")}
	esac
	if [[ $current == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$current")
		return
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
	if ((files)); then
		compopt -o filenames 2>/dev/null
		mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$current")
	fi
}
complete -F _sallyport sallyport
`;
}

function bashValue(option: Option): string {
	if (option.argChoices !== undefined)
		return `mapfile -t COMPREPLY < <(compgen -W "${option.argChoices.join(" ")}" -- "$current")`;
	if (isFile(option.flags))
		return `compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current")`;
	return ":";
}

function zsh(places: readonly Place[]): string {
	const functions = places.map(({ path, command }) => {
		const options = optionsOf(command).map((option) => `\t\t${zshOption(option)} \\`);
		if (command.below.length === 0) {
			const operands = command.registeredArguments.map((argument, at) => {
				const values = argument.argChoices?.join(" ");
				const action = values === undefined ? (isFile(`<${argument.name()}>`) ? "_files" : "") : `(${values})`;
				return `\t\t${quote(`${at + 1}${argument.required ? "" : ":"}:${argument.name()}:${action}`)} \\`;
			});
			return `${functionName(path)}() {\n\t_arguments \\\n${[...options, ...operands].join("\n")}\n\t\t&& return\n}`;
		}
		const below = command.below.map((each) => `\t\t${quote(`${each.name()}:${each.description()}`)}`);
		const calls = command.below.map(
			(each) => `\t\t${each.name()}) ${functionName(`${path} ${each.name()}`.trim())} ;;`,
		);
		return `${functionName(path)}() {
	local -a commands=(
${below.join("\n")}
	)
	local state line context
	typeset -A opt_args
	_arguments -C \\
${options.join("\n")}
		'1: :->command' '*:: :->rest' && return
	case $state in
	command) _describe command commands ;;
	rest)
		case $line[1] in
${calls.join("\n")}
		esac ;;
	esac
}`;
	});
	return `#compdef sallyport
# zsh completion for sallyport; made by \`sallyport completion zsh\`
${functions.join("\n")}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then ${functionName("")} "$@"; else compdef ${functionName("")} sallyport; fi
`;
}

function zshOption(option: Option): string {
	const about = option.description.replaceAll("[", "(").replaceAll("]", ")").replaceAll(":", "\\:");
	const action =
		option.argChoices !== undefined ? `(${option.argChoices.join(" ")})` : isFile(option.flags) ? "_files" : "";
	const value = takesValue(option) ? `:${option.name()}:${action}` : "";
	return quote(`${option.long ?? option.short}[${about}]${value}`);
}

function quote(text: string): string {
	return `'${text.replaceAll("'", "'\\''")}'`;
}

function functionName(path: string): string {
	return path === "" ? "_sallyport" : `_sallyport_${path.replaceAll(/[ -]/g, "_")}`;
}

/* Help is there everywhere, but commander adds it late. */
function optionsOf(command: CliCommand): readonly Option[] {
	return [...command.options.filter(({ hidden }) => !hidden), command.createOption("-h, --help", "display help")];
}

function flagsOf({ short, long }: Option): string[] {
	return [short, long].filter((flag) => flag !== undefined);
}

function takesValue({ required, optional }: Option): boolean {
	return required || optional;
}

function argumentWords(command: CliCommand): string[] {
	return command.registeredArguments.flatMap(({ argChoices = [] }) => argChoices);
}

function takesFile(command: CliCommand): boolean {
	return command.registeredArguments.some((argument) => isFile(`<${argument.name()}>`));
}

function isFile(flags: string): boolean {
	return /<(file|path)>/.test(flags);
}
