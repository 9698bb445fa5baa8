// The machine, for Node: in a page its two files are one script.
import fs from "node:fs";
import { webcrypto } from "node:crypto";

globalThis.crypto ??= webcrypto;
const source = ["files.js", "machine.js"].map((name) => fs.readFileSync(new URL(name, import.meta.url), "utf8"));
export const Machine = new Function(`${source.join("\n")}\nreturn Machine;`)();

export function compile(path) {
  return new WebAssembly.Module(fs.readFileSync(path));
}
