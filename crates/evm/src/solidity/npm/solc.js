#!/usr/bin/env node
// Makes the npm package `solc` answer as the native compiler does, as far as evmbench needs it:
//
//   solc.js --version         the last line is "Version: <semver>"
//   solc.js --standard-json   standard JSON in on stdin, standard JSON out on stdout, nothing else
//
// The package's own command line mixes remarks into stdout, so that its answer does not parse.
// There is no import callback: a source must be complete in itself.
"use strict";

const { readFileSync } = require("fs");

// Whatever a library logs must not end up in the answer.
console.log = console.error;
console.info = console.error;

// A process compiles once: V8's second compiler, which optimises code that runs for long, is left out.
require("v8").setFlagsFromString("--liftoff-only");

const solc = require("solc");

if (process.argv.includes("--version")) {
  process.stdout.write(`solc, the solidity compiler\nVersion: ${solc.version()}\n`);
} else if (process.argv.includes("--standard-json")) {
  process.stdout.write(solc.compile(readFileSync(0, "utf8")) + "\n");
} else {
  process.stderr.write("usage: solc.js --version | --standard-json\n");
  process.exitCode = 2;
}
