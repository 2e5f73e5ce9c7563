// Builds npm packages from a built program and the helpers for JavaScript:
//
//     node packaging/npm.mjs --bin PATH --out dist                         the package of this platform, and the main one
//     node packaging/npm.mjs --bin PATH --out dist --platform darwin-arm64
//
//     node packaging/npm.mjs --bin PATH --out dist --all-platforms         the main one as a registry gets it
//
// The main package names the package of its platform as an optional dependency, or with --all-platforms one for each, of
// which npm installs the one that fits. `npm ci` wants all that are named to be somewhere.

import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { PLATFORMS, packageOf } from "../integrations/js/program.js";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values: given } = parseArgs({
  options: {
    bin: { type: "string" },
    out: { type: "string" },
    "all-platforms": { type: "boolean", default: false },
    platform: { type: "string", default: `${process.platform}-${process.arch}` },
  },
});
if (!given.bin || !given.out) throw new Error("name the program and the folder: --bin PATH --out DIR");
if (!PLATFORMS.includes(given.platform)) throw new Error(`${given.platform} is none of ${PLATFORMS.join(", ")}`);

const main = JSON.parse(readFileSync(join(root, "integrations/js/package.json"), "utf8"));
const version = /^version = "(.*)"$/m.exec(readFileSync(join(root, "Cargo.toml"), "utf8"))[1];
if (main.version !== version) throw new Error(`integrations/js/package.json is ${main.version}, and Cargo.toml is ${version}`);

const out = resolve(given.out);
mkdirSync(out, { recursive: true });
const work = mkdtempSync(join(tmpdir(), "npm-"));

/** Packs a folder with this manifest. */
function pack(folder, manifest) {
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest, null, 2) + "\n");
  copyFileSync(join(root, "LICENSE-MIT"), join(folder, "LICENSE-MIT"));
  const name = execFileSync("npm", ["pack", "--silent", "--pack-destination", out], { cwd: folder, encoding: "utf8" });
  console.log(join(out, name.trim()));
}

const [os, cpu] = given.platform.split("-");
const name = os === "win32" ? "airudder-mock.exe" : "airudder-mock";
const platform = join(work, "platform");
mkdirSync(platform);
copyFileSync(given.bin, join(platform, name));
chmodSync(join(platform, name), 0o755);
writeFileSync(join(platform, "README.md"), `The program of airudder-mock for ${given.platform}. Install airudder-mock instead.\n`);
pack(platform, {
  name: packageOf(given.platform),
  version,
  description: `The program of airudder-mock for ${given.platform}`,
  license: main.license,
  os: [os],
  cpu: [cpu],
  files: [name],
});

const helpers = join(work, "main");
cpSync(join(root, "integrations/js"), helpers, { recursive: true });
rmSync(join(helpers, "test"), { recursive: true });
delete main.scripts;
main.optionalDependencies = Object.fromEntries(
  (given["all-platforms"] ? PLATFORMS : [given.platform]).map((one) => [packageOf(one), version]),
);
pack(helpers, main);
rmSync(work, { recursive: true });
