/** The tests' certificate authority, and one server certificate for all names. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { must } from "./run.ts";

export interface Certificates {
	readonly ca: string;
	readonly key: string;
	readonly cert: string;
}

const NAMES = ["gen.test", "good.test", "bad.test", "test", "model.example", "shop.example", "evil.example"].map(
	(domain) => `DNS:*.${domain}`,
);

export function makeCertificates(folder: string): Certificates {
	const at = (name: string) => join(folder, name);
	const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
	must(
		"openssl",
		"req",
		"-x509",
		...ec,
		"-keyout",
		at("ca.key"),
		"-out",
		at("ca.pem"),
		"-subj",
		"/CN=Sallyport test CA",
	);
	must("openssl", "req", ...ec, "-keyout", at("server.key"), "-out", at("server.csr"), "-subj", "/CN=server.test");
	writeFileSync(at("san.ext"), `subjectAltName=${NAMES.join(",")}\n`);
	must(
		"openssl",
		"x509",
		"-req",
		"-in",
		at("server.csr"),
		"-CA",
		at("ca.pem"),
		"-CAkey",
		at("ca.key"),
		"-set_serial",
		"1",
		"-days",
		"2",
		"-extfile",
		at("san.ext"),
		"-out",
		at("server.pem"),
	);
	return { ca: at("ca.pem"), key: at("server.key"), cert: at("server.pem") };
}
