import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { rolldown } from "rolldown";
import { ROOT } from "../command.mjs";

/**
 * The daemon as a handful of JavaScript files. Against the tree of sources and node_modules it starts in a third of the time and needs a
 * third less memory, because Node has neither types to remove nor a thousand files to look for.
 */
export async function bundle(into) {
	const threads = ["store/writer", "store/reader", "enforce/policy-worker"];
	const input = Object.fromEntries(["main", ...threads].map((file) => [basename(file), `${ROOT}/src/${file}.ts`]));
	const build = await rolldown({ input, platform: "node", external: [/\.node$/], plugins: [places(threads)] });
	const names = { entryFileNames: "[name].js", chunkFileNames: "[name]-[hash].js" };
	const { output } = await build.write({ dir: `${into}/lib`, format: "esm", minify: { compress: true }, ...names });
	await build.close();
	swaggerUi(`${into}/swagger-ui`);
	return packagesOf(output.flatMap(({ moduleIds = [] }) => moduleIds));
}

/* What is found by its place in the tree is found by its place in the package. */
function places(threads) {
	const thread = new RegExp(`"\\./(${threads.map((file) => basename(file)).join("|")})\\.ts"`, "g");
	return {
		name: "places",
		transform(code, id) {
			if (id.startsWith(`${ROOT}/src/`)) {
				return code
					.replaceAll(thread, '"./$1.js"')
					.replace("../../native/build/Release/sallyport.node", "../sallyport.node")
					.replace("../../package.json", "../package.json");
			}
			if (!id.includes("/@fastify/swagger-ui/")) return null;
			return code
				.replace("path.join(__dirname, '..', 'static')", "path.join(process.execPath, '..', 'swagger-ui')")
				.replace(
					"path.join(__dirname, './static/logo.svg')",
					"path.join(process.execPath, '..', 'swagger-ui/logo.svg')",
				);
		},
	};
}

/* Of the page, what its routes serve: not the build without its libraries. */
function swaggerUi(into) {
	const from = `${ROOT}/node_modules/@fastify/swagger-ui/static`;
	cpSync(from, into, { recursive: true, filter: (file) => !/swagger-ui\.js$|\.map$/.test(file) });
}

/* Folders of the npm packages that went in. */
function packagesOf(modules) {
	const folders = modules.map((id) => /^\0?(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1]);
	return [...new Set(folders.filter((folder) => folder !== undefined))].sort();
}

/** Whose work the package holds, and under which terms. */
export function writeNotices(packages, node, file) {
	const parts = packages.map((folder) => {
		const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
		const terms = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
		const text = terms === undefined ? "" : `\n${readFileSync(`${folder}/${terms}`, "utf8").trim()}\n`;
		return `${name} ${version}: ${license}\n${text}`;
	});
	const line = `\n${"-".repeat(80)}\n`;
	const libraries = ["libbpf1", "libelf1", "zlib1g"].map(
		(name) => `${name}\n\n${readFileSync(`/usr/share/doc/${name}/copyright`, "utf8").trim()}\n`,
	);
	const engine = `Node.js\n\n${readFileSync(`${node}/LICENSE`, "utf8").trim()}\n`;
	writeFileSync(file, [...parts, ...libraries, engine].join(line));
}
