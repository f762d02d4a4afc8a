/**
 * DNS that Sallyport cannot read. Over TLS (RFC 7858) and QUIC (RFC 9250) it has its own port. Over HTTPS (RFC 8484)
 * only the server's name or address distinguishes it from other HTTPS.
 *
 * The names and addresses are those of public DoH services: the list of the curl project
 * (https://github.com/curl/curl/wiki/DNS-over-HTTPS) and the servers that browsers offer (Chromium
 * net/dns/public/doh_provider_entry.cc, Firefox network.trr.resolvers), read in 2026. The list is never complete: it
 * has no private services.
 */

import { PROTOCOL } from "../native/layout.ts";

/** DoT over TCP, DoQ over UDP. */
export const ENCRYPTED_DNS_PORT = 853;

/** Domain patterns of a policy, in lower case. "**." in front matches one label or more. */
export const DOH_NAMES: readonly string[] = [
	/* Cloudflare */
	"cloudflare-dns.com",
	"**.cloudflare-dns.com",
	"one.one.one.one",
	"**.cloudflare-gateway.com",
	/* Google */
	"dns.google",
	"dns64.dns.google",
	"dns.google.com",
	/* Quad9 */
	"dns.quad9.net",
	"dns9.quad9.net",
	"dns10.quad9.net",
	"dns11.quad9.net",
	"dns12.quad9.net",
	/* Cisco */
	"doh.opendns.com",
	"doh.familyshield.opendns.com",
	"doh.sandbox.opendns.com",
	"doh.umbrella.com",
	"dns.umbrella.com",
	/* AdGuard */
	"dns.adguard.com",
	"dns-family.adguard.com",
	"dns-unfiltered.adguard.com",
	"dns.adguard-dns.com",
	"family.adguard-dns.com",
	"unfiltered.adguard-dns.com",
	"**.d.adguard-dns.com",
	/* NextDNS, ControlD, Mullvad, CleanBrowsing */
	"dns.nextdns.io",
	"**.dns.nextdns.io",
	"dns.controld.com",
	"**.dns.controld.com",
	"freedns.controld.com",
	"dns.mullvad.net",
	"**.dns.mullvad.net",
	"doh.mullvad.net",
	"adblock.doh.mullvad.net",
	"doh.cleanbrowsing.org",
	/* Others that browsers or systems offer */
	"doh.xfinity.com",
	"doh.cox.net",
	"dns.switch.ch",
	"dns0.eu",
	"zero.dns0.eu",
	"kids.dns0.eu",
	"open.dns0.eu",
	"protective.joindns4.eu",
	"unfiltered.joindns4.eu",
	"private.canadianshield.cira.ca",
	"protected.canadianshield.cira.ca",
	"family.canadianshield.cira.ca",
	"odvr.nic.cz",
	"doh.dns.apple.com",
	"public.dns.iij.jp",
	"doh.dns.sb",
	"doh.sb",
	/* Others */
	"dns.alidns.com",
	"doh.pub",
	"dns.pub",
	"doh.360.cn",
	"dns.twnic.tw",
	"101.101.101.101.twnic.tw",
	"common.dot.dns.yandex.net",
	"dns.hostux.net",
	"dnsforge.de",
	"ordns.he.net",
	"doh.ffmuc.net",
	"doh.libredns.gr",
	"doh.applied-privacy.net",
	"dns.digitale-gesellschaft.ch",
	"doh.tiar.app",
	"jp.tiar.app",
	"rdns.faelix.net",
];

/** Addresses that serve DoH on port 443. A client that is configured with one of them resolves no name. */
export const DOH_ADDRESSES: readonly string[] = [
	...["1.1.1.1", "1.0.0.1", "1.1.1.2", "1.0.0.2", "1.1.1.3", "1.0.0.3"],
	...["2606:4700:4700::1111", "2606:4700:4700::1001", "2606:4700:4700::1112", "2606:4700:4700::1002"],
	...["2606:4700:4700::1113", "2606:4700:4700::1003", "2606:4700:4700::64", "2606:4700:4700::6400"],
	...["8.8.8.8", "8.8.4.4", "2001:4860:4860::8888", "2001:4860:4860::8844"],
	...["2001:4860:4860::64", "2001:4860:4860::6464"],
	...["9.9.9.9", "9.9.9.10", "9.9.9.11", "9.9.9.12", "149.112.112.112", "149.112.112.9", "149.112.112.10"],
	...["149.112.112.11", "2620:fe::fe", "2620:fe::9", "2620:fe::10", "2620:fe::11"],
	...["208.67.222.222", "208.67.220.220", "208.67.222.123", "208.67.220.123", "2620:119:35::35", "2620:119:53::53"],
	...["94.140.14.14", "94.140.15.15", "94.140.14.15", "94.140.15.16", "94.140.14.140", "94.140.14.141"],
	...["223.5.5.5", "223.6.6.6", "1.12.12.12", "120.53.53.53"],
];

export type EncryptedDns = "dot" | "doq" | "doh";

const NAMES: ReadonlySet<string> = new Set(DOH_NAMES.filter((name) => !name.startsWith("**.")));
const BELOW: readonly string[] = DOH_NAMES.filter((name) => name.startsWith("**.")).map((name) => name.slice(2));
const ADDRESSES: ReadonlySet<string> = new Set(DOH_ADDRESSES);

/**
 * The kind of encrypted DNS that a connection appears to be, or null.
 *
 * @param protocol IANA protocol number
 * @param address called only if needed; text as addressText() of src/base/address.ts writes it
 * @param name in lower case, or null
 */
export function encryptedDns(
	protocol: number,
	address: () => string,
	port: number,
	name: string | null,
): EncryptedDns | null {
	if (port === ENCRYPTED_DNS_PORT) return protocol === PROTOCOL.tcp ? "dot" : protocol === PROTOCOL.udp ? "doq" : null;
	if (protocol !== PROTOCOL.tcp && protocol !== PROTOCOL.udp) return null;
	if (name !== null && isDohName(name)) return "doh";
	return port === HTTPS_PORT && ADDRESSES.has(address()) ? "doh" : null;
}

/** @param name in lower case, without a trailing dot */
export function isDohName(name: string): boolean {
	return NAMES.has(name) || BELOW.some((suffix) => name.endsWith(suffix) && name.length > suffix.length);
}

const HTTPS_PORT = 443;
