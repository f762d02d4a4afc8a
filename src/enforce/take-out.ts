import { rmSync } from "node:fs";
import type { Kernel } from "../native/binding.ts";

/** Nothing of Sallyport is left in the kernel once the handles are closed. The folder itself stays if it is not ours to remove. */
export function takeOut(kernel: Pick<Kernel, "detach">, pins: string): void {
	kernel.detach();
	try {
		rmSync(pins, { recursive: true, force: true });
	} catch (error) {
		if (!["EACCES", "EPERM", "EBUSY"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
	}
}
