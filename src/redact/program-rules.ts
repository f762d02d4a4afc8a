/**
 * The kind of a flag's value. secret: all of it. login: user:secret. token: user:secret, or a secret. percent: user%secret. comma: user,secret. slash: user/secret.
 * cookie: NAME=VALUE, or the name of a file. literal: NAME=secret, whatever the name.
 */
export type ValueKind = "secret" | "login" | "token" | "percent" | "comma" | "slash" | "cookie" | "literal";

/** Secrets in the command line of a program that its flags' names do not show. */
export interface ProgramRules {
	readonly names: RegExp;
	/** By flag, with its dashes. The value of a flag of one letter may be attached: -pSECRET. */
	readonly flags?: Readonly<Record<string, ValueKind>>;
	/** Flags whose value is only ever attached: a word after them is something else. */
	readonly attached?: true;
	/** The flags have their meaning only after one of these words. */
	readonly after?: RegExp;
	/** Letters of flags that have a value, where flags can be written together: -sSu user:secret. */
	readonly valued?: string;
	/** By word: the number of words after it that are no secrets. All others after them are. */
	readonly words?: Readonly<Record<string, number>>;
	/** Words that are logins. */
	readonly logins?: ValueKind;
	/** After one of these words, values of NAME=VALUE are secrets. */
	readonly literals?: RegExp;
	/** With a flag that matches, the last word is a secret. */
	readonly last?: RegExp;
	/** It runs the command that begins with the first word. */
	readonly wrapper?: true;
}

/** The rules of a program, by the name of its file. */
export function rulesOf(program: string): readonly ProgramRules[] {
	return ANY.test(program) ? PROGRAMS.filter(({ names }) => names.test(program)) : [];
}

