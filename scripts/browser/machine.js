// A milestone's REPL outside a terminal: runs in a worker of a page, and in Node for the tests.
//
// The module speaks WASI (https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md). It has no environment
// and no arguments here, and the few files of `files.js`, so two dozen of the interface's calls are enough.
"use strict";

// What of a program's memory is compared and kept as one piece: WebAssembly's own page.
const PIECE = 1 << 16;

class Machine {
  // `say(text, isError)` is given what is printed, as soon as it is.
  constructor(module, say) {
    this.module = module;
    this.say = say;
    this.files = new Files();
    // The program's memory as it was after the last call that came to its end.
    this.image = new Uint8Array(0);
    this.begin();
  }

  // A fresh instance.
  begin() {
    this.input = new Uint8Array(0);
    this.complaints = "";
    this.decoders = [1, 2].map(() => new TextDecoder());
    this.files.open.clear();
    const wasi = this.wasi();
    const imports = {};
    for (const { module: from, name } of WebAssembly.Module.imports(this.module)) {
      imports[from] ??= {};
      imports[from][name] = wasi[name] ?? (() => NOT_CAPABLE);
    }
    this.exports = new WebAssembly.Instance(this.module, imports).exports;
    this.exports._initialize?.();
  }

  // Each answers whether the conversation goes on.
  start(milestone, settings, typed) {
    return this.call("start", settings, milestone, typed ? 1 : 0);
  }

  turn(lines) {
    return this.call("turn", lines);
  }

  restart(inOrder) {
    return this.call(inOrder ? "restart" : "kill", "");
  }

  // Puts a file where the program can read it.
  give(name, text) {
    this.files.put(name, new TextEncoder().encode(text));
    return true;
  }

  // Goes on from what `changes` had told, in another page perhaps.
  resume({ size, pieces, files }) {
    this.image = new Uint8Array(size);
    for (const [number, piece] of pieces) this.image.set(piece, number * PIECE);
    for (const [name, bytes] of files) this.files.put(name, bytes);
    this.restore();
    return this.turn("");
  }

  // Has `changes` tell everything once more.
  tellAll() {
    this.image = new Uint8Array(0);
    return this.turn("");
  }

  call(name, input, ...values) {
    this.input = new TextEncoder().encode(input);
    this.isStarting = name !== "turn";
    try {
      const goesOn = this.exports[name](...values) === 1;
      this.complain(!goesOn);
      return goesOn;
    } catch (error) {
      this.complain(true);
      this.say(`\nThe program has crashed, which is a bug: ${error.message}\n`, true);
      return this.revive();
    }
  }

  // After a trap an instance is of no more use. A fresh one gets the disk as it was before the call, and starts the
  // program there as after `kill -9`.
  revive() {
    this.restore();
    if (this.image.length === 0) return false;
    this.say("It starts again, on its disk as it was before this line.\n", false);
    this.isStarting = true;
    try {
      const goesOn = this.exports.kill() === 1;
      this.complain(!goesOn);
      if (goesOn) return true;
    } catch (error) {
      this.complain(true);
      this.restore();
    }
    this.say("It does not start.\n", true);
    return false;
  }

  // Between two calls a program is its memory and nothing else: its stack is empty, and no file is open. So a fresh
  // instance with that memory goes on where the old one was, with the simulated disk and any open transaction.
  restore() {
    this.begin();
    const { memory } = this.exports;
    const missing = this.image.length - memory.buffer.byteLength;
    if (missing > 0) memory.grow(missing / PIECE);
    new Uint8Array(memory.buffer).set(this.image);
  }

  // What is different since it was asked the last time.
  changes() {
    const memory = new Uint8Array(this.exports.memory.buffer);
    const size = memory.length;
    if (size > this.image.length) {
      const longer = new Uint8Array(size);
      longer.set(this.image);
      this.image = longer;
    }
    const [now, before] = [memory, this.image].map(({ buffer }) => new Uint32Array(buffer));
    const pieces = [];
    for (let at = 0; at < size; at += PIECE) {
      let word = at / 4;
      const end = word + PIECE / 4;
      while (word < end && now[word] === before[word]) word += 1;
      if (word === end) continue;
      const piece = memory.slice(at, at + PIECE);
      this.image.set(piece, at);
      pieces.push([at / PIECE, piece]);
    }
    const files = [...this.files.named].map(([name, { bytes, length }]) => [name, bytes.slice(0, length)]);
    return { size, pieces, files };
  }

  // Standard error has news, too: what recovery has done, and notices. The rest is about something that went wrong.
  complain(failed) {
    const isNews = (line) => (this.isStarting ? !failed : line.startsWith("NOTICE:"));
    for (const line of this.complaints.match(/[^\n]*\n|[^\n]+/g) ?? []) this.say(line, !isNews(line));
    this.complaints = "";
  }

  print(file, part) {
    const text = this.decoders[file - 1].decode(part, { stream: true });
    if (file === 2) {
      this.complaints += text;
    } else {
      this.complain(false);
      this.say(text, false);
    }
  }

  wasi() {
    // The memory moves when it grows, so that nobody may keep a view of it.
    const view = () => new DataView(this.exports.memory.buffer);
    const bytes = (at, length) => new Uint8Array(this.exports.memory.buffer, at, length);
    const buffers = (list, count) =>
      Array.from({ length: count }, (_, index) => {
        const at = list + index * 8;
        return bytes(view().getUint32(at, true), view().getUint32(at + 4, true));
      });
    const files = this.files.calls({ view, bytes, buffers });
    return {
      ...files,
      fd_write: (file, list, count, written) => {
        if (file !== 1 && file !== 2) return files.fd_write(file, list, count, written);
        let length = 0;
        for (const part of buffers(list, count)) {
          this.print(file, part);
          length += part.length;
        }
        view().setUint32(written, length, true);
        return SUCCESS;
      },
      fd_read: (file, list, count, read) => {
        if (file !== 0) return files.fd_read(file, list, count, read);
        let length = 0;
        for (const part of buffers(list, count)) {
          const taken = this.input.subarray(0, part.length);
          part.set(taken);
          this.input = this.input.subarray(taken.length);
          length += taken.length;
        }
        view().setUint32(read, length, true);
        return SUCCESS;
      },
      environ_sizes_get: (count, size) => {
        view().setUint32(count, 0, true);
        view().setUint32(size, 0, true);
        return SUCCESS;
      },
      environ_get: () => SUCCESS,
      // Also the monotonic clock has to go on from one page to the next.
      clock_time_get: (clock, _precision, time) => {
        const milliseconds = clock === 0 ? Date.now() : performance.timeOrigin + performance.now();
        view().setBigUint64(time, BigInt(Math.round(milliseconds * 1e6)), true);
        return SUCCESS;
      },
      random_get: (at, length) => {
        crypto.getRandomValues(bytes(at, length));
        return SUCCESS;
      },
      proc_exit: (status) => {
        throw new Error(`it has ended with status ${status}`);
      },
    };
  }
}
