/** The value that replaces a secret. */
export const REDACTED = "***";

/** Replaces credentials that are known by their own form, wherever they are. */
export function redactTokens(text: string): string {
	if (text.length < SHORTEST) return text;
	return text
		.replace(PREFIXED, REDACTED)
		.replace(PRIVATE_KEY, `$1${REDACTED}`)
		.replace(SCHEMES, (_all, scheme: string) => `${scheme} ${REDACTED}`)
		.replace(WEBHOOK, `$1${REDACTED}`)
		.replace(AWS_SECRET, (found) => (isMixed(found) ? REDACTED : found));
}

/** Replaces the beginning of a secret at the end of a command line that the kernel has cut. */
export function redactCutEnd(text: string): string {
	return text
		.replace(/(:\/\/[^/?#@\s]*?:)(?!\d+$)[^@\s]+$/, `$1${REDACTED}`)
		.replace(/[A-Za-z0-9/+_-]{12,}$/, (found) => (isMixed(found) ? REDACTED : found));
}

/* [characters] */
const SHORTEST = 8;

/**
 * Prefixes of the issuers. AWS key ids; GitHub; GitLab; Slack; OpenAI, Anthropic and Stripe; JWT (a JSON object in base64url); Google;
 * npm; PyPI; Docker Hub; Hugging Face; SendGrid; Shopify; DigitalOcean; Vault; age; Atlassian; Linear; Databricks; Grafana; Tailscale;
 * Docker Swarm; New Relic; Square; Terraform Cloud; Telegram.
 */
const PREFIXED = new RegExp(
	`(?<![A-Za-z0-9])(?:${[
		"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{8,}",
		"gh[pousr]_[A-Za-z0-9_]{4,}",
		"github_pat_[A-Za-z0-9_]{4,}",
		"gl(?:pat|dt|rt|cbt|ptt|ft|soat|imt|agent|ffct)-[\\w.-]{4,}",
		"xox[a-z]-[\\w-]{4,}",
		"xapp-\\d[\\w-]{4,}",
		"sk-[\\w-]{16,}",
		"(?:sk|rk|pk)_(?:live|test)_\\w{4,}",
		"whsec_\\w{4,}",
		"eyJ[\\w-]{6,}(?:\\.[\\w-]*){0,4}",
		"AIza[\\w-]{20,}",
		"ya29\\.[\\w.-]{4,}",
		"GOCSPX-[\\w-]{4,}",
		"npm_[A-Za-z0-9]{16,}",
		"pypi-[\\w-]{16,}",
		"dckr_(?:pat|oat)_[\\w-]{4,}",
		"hf_[A-Za-z0-9]{16,}",
		"SG\\.[\\w-]{10,}(?:\\.[\\w-]*)?",
		"shp(?:at|ss|ca|pa)_\\w{4,}",
		"do[por]_v1_\\w{4,}",
		"hv[sbr]\\.[\\w-]{4,}",
		"AGE-SECRET-KEY-1\\w{4,}",
		"AT(?:ATT|CTT)3[\\w=-]{8,}",
		"lin_api_\\w{4,}",
		"dapi[0-9a-f]{16,}(?:-\\d)?",
		"gl(?:sa|c)_[\\w=]{8,}",
		"tskey-[\\w-]{4,}",
		"SWMTKN-[\\w-]{4,}",
		"NRAK-\\w{4,}",
		"sq0(?:atp|csp)-[\\w-]{4,}",
		"[A-Za-z0-9]{14}\\.atlasv1\\.[\\w-]{4,}",
		"\\d{8,10}:AA[\\w-]{30,}",
	].join("|")})`,
	"g",
);
/* RFC 7468. It ends with its last line, or is cut. */
const PRIVATE_KEY = /(-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----)(?:(?!-----END)[\s\S])*/g;
/* RFC 9110, 11.4: a scheme and its credentials. */
const SCHEMES = /\b(Bearer|Basic|Negotiate|SSWS|GenieKey|Token)\s+(?:token=)?(?!\*\*\*)[A-Za-z0-9._~+/=-]{8,}/gi;
const WEBHOOK = /(hooks\.slack\.com\/services\/|discord(?:app)?\.com\/api\/webhooks\/)[\w/-]+/g;
/* 40 characters of base64. Hashes of git have as many, but only hexadecimal digits. */
const AWS_SECRET = /(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])/g;

function isMixed(text: string): boolean {
	return /[a-z]/.test(text) && /[A-Z]/.test(text) && /\d/.test(text);
}
