/** Names and addresses of the tests' network. Fixed ones are in 198.19.0.0/16, generated ones in 198.18.0.0/16. */
import type { Zone } from "./zone.ts";

export const EDGE4 = "198.19.1.1";
export const EDGE6 = "2001:db8:a:ff::1";
export const WWW4 = "198.19.1.2";
export const WWW6 = "2001:db8:a:ff::2";
export const BAD4 = "198.19.2.1";
export const BAD6 = "2001:db8:a:bad::1";
/** An address without a name. */
export const NAMELESS4 = "198.19.9.9";
export const NAMELESS6 = "2001:db8:a:9::9";

const both = (v4: string, v6: string) =>
	[
		{ type: "A", data: v4 },
		{ type: "AAAA", data: v6 },
	] as const;

export const ZONE: Zone = {
	/** An alias of two steps, as content delivery networks have. */
	"api.good.test": [{ type: "CNAME", data: "api.edge.example" }],
	"api.edge.example": [{ type: "CNAME", data: "pop7.edge.example", ttl: 5 }],
	"pop7.edge.example": both(EDGE4, EDGE6),
	"www.good.test": both(WWW4, WWW6),
	/** Shares its address with api.good.test, as names behind one front end do. */
	"shared.good.test": both("198.19.1.3", "2001:db8:a:ff::3"),
	"neighbour.bad.test": both(EDGE4, EDGE6),
	"www.bad.test": both(BAD4, BAD6),
	"four.good.test": [{ type: "A", data: "198.19.1.4" }],
	"six.good.test": [{ type: "AAAA", data: "2001:db8:a:ff::6" }],
};
