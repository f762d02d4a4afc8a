/** The demo's network and its policy: an agent may connect to its model's API, and to nothing else. */
import { DNS4 } from "../support/addresses.ts";
import type { Zone } from "../support/zone.ts";

export const API4 = "198.19.20.1";
export const API6 = "2001:db8:a:20::1";
export const EVIL4 = "198.19.66.1";
export const MAIL4 = "198.19.25.1";
export const NAMELESS4 = "198.19.99.9";
export const NAMELESS6 = "2001:db8:a:99::9";

export const ZONE: Zone = {
	"api.model.example": [{ type: "CNAME", data: "front.cdn.example", ttl: 60 }],
	"front.cdn.example": [
		{ type: "A", data: API4 },
		{ type: "AAAA", data: API6 },
	],
	/** Shares the API's front end, and so an address that the agent may connect to. */
	"paste.evil.example": [
		{ type: "A", data: API4 },
		{ type: "AAAA", data: API6 },
	],
	"drop.evil.example": [{ type: "A", data: EVIL4 }],
	"mail.shop.example": [{ type: "A", data: MAIL4 }],
	"pixel.ads.example": [{ type: "A", data: "198.19.67.1" }],
};

export const POLICY = `version: 1
mode: enforce
resolvers: [${DNS4}]
defaults: { dns: allow, connect: deny, tls: deny }
groups:
  - name: base
    priority: 10
    rules:
      - name: no-ads
        action: deny
        phases: dns
        to: { domain: "**.ads.example" }
      - name: no-smtp
        action: deny
        to: { ports: [25, 465, 587], protocol: tcp }
  - name: agent
    priority: 20
    rules:
      - name: model-api
        action: allow
        from: { unit: agent.service }
        to: { domain: "*.model.example", ports: [443, 8443] }
`;
