/** What creates or changes an overlay: the body of POST and PUT /v1/overlays. */
export interface OverlayRequest {
	/** Default: an unused one. */
	readonly name?: string;
	/** Default: the client. */
	readonly owner?: string;
	readonly reason?: string;
	/** A cgroup: an absolute path, or one below the watched cgroup. */
	readonly scope?: string | null;
	/** Time with a zone. */
	readonly until?: string | null;
	/** Duration such as 10m, instead of `until`. */
	readonly for?: string | null;
	/** Stay over a reboot. */
	readonly keep?: boolean;
	/** As in a group of a policy. */
	readonly rules: readonly unknown[];
}
