#!/usr/bin/env node
// The command `airudder-mock` of the npm package: starts the program of this platform, and ends as it does.

import { spawn } from "node:child_process";

import { PLATFORMS, packageOf, program } from "./program.js";

const path = program();
const child = spawn(path, process.argv.slice(2), { stdio: "inherit" });
// Ctrl-C in a terminal reaches both; the program decides when it is over.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("error", (error) => {
  const platform = `${process.platform}-${process.arch}`;
  const why = PLATFORMS.includes(platform)
    ? `the package ${packageOf(platform)} is missing: install without --omit=optional`
    : `there is no package for ${platform}: build it from source`;
  console.error(error.code === "ENOENT" ? `airudder-mock: ${why}, or name the program by AIRUDDER_MOCK_BIN` : `${path}: ${error.message}`);
  process.exit(3);
});
child.on("exit", (code, signal) => {
  if (signal === null) process.exit(code);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});
