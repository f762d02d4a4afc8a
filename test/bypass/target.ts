/** Addresses and names of one row. No other row uses them, so rows cannot affect each other. */
import { address4, address6 } from "../support/zone.ts";

export interface Host {
	readonly name: string;
	readonly v4: string;
	readonly v6: string;
}

export interface Target {
	/** Allowed by the row's policy. */
	readonly good: Host;
	/** Also allowed, with another name and address. */
	readonly also: Host;
	/** Not allowed. DNS has its name. */
	readonly evil: Host;
	/** In no policy and in no zone. */
	readonly nameless: { readonly v4: string; readonly v6: string };
}

const host = (kind: "a" | "b" | "c", number: number): Host => ({
	name: `${kind}${number}.gen.test`,
	v4: address4(kind, number),
	v6: canonical(address6(kind, number)),
});

/** In the form of inet_ntop and of the daemon (RFC 5952). */
function canonical(address: string): string {
	return new URL(`http://[${address}]/`).hostname.slice(1, -1);
}

export function target(number: number): Target {
	return {
		good: host("a", number),
		also: host("c", number),
		evil: host("b", number),
		nameless: {
			v4: `198.19.${200 + (number >> 8)}.${number & 255}`,
			v6: canonical(`2001:db8:a:200::${number.toString(16)}`),
		},
	};
}
