// What a page does to a program beside typing: it ends it, starts it again, and goes on with it in another page.
//
//     MODULE=… node --test trials.test.mjs
import assert from "node:assert/strict";
import { test } from "node:test";
import { Machine, compile } from "./load.mjs";

const module = compile(process.env.MODULE);
const MILESTONES = [1, 2, 3, 4, 5];

// A table of one row, and how it is read.
const MAKE = (milestone) =>
  milestone === 5
    ? "CREATE TABLE t (a integer);\nINSERT INTO t VALUES (4711);\n"
    : `create t (a integer)\ninsert t (4711)\n${milestone === 1 ? "sync\n" : ""}`;
const READ = (milestone) => (milestone === 5 ? "SELECT * FROM t;\n" : "scan t\n");

class Trial {
  constructor(milestone, settings = "") {
    this.machine = new Machine(module, (text, isError) => this.say(text, isError));
    this.milestone = milestone;
    this.forget();
    if (settings === null) return;
    assert.ok(this.does("start", milestone, settings, true), `milestone ${milestone} does not start`);
  }

  say(text, isError) {
    this.said += text;
    if (isError) this.errors += text;
  }

  forget() {
    this.said = "";
    this.errors = "";
  }

  // As a page's worker does it; what is said stays until the next call.
  does(call, ...values) {
    this.forget();
    const goesOn = this.machine[call](...values);
    this.changes = this.machine.changes();
    return goesOn;
  }

  has(text) {
    assert.ok(this.said.includes(text), `milestone ${this.milestone}: no ${JSON.stringify(text)} in ${this.said.slice(-500)}`);
  }

  reads() {
    assert.ok(this.does("turn", READ(this.milestone)));
    this.has("4711");
    assert.equal(this.errors, "");
  }
}

// What a store makes of the changes it was told.
class Kept {
  constructor() {
    this.pieces = new Map();
  }

  add({ size, pieces, files }) {
    this.size = size;
    this.files = files;
    for (const [number, piece] of pieces) this.pieces.set(number, piece);
  }
}

for (const milestone of MILESTONES) {
  test(`milestone ${milestone}: a program that has ended is started again on its disk`, () => {
    const trial = new Trial(milestone);
    assert.ok(trial.does("turn", MAKE(milestone)));
    for (const inOrder of [true, false]) {
      assert.equal(trial.does("turn", "\\q\n"), false);
      trial.has("Goodbye!");
      assert.equal(trial.does("turn", READ(milestone)), false);
      assert.ok(trial.does("restart", inOrder));
      trial.reads();
    }
  });

  test(`milestone ${milestone}: what recovery has done is no error`, () => {
    const trial = new Trial(milestone);
    trial.does("turn", MAKE(milestone));
    assert.ok(trial.does("restart", false));
    if (milestone > 1) trial.has("Recovered: ");
    assert.equal(trial.errors, "");
    trial.does("turn", milestone === 5 ? "nonsense;\n" : "nonsense\n");
    assert.notEqual(trial.errors, "");
  });

  test(`milestone ${milestone}: a framed result that memory has no room for`, () => {
    const trial = new Trial(milestone);
    const text = "x".repeat(7000);
    const rows = Array.from({ length: 100 }, () => (milestone === 5 ? `('${text}')` : `('${text}')`));
    trial.does("turn", milestone === 5 ? "CREATE TABLE wide (a text);\n" : "create wide (a text)\n");
    for (let more = 0; more < 13; more += 1) {
      assert.ok(trial.does("turn", milestone === 5 ? `INSERT INTO wide VALUES ${rows};\n` : `insert wide ${rows}\n`));
      assert.equal(trial.errors, "");
    }
    assert.ok(trial.does("turn", milestone === 5 ? "SELECT * FROM wide;\n" : "scan wide\n"));
    assert.equal(trial.errors, "");
    trial.has("(1300 rows)");
    assert.ok(trial.said.length > 9_000_000);
    assert.equal(trial.said.match(/│ [^\n]*xxx/g).length, 1300);
    assert.equal(trial.machine.files.used(), 0);
    for (const inOrder of [true, false]) assert.ok(trial.does("restart", inOrder));
    // Where there is no room for it, that is said.
    trial.machine.files.put("large", new Uint8Array(256 << 20));
    assert.ok(trial.does("turn", milestone === 5 ? "SELECT * FROM wide;\n" : "scan wide\n"));
    assert.match(trial.errors, /temporary file/);
  });

  test(`milestone ${milestone}: after a trap there is a fresh instance, on the same disk`, () => {
    const trial = new Trial(milestone);
    trial.does("turn", MAKE(milestone));
    trial.does("turn", milestone === 1 || milestone === 5 ? "" : "begin\ninsert t (4712)\n");
    const say = trial.machine.say;
    let words = 0;
    trial.machine.say = (text, isError) => {
      words += 1;
      // In the middle of a call, as a trap would be.
      if (words === 1) throw new WebAssembly.RuntimeError("unreachable");
      say(text, isError);
    };
    assert.ok(trial.does("turn", READ(milestone)));
    assert.match(trial.errors, /crashed, which is a bug: unreachable/);
    trial.has("It starts again, on its disk as it was before this line.");
    trial.reads();
    assert.ok(!trial.said.includes("4712"));
    assert.ok(trial.does("restart", true));
  });

  test(`milestone ${milestone}: another page goes on where this one was`, () => {
    const kept = new Kept();
    let trial = new Trial(milestone, "--segment-size 64kB");
    kept.add(trial.changes);
    trial.does("turn", MAKE(milestone));
    kept.add(trial.changes);
    trial.does("turn", milestone === 5 ? "BEGIN;\nINSERT INTO t VALUES (4712);\nSELECT\n" : "insert t (4712),\n");
    kept.add(trial.changes);
    const { length: pieces } = trial.changes.pieces;
    assert.ok(pieces > 0 && pieces < 64, `${pieces} pieces changed`);
    for (let page = 0; page < 2; page += 1) {
      const before = trial.said.slice(trial.said.lastIndexOf("\n") + 1);
      trial = new Trial(milestone, null);
      assert.ok(trial.does("resume", kept));
      trial.has(before);
      kept.add(trial.changes);
    }
    trial.does("turn", milestone === 5 ? "* FROM t;\n" : "(4713)\n");
    assert.equal(trial.errors, "");
    trial.reads();
    trial.has("4712");
    assert.ok(trial.does("restart", false));
    trial.reads();
    assert.equal(trial.said.includes("4712"), milestone !== 5);
  });
}

test("a file that a session reads is there, and in another page, too", () => {
  const trial = new Trial(5);
  trial.does("give", "rows.csv", "1\n2\n");
  trial.does("turn", "CREATE TABLE t (a integer);\n\\copy t FROM 'rows.csv' CSV\n");
  trial.has("COPY 2");
  const kept = new Kept();
  trial.does("tellAll");
  kept.add(trial.changes);
  const next = new Trial(5, null);
  next.does("resume", kept);
  next.does("turn", "\\copy t FROM 'rows.csv' CSV\n\\copy t FROM 'nothing.csv'\n\\copy t FROM 'a/b'\n\\i /\n");
  next.has("COPY 2");
  next.has("nothing.csv: No such file or directory");
});
