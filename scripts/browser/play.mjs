// Plays sessions to the module, as the milestones' programs would be played to through a pipe.
//
//     node play.mjs MACHINE MODULE < sessions.json > transcripts.json
//
// In: a list of { milestone, settings, steps }, where a step is { typed } or { restart: inOrder }. Out: what was said.
import fs from "node:fs";
import { webcrypto } from "node:crypto";

globalThis.crypto ??= webcrypto;
const [machine, module] = process.argv.slice(2);
const Machine = new Function(`${fs.readFileSync(machine, "utf8")}\nreturn Machine;`)();
const compiled = new WebAssembly.Module(fs.readFileSync(module));
const transcripts = JSON.parse(fs.readFileSync(0, "utf8")).map(({ milestone, settings, steps }) => {
  let said = "";
  const program = new Machine(compiled, (text) => (said += text));
  program.start(milestone, settings, false);
  for (const { typed, restart } of steps) {
    if (typed === undefined) program.restart(restart);
    else program.turn(typed);
  }
  return said;
});
fs.writeSync(1, JSON.stringify(transcripts));
