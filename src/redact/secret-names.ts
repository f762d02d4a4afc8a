/** True if a value of this name is a secret: of a flag, a variable, a key of JSON or a header. "--db-password", "PGPASSWORD", "X-Api-Key" */
export function isSecretName(name: string): boolean {
	const words = wordsOf(name);
	const last = words.at(-1);
	if (last === undefined || NEUTRAL_ENDS.has(last) || NEGATIONS.has(words[0] ?? "")) return false;
	return words.some((word, at) => isSecretWord(word, words[at - 1] ?? "", at === words.length - 1));
}

/** True if a parameter of this name in a URL or a form is a secret. There, short names are usual: "?key=", "&sig=". */
export function isSecretParameter(name: string): boolean {
	return isSecretName(name) || PARAMETERS.has(wordsOf(name).at(-1) ?? "");
}

/** True if the secrets of this name are often in a file, so that a path is the path of a file. */
export function isOftenFile(name: string): boolean {
	return FILES.has(wordsOf(name).at(-1) ?? "");
}

/** "keyStorePassword2" -> key, store, password */
function wordsOf(name: string): string[] {
	return name
		.replace(/([a-z0-9])([A-Z])/g, "$1 $2")
		.toLowerCase()
		.split(/[^a-z0-9]+/)
		.map((word) => word.replace(/(?<=[a-z])\d+$/, ""))
		.filter((word) => word !== "");
}

function isSecretWord(word: string, before: string, isLast: boolean): boolean {
	if (word === "key" || word === "keys") return KEYS_OF.has(before);
	if (word === "tokens") return !COUNTS.has(before);
	if (word === "cookie" || word === "cookies") return isLast && before !== "load" && before !== "save";
	if (word.endsWith("auth")) return isLast && word !== "noauth" && word !== "preauth";
	if (word.endsWith("pass")) return !NO_PASSWORDS.has(word);
	return EXACT.has(word) || ENDINGS.test(word);
}

const ENDINGS =
	/(?:passwords?|passwd|passwort|passphrase|passcode|passkey|pwd|secrets?|secretstring|token|(?:api|auth|access|secret|private|shared|account|master|signing|encryption)key|psk|credentials?|authorization)$/;
const EXACT = new Set(["pw", "pin", "cred", "creds", "bearer", "jwt", "otp", "totp"]);
/* Words that end like a secret. */
const NO_PASSWORDS = new Set(["bypass", "compass", "encompass", "overpass", "surpass", "trespass", "underpass"]);
const KEYS_OF = new Set(
	(
		"access account admin api app application auth consumer decryption deploy encrypt encryption function functions " +
		"ingestion integration licence license master preshared private routing secret service session shared sign " +
		"signing storage subscription wep write"
	).split(" "),
);
const COUNTS = new Set([
	"max",
	"min",
	"num",
	"n",
	"count",
	"total",
	"limit",
	"completion",
	"output",
	"input",
	"predict",
]);
const PARAMETERS = new Set([
	"key",
	"sig",
	"signature",
	"code",
	"sid",
	"session",
	"sessionid",
	"ticket",
	"assertion",
	"hmac",
]);
const FILES = new Set([
	"key",
	"keys",
	"credential",
	"credentials",
	"creds",
	"cred",
	"cookie",
	"cookies",
	"pass",
	"secrets",
]);

/** Flags without a value: --no-password. */
const NEGATIONS = new Set(["no", "ask", "prompt", "without", "disable", "disabled"]);
/** A name that ends so has no secret as its value: --password-file, --token-ttl. */
const NEUTRAL_ENDS = new Set(
	(
		"file files path dir directory folder stdin fd env var prompt length size ttl expiry expires lifetime timeout name " +
		"type url uri endpoint issuer policy store source command cmd program helper format enabled required min max count " +
		"limit audience region version provider manager jar sock socket mode method algorithm"
	).split(" "),
);
