import { sentence } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { countText } from "../base/text.ts";
import type { Kernel } from "../native/binding.ts";
import { writeRoot } from "./open-kernel.ts";

export interface AttachmentOptions {
	readonly kernel: Pick<Kernel, "linkFaults" | "pinFaults" | "attach" | "lookup" | "update">;
	/** Id of the watched cgroup, which changes when the cgroup is made again. */
	readonly cgroupId: () => number;
	readonly log: Logger;
}

/**
 * Keeps the programs attached and pinned. Another tool can detach or unpin a link, or replace a pin, and the kernel
 * detaches all links when the watched cgroup is removed, as systemd does when a unit stops.
 */
export class Attachment {
	/** Times that programs were attached again. */
	repairs = 0;
	/** Why packets are not judged, or a restart would not take over; null: all is well. */
	problem: string | null = null;
	readonly #o: AttachmentOptions;
	#looks = 0;

	constructor(options: AttachmentOptions) {
		this.#o = options;
	}

	/** Asks the kernel, and attaches programs that are not attached. */
	look(): void {
		const { log } = this.#o;
		const before = this.problem;
		try {
			this.problem = this.#repaired();
		} catch (error) {
			this.problem = `the programs cannot be attached: ${sentence(error)}`;
		}
		if (this.problem === before) return;
		if (this.problem === null) log.info("the programs are attached again");
		else log.error("packets are not judged, or will not be after a restart", { cause: this.problem });
	}

	#repaired(): string | null {
		const { kernel, cgroupId, log } = this.#o;
		const faults = kernel.linkFaults();
		const pins = this.#looks++ % PINS_EVERY === 0 || this.problem !== null ? kernel.pinFaults() : [];
		if (faults.length + pins.length === 0) return null;
		if (faults.length > 0)
			log.error("programs were not attached", {
				programs: faults.map(({ program, fault }) => `${program}: ${fault}`),
			});
		if (pins.length > 0)
			log.error("pins were removed or replaced; the next start would have used what is there", {
				pins: pins.slice(0, SHOWN).map(({ pin, fault }) => `${pin}: ${fault}`),
				count: pins.length,
			});
		if (faults.length > 0) writeRoot(kernel, cgroupId());
		kernel.attach();
		this.repairs++;
		const left = kernel.linkFaults();
		if (left.length > 0)
			return `${countText(left.length, "program")} cannot be attached: ${left.map(({ program, fault }) => `${program} (${fault})`).join(", ")}`;
		const lost = kernel.pinFaults();
		return lost.length === 0 ? null : `${countText(lost.length, "pin")} cannot be restored`;
	}
}

/** Looks from one at the pins to the next. They are some seventy, and no packet depends on them. */
const PINS_EVERY = 5;
/** Pins in one entry of the log. */
const SHOWN = 10;
