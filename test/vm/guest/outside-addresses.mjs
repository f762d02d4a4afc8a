/** Addresses, ports and names outside the host. */
export const OUTSIDE = "198.51.100.1";
export const PORTS = { allowed: 7001, denied: 7002 };
/** More addresses, and the names that DNS has for them. */
export const ADDRESSES = { allowed: "198.51.100.11", denied: "198.51.100.12" };
export const NAMES = { allowed: "allowed.example", denied: "denied.example", alias: "alias.example" };
