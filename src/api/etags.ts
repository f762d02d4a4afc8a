import type { FastifyRequest } from "fastify";

/** Whether `If-Match` allows the thing with this ETag to be replaced; a null ETag is unknown. */
export function replaceable({ headers }: FastifyRequest): (etag: string | null) => boolean {
	const ifMatch = headers["if-match"];
	return (etag) => ifMatch === undefined || (etag !== null && matchesTag(ifMatch, etag));
}

/* RFC 9110, 13.1.1: a list of tags, or "*"; the comparison is strong, so weak tags never match. */
export function matchesTag(header: string, etag: string): boolean {
	return header.trim() === "*" || header.split(",").some((tag) => tag.trim() === etag);
}
