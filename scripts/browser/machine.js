// A milestone's REPL outside a terminal: runs in a worker of a page, and in Node for the tests.
//
// The module speaks WASI (https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md). It has no files here,
// no environment and no arguments, so of the interface's calls a dozen are enough.
"use strict";

const SUCCESS = 0;
const BAD_FILE = 8; // EBADF
const NOT_CAPABLE = 76; // ENOTCAPABLE
const CHARACTER_DEVICE = 2;

// A program that ended itself.
class Exit extends Error {}

class Machine {
  // `say(text, isError)` is given what is printed, as soon as it is.
  constructor(module, say) {
    this.say = say;
    this.input = new Uint8Array(0);
    this.decoders = [1, 2].map(() => new TextDecoder());
    const wasi = this.wasi();
    const imports = {};
    for (const { module: from, name } of WebAssembly.Module.imports(module)) {
      imports[from] ??= {};
      imports[from][name] = wasi[name] ?? (() => NOT_CAPABLE);
    }
    this.exports = new WebAssembly.Instance(module, imports).exports;
    this.exports._initialize?.();
  }

  // Each answers whether the conversation goes on.
  start(milestone, settings, typed) {
    return this.call(settings, () => this.exports.start(milestone, typed ? 1 : 0));
  }

  turn(lines) {
    return this.call(lines, () => this.exports.turn());
  }

  restart(inOrder) {
    return this.call("", () => (inOrder ? this.exports.restart() : this.exports.kill()));
  }

  call(input, run) {
    this.input = new TextEncoder().encode(input);
    try {
      return run() === 1;
    } catch (error) {
      if (!(error instanceof Exit)) this.say(`\nThe program has panicked, which is a bug: ${error.message}\n`, true);
      return false;
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
    return {
      fd_write: (file, list, count, written) => {
        if (file !== 1 && file !== 2) return BAD_FILE;
        let length = 0;
        for (const part of buffers(list, count)) {
          this.say(this.decoders[file - 1].decode(part, { stream: true }), file === 2);
          length += part.length;
        }
        view().setUint32(written, length, true);
        return SUCCESS;
      },
      fd_read: (file, list, count, read) => {
        if (file !== 0) return BAD_FILE;
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
      fd_fdstat_get: (file, status) => {
        if (file > 2) return BAD_FILE;
        bytes(status, 24).fill(0);
        view().setUint8(status, CHARACTER_DEVICE);
        return SUCCESS;
      },
      fd_close: () => SUCCESS,
      fd_prestat_get: () => BAD_FILE,
      fd_filestat_get: () => BAD_FILE,
      environ_sizes_get: (count, size) => {
        view().setUint32(count, 0, true);
        view().setUint32(size, 0, true);
        return SUCCESS;
      },
      environ_get: () => SUCCESS,
      clock_time_get: (clock, _precision, time) => {
        const milliseconds = clock === 0 ? Date.now() : performance.now();
        view().setBigUint64(time, BigInt(Math.round(milliseconds * 1e6)), true);
        return SUCCESS;
      },
      random_get: (at, length) => {
        crypto.getRandomValues(bytes(at, length));
        return SUCCESS;
      },
      proc_exit: () => {
        throw new Exit();
      },
    };
  }
}
