// A milestone's program, kept in the reader's browser from one page to the next: its memory, in pieces (IndexedDB).
"use strict";

class Kept {
  // One book, one store. `build` says whose memory it is: that of another build is of no use.
  static async open(book, milestone, build) {
    const opening = indexedDB.open(`inoxdb ${book}`, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("memory");
    return new Kept(await Kept.done(opening), milestone, build);
  }

  static done(request) {
    return new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  }

  constructor(database, milestone, build) {
    this.database = database;
    this.milestone = milestone;
    this.build = build;
    // Two pages may have the same milestone open. The last one owns it; mixed pieces of both would be worth nothing.
    this.owner = Math.random().toString(36).slice(2);
  }

  head() {
    return [this.milestone, "head"];
  }

  pieces() {
    return IDBKeyRange.bound([this.milestone, 0], [this.milestone, Infinity]);
  }

  // Carries out `action` as one transaction: all of it is kept, or nothing.
  async change(action) {
    const transaction = this.database.transaction("memory", "readwrite");
    const ended = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error ?? new Error("it was not written"));
    });
    ended.catch(() => {});
    const result = await action(transaction.objectStore("memory"));
    await ended;
    return result;
  }

  // Makes this page the owner. What was kept: nothing, a program to go on with, or one of another build.
  claim() {
    return this.change(async (store) => {
      const head = await Kept.done(store.get(this.head()));
      if (head?.size && head.build === this.build) {
        const [numbers, pieces] = await Promise.all([
          Kept.done(store.getAllKeys(this.pieces())),
          Kept.done(store.getAll(this.pieces())),
        ]);
        store.put({ ...head, owner: this.owner }, this.head());
        return { image: { ...head, pieces: numbers.map(([, number], index) => [number, pieces[index]]) } };
      }
      store.delete(this.pieces());
      store.put({ build: this.build, owner: this.owner }, this.head());
      return { isFromAnotherBuild: Boolean(head?.size) };
    });
  }

  // Keeps what has changed. False if another page is the owner now.
  save({ size, pieces, files }) {
    return this.change(async (store) => {
      const head = await Kept.done(store.get(this.head()));
      if (head?.owner !== this.owner) return false;
      for (const [number, piece] of pieces) store.put(piece, [this.milestone, number]);
      store.put({ build: this.build, owner: this.owner, size, files }, this.head());
      return true;
    });
  }

  // Forgets it. This page stays the owner.
  forget() {
    return this.change((store) => {
      store.delete(this.pieces());
      store.put({ build: this.build, owner: this.owner }, this.head());
    });
  }
}
