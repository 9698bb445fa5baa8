// The files that a program in a page can name: a single folder, in memory. They are what a session reads (`\i`, `\copy`)
// and where a result too large for memory goes while its frame is drawn.
"use strict";

const SUCCESS = 0;
const BAD_FILE = 8; // EBADF
const EXISTS = 20; // EEXIST
const INVALID = 28; // EINVAL
const NO_ENTRY = 44; // ENOENT
const NO_SPACE = 51; // ENOSPC
const NOT_CAPABLE = 76; // ENOTCAPABLE
const CHARACTER_DEVICE = 2;
const DIRECTORY = 3;
const REGULAR_FILE = 4;
const CREATE = 1; // the flags of path_open
const EXCLUSIVE = 4;
const TRUNCATE = 8;

// The folder is number 3, the first behind standard input, output and error, and is called `/`.
const FOLDER = 3;
const ROOM = 256 << 20;

// A file's bytes; longer than the file, so that it can grow.
class Content {
  constructor(bytes = new Uint8Array(0)) {
    this.bytes = bytes;
    this.length = bytes.length;
  }

  write(from, at) {
    const end = at + from.length;
    if (end > this.bytes.length) {
      const longer = new Uint8Array(Math.max(end, this.bytes.length * 2));
      longer.set(this.bytes);
      this.bytes = longer;
    }
    this.bytes.set(from, at);
    this.length = Math.max(this.length, end);
  }
}

class Files {
  constructor() {
    this.named = new Map();
    this.open = new Map();
  }

  put(name, bytes) {
    this.named.set(name, new Content(bytes));
  }

  // How much all of them take. A file without a name is there until it is closed.
  used() {
    const all = new Set([...this.named.values(), ...[...this.open.values()].map(({ content }) => content)]);
    return [...all].reduce((sum, { length }) => sum + length, 0);
  }

  // WASI's calls. `view` and `bytes` look at the program's memory, `buffers` at a list of pieces of it.
  calls({ view, bytes, buffers }) {
    const name = (at, length) => new TextDecoder().decode(bytes(at, length)).replace(/^(\.?\/)+/, "");
    const status = (at, type, length) => {
      bytes(at, 64).fill(0);
      view().setUint8(at + 16, type);
      view().setBigUint64(at + 32, BigInt(length), true);
      return SUCCESS;
    };
    // `step` moves one piece at the file's position, and says how much of it.
    const transfer = (file, list, count, moved, step) => {
      const opened = this.open.get(file);
      if (!opened) return BAD_FILE;
      let length = 0;
      for (const part of buffers(list, count)) {
        const done = step(opened, part);
        opened.at += done;
        length += done;
      }
      view().setUint32(moved, length, true);
      return SUCCESS;
    };
    return {
      fd_prestat_get: (file, at) => {
        if (file !== FOLDER) return BAD_FILE;
        view().setUint32(at, 0, true);
        view().setUint32(at + 4, 1, true);
        return SUCCESS;
      },
      fd_prestat_dir_name: (_folder, at) => {
        bytes(at, 1).set([0x2f]);
        return SUCCESS;
      },
      fd_fdstat_get: (file, at) => {
        if (file > FOLDER && !this.open.has(file)) return BAD_FILE;
        bytes(at, 24).fill(0);
        bytes(at + 8, 16).fill(0xff); // all rights
        view().setUint8(at, file < FOLDER ? CHARACTER_DEVICE : file === FOLDER ? DIRECTORY : REGULAR_FILE);
        return SUCCESS;
      },
      path_open: (_folder, _follow, path, length, flags, _rights, _inherited, _options, opened) => {
        const called = name(path, length);
        let content = this.named.get(called);
        if (content && flags & EXCLUSIVE) return EXISTS;
        if (!content && !(flags & CREATE)) return NO_ENTRY;
        if (called === "" || called.includes("/")) return NOT_CAPABLE;
        if (!content || flags & TRUNCATE) this.named.set(called, (content = new Content()));
        let file = FOLDER + 1;
        while (this.open.has(file)) file += 1;
        this.open.set(file, { content, at: 0 });
        view().setUint32(opened, file, true);
        return SUCCESS;
      },
      path_unlink_file: (_folder, path, length) => (this.named.delete(name(path, length)) ? SUCCESS : NO_ENTRY),
      path_filestat_get: (_folder, _follow, path, length, at) => {
        const called = name(path, length);
        if (called === "" || called === ".") return status(at, DIRECTORY, 0);
        const content = this.named.get(called);
        return content ? status(at, REGULAR_FILE, content.length) : NO_ENTRY;
      },
      fd_filestat_get: (file, at) => {
        const opened = this.open.get(file);
        return opened ? status(at, REGULAR_FILE, opened.content.length) : BAD_FILE;
      },
      fd_read: (file, list, count, read) =>
        transfer(file, list, count, read, (opened, part) => {
          const taken = opened.content.bytes.subarray(opened.at, opened.content.length).subarray(0, part.length);
          part.set(taken);
          return taken.length;
        }),
      fd_write: (file, list, count, written) => {
        const wanted = buffers(list, count).reduce((sum, part) => sum + part.length, 0);
        if (this.used() + wanted > ROOM) return NO_SPACE;
        return transfer(file, list, count, written, (opened, part) => {
          opened.content.write(part, opened.at);
          return part.length;
        });
      },
      fd_seek: (file, offset, from, position) => {
        const opened = this.open.get(file);
        if (!opened) return BAD_FILE;
        const at = [0, opened.at, opened.content.length][from] + Number(offset);
        if (!(at >= 0)) return INVALID;
        opened.at = at;
        view().setBigUint64(position, BigInt(at), true);
        return SUCCESS;
      },
      fd_close: (file) => (this.open.delete(file) ? SUCCESS : BAD_FILE),
    };
  }
}
