/** Numbers of the IANA registry "DNS Parameters", resource record types. */
export const QUERY_TYPE = { a: 1, aaaa: 28 } as const;