const PROGRAMS: readonly ProgramRules[] = [
	{
		names: /^curl$/,
		flags: {
			...{ "-u": "login", "--user": "login", "-U": "login", "--proxy-user": "login" },
			...{ "-b": "cookie", "--cookie": "cookie", "-E": "login", "--cert": "login", "--proxy-cert": "login" },
		},
		valued: "AcCdDeFhHKmoPQrtTwxXyYz",
	},
	{
		names: /^(?:https?|xhs?|ab)$/,
		flags: { "-a": "token", "--auth": "token", "-A": "login", "-P": "login", "-C": "cookie" },
	},
	{
		names:
			/^(?:mysql|mariadb)(?:dump|admin|import|check|show|slap|binlog|pump|sh|-\w+)?$|^mysql_\w+$|^xtrabackup$|^innobackupex$/,
		flags: { "-p": "secret" },
		attached: true,
	},
	{
		names: /^(?:my|ms|lite)cli$|^cqlsh$|^clickhouse(?:-client)?$|^arangosh$|^rabbitmqadmin$/,
		flags: { "-p": "secret" },
	},
	{ names: /^mongo(?:sh|dump|restore|export|import|stat|top|files|imp)?$/, flags: { "-p": "secret" } },
	{
		names: /^(?:redis|valkey|keydb)-(?:cli|benchmark)$|^memtier_benchmark$/,
		flags: { "-a": "secret" },
		words: { auth: 0, requirepass: 0, masterauth: 0, setuser: 1, hello: 2 },
	},
	{ names: /^(?:redis|valkey|keydb)-server$/, flags: { "--requirepass": "secret", "--masterauth": "secret" } },
	{ names: /^sshpass$/, flags: { "-p": "secret" }, wrapper: true },
	{ names: /^openssl$/, flags: { "-k": "secret", "-K": "secret", "-hmac": "secret" } },
	{
		names:
			/^(?:docker|podman|nerdctl|buildah|skopeo|helm|oras|crane|regctl|oc|cf|az|twine|poetry|flit|hatch|doctl|glab|gh|argocd|rancher|ibmcloud)$/,
		flags: { "-p": "secret", "--creds": "login", "--src-creds": "login", "--dest-creds": "login", "-t": "secret" },
		after: /^(?:login|auth|upload|publish)$/,
	},
	{ names: /^cf$/, words: { auth: 1 } },
	{ names: /^gh$/, flags: { "-b": "secret", "--body": "secret" }, after: /^secret$/ },
	{ names: /^(?:kubectl|oc|k3s|microk8s)$/, flags: { "--from-literal": "literal" }, after: /^secret$/ },
	{
		names: /^vault$|^bao$/,
		words: { login: 0, unseal: 0, unwrap: 0, lookup: 0, revoke: 0, renew: 0 },
		literals: /^(?:put|write|patch|login)$/,
	},
	{ names: /^aws$/, flags: { "--value": "secret" }, after: /^SecureString$/ },
	{ names: /^(?:zip|unzip|zipcloak|funzip)$/, flags: { "-P": "secret" } },
	{ names: /^(?:7z[arz]?|rar|unrar)$/, flags: { "-p": "secret", "-hp": "secret" }, attached: true },
	{
		names: /^(?:sqlcmd|bcp|osql|tsql|bsqldb|freebcp|isql-fb|ipmitool|mosquitto_(?:pub|sub|rr))$/,
		flags: { "-P": "secret" },
	},
	{ names: /^ssh-keygen$/, flags: { "-N": "secret", "-P": "secret" } },
	{ names: /^snmp\w+$/, flags: { "-c": "secret", "-A": "secret", "-X": "secret" } },
	{ names: /^ldap(?:search|modify|add|delete|whoami|compare|modrdn|exop|url)$/, flags: { "-w": "secret" } },
	{ names: /^ldappasswd$/, flags: { "-w": "secret", "-s": "secret", "-a": "secret" } },
	{
		names: /^(?:smbclient|rpcclient|net|smbget|smbcacls|smbtree|winexe|wmic|samba-tool)$/,
		flags: { "-U": "percent", "--user": "percent", "-A": "cookie" },
	},
	{
		names: /^(?:smbmap|crackmapexec|cme|nxc|netexec|evil-winrm|hydra|medusa|psexec)(?:\.py)?$/,
		flags: { "-p": "secret", "-H": "secret" },
	},
	{ names: /^(?:plink|pscp|psftp|putty)(?:\.exe)?$/, flags: { "-pw": "secret" } },
	{ names: /^lftp$/, flags: { "-u": "comma", "--user": "comma" } },
	{ names: /^ncftp(?:put|get|ls)?$|^wput$/, flags: { "-p": "secret" } },
	{ names: /^x?freerdp\d?$|^rdesktop$/, flags: { "-p": "secret", "/p": "secret" } },
	{ names: /^(?:sqlplus|sqlldr|expdp?|impdp?|rman|sql)$/, logins: "slash" },
	{ names: /^(?:useradd|usermod|adduser)$/, flags: { "-p": "secret" } },
	{ names: /^htpasswd$/, last: /^-[a-zA-Z]*b/ },
	{ names: /^isql$/, words: { isql: 2 } },
	{ names: /^net$/, words: { user: 1 } },
	{ names: /^(?:vercel|now|netlify|fly|flyctl)$/, flags: { "-t": "secret" } },
	{ names: /^pulumi$/, words: { set: 0 } },
	{ names: /^iw$/, words: { key: 0, keys: 0 } },
	{ names: /^wpa_passphrase$/, words: { wpa_passphrase: 1 } },
	{ names: /^rabbitmqctl$/, words: { add_user: 1, change_password: 1, authenticate_user: 1 } },
	{ names: /^(?:mc|mcli)$/, words: { set: 2, add: 2 } },
	{ names: /^(?:cargo|snyk|hub|surge|heroku)$/, words: { login: 0, auth: 0 } },
	{ names: /^(?:bw|rbw)$/, words: { login: 1, unlock: 0 } },
	{ names: /^ngrok$/, words: { authtoken: 0, "add-authtoken": 0 } },
	{ names: /^nmcli$/, words: { password: 0, "wifi-sec.psk": 0, "802-11-wireless-security.psk": 0 } },
	{ names: /^security$/, flags: { "-w": "secret", "-p": "secret" } },
	{ names: /^rclone$/, words: { obscure: 0 } },
];

const ANY = new RegExp(PROGRAMS.map(({ names }) => names.source).join("|"));

/** Programs whose `--user` is a user and a group. */
export const USER_AND_GROUP =
	/^(?:docker|podman|nerdctl|runc|crun|kubectl|chroot|unshare|setpriv|systemd-run|rsync|install|cp|tar)$/;
