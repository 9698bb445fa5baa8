// Plays sessions to the module, as the milestones' programs would be played to through a pipe.
//
//     node play.mjs MODULE < sessions.json > transcripts.json
//
// In: a list of { milestone, settings, steps }, where a step is { typed }, { restart: inOrder } or { file, text }. Out:
// what was said.
import fs from "node:fs";
import { Machine, compile } from "./load.mjs";

const module = compile(process.argv[2]);
const transcripts = JSON.parse(fs.readFileSync(0, "utf8")).map(({ milestone, settings, steps }) => {
  let said = "";
  const program = new Machine(module, (text) => (said += text));
  program.start(milestone, settings, false);
  for (const { typed, restart, file, text } of steps) {
    if (file !== undefined) program.give(file, text);
    else if (typed === undefined) program.restart(restart);
    else program.turn(typed);
  }
  return said;
});
fs.writeSync(1, JSON.stringify(transcripts));
