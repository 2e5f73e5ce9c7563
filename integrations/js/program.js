// Finds the program: it is in the package of this platform, which npm installs beside this one.

import { createRequire } from "node:module";

/** The platforms that have a package. */
export const PLATFORMS = ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64", "win32-x64"];

/** The package of a platform. */
export const packageOf = (platform) => `airudder-mock-${platform}`;

/** The path of the program: AIRUDDER_MOCK_BIN, the one of the package, or a name for the PATH. */
export function program() {
  if (process.env.AIRUDDER_MOCK_BIN) return process.env.AIRUDDER_MOCK_BIN;
  const name = process.platform === "win32" ? "airudder-mock.exe" : "airudder-mock";
  try {
    return createRequire(import.meta.url).resolve(`${packageOf(`${process.platform}-${process.arch}`)}/${name}`);
  } catch (error) {
    if (error.code !== "MODULE_NOT_FOUND") throw error;
    return name;
  }
}
